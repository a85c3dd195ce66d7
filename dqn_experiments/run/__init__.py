"""The run directory: where it is, what it holds, and whether it is this run or another."""
