"""The config groups, where their files lie, and what those may instantiate."""

from pathlib import Path

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


def config_dir() -> str:
    """The folder of yaml files: inside an installed package, beside a source tree's."""
    package = Path(__file__).parent
    inside = package / "conf"
    return str(inside if inside.is_dir() else package.parent / "conf")
