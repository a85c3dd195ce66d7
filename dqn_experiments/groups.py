"""The config groups, and what their files may instantiate."""

GROUPS = (
    "env",
    "network",
    "agent",
    "buffer",
    "optimizer",
    "schedule",
    "tracker",
    "evaluation",
)
EXECUTION_WHITELIST = tuple(f"dqn_experiments.{group}.*" for group in GROUPS)
"""All that a config may name in `_target_`: this project's own components."""
