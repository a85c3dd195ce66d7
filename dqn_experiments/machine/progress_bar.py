"""tqdm's bar, as the place at hand can show it."""

from typing import Any

from tqdm.auto import tqdm


def progress_bar(*arguments: Any, **options: Any) -> Any:
    """A bar in a notebook or on a terminal; elsewhere nothing is shown."""
    in_a_notebook = any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)
    options["disable"] = False if in_a_notebook else None
    return tqdm(*arguments, **options)
