"""The config groups, their options, and where their files lie."""

from pathlib import Path

GROUPS = (
    "env",
    "network",
    "agent",
    "buffer",
    "optimizer",
    "augmentation",
    "schedule",
    "tracker",
    "evaluation",
)


def options(folder: str, own: Path | None = None) -> list[str]:
    """The names that `<folder>=<name>` takes, from `conf/` and from a person's `own` folder.

    A file whose name begins with `_` is a part of others.
    """
    places = [config_dir(), *([own] if own else [])]
    return sorted({file.stem for place in places for file in (place / folder).glob("[!_]*.yaml")})


def folders() -> list[str]:
    """All folders of options: `agent`, `buffer`, `buffer/beta`, ..."""
    root = config_dir()
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir())


def config_dir() -> Path:
    """The folder of yaml files: inside an installed package, beside a source tree's."""
    package = Path(__file__).parent.parent
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"
