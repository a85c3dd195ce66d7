"""Augmentations: observations to what an update sees in their place."""
