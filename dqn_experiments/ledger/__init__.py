"""What a sweep asked for, and what came of each of its jobs, read from its directory."""
