"""Evaluation protocols: how an agent is scored."""
