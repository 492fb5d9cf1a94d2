"""Check whether the repository of a backend service is ready for production."""
