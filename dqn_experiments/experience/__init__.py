"""The data that crosses between the parts of a run, and what those parts ask of each other."""
