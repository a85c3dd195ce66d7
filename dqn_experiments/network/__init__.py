"""Networks: observations to action values."""
