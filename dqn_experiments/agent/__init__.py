"""Agents: learning rules, each a function of a batch."""
