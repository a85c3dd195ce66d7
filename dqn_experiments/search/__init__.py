"""A search over hyperparameters: what is drawn, what goes on, what is stopped."""
