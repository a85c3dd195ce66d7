"""Networks: observations to a few numbers per action, which a learning rule gives a meaning."""
