"""The config groups, and where their files lie."""

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


def config_dir() -> Path:
    """The folder of yaml files: inside an installed package, beside a source tree's."""
    package = Path(__file__).parent.parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"
