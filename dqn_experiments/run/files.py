"""What files of a run directory are called."""

HISTORY = "history.csv"
METRICS = "metrics.jsonl"
EVALUATION = "evaluation.json"
