"""Training: Algorithm 1 and the parts it is made of."""
