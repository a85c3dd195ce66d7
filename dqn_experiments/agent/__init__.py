"""Agents: a learning rule and the policy it yields."""
