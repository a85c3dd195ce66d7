"""Torsos: observations to features."""
