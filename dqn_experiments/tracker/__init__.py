"""Trackers: where metrics and checkpoints are sent."""
