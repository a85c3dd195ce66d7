"""One HTML page that shows a comparison, opens from disk and asks no network for anything."""

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Comparison of runs</title>
<style>{style}</style>
</head>
<body>
<main></main>
<noscript>This page is drawn by its script; table.csv beside it has the figures.</noscript>
<script type="application/json" id="data">{data}</script>
<script>{plotly}</script>
<script>{renderer}</script>
</body>
</html>
"""
"""Plotly, the data and what draws it are one block each."""


def page(comparison: dict[str, Any]) -> str:
    """The page of what `summary.compared` says.

    A browser runs the two scripts that this package puts in, known by their hashes, and no other;
    nothing that a run directory says can become one.

    Raises:
        ImportError: if plotly is not installed.
    """
    from plotly.offline import get_plotlyjs  # of an extra

    plotly, renderer = get_plotlyjs(), _text("page.js")
    scripts = " ".join(f"'sha256-{_hash(script)}'" for script in (plotly, renderer))
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return PAGE.format(
        policy=policy,
        style=_text("page.css"),
        data=_block(comparison),
        plotly=plotly,
        renderer=renderer,
    )


def _block(comparison: dict[str, Any]) -> str:
    """JSON that holds nothing which HTML could take for the end of its block."""
    text = json.dumps(comparison, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _text(name: str) -> str:
    return (files(__package__) / name).read_text("utf-8")
