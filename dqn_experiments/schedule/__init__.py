"""Schedules: steps to a number in [0, 1]."""
