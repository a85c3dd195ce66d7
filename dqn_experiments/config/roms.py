"""The games that ale-py ships."""

from importlib.util import find_spec
from pathlib import Path

from hydra.core.config_store import ConfigStore

from dqn_experiments.config.groups import options

MULTIPLAYER_ONLY = frozenset({"combat", "joust", "maze_craze", "warlords"})  # as ale-py's registry


def single_player_roms() -> list[str]:
    """Names as `env=<rom>` takes them, found without loading the emulator."""
    spec = find_spec("ale_py")
    folders = spec.submodule_search_locations if spec else None
    names = {rom.stem for folder in folders or () for rom in Path(folder, "roms").glob("*.bin")}
    return sorted(names - MULTIPLAYER_ONLY)


def register_env_configs() -> None:
    """Make every game an option of the config group `env`; files in conf/env go before these."""
    for rom in single_player_roms():
        node = {"defaults": ["atari", "_self_"], "rom": rom}
        ConfigStore.instance().store(rom, node, group="env", provider="ale-py", replace=True)


def choices(folder: str, own: Path | None = None) -> str:
    """What `<folder>=<name>` takes, to be told: its files, and for `env` every game."""
    roms = single_player_roms() if folder == "env" else []
    return ", ".join(sorted({*options(folder, own), *roms}))
