"""Environments: N games stepped together, one frame each per step."""
