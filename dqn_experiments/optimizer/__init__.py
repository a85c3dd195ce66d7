"""Optimizers: gradients to weights."""
