"""Which runs are better, and whether the difference is real: read from run directories alone."""
