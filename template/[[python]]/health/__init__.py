"""Health: whether the process lives, is ready for traffic, and what its dependencies do."""
