"""Replay memories: transitions in, batches out."""
