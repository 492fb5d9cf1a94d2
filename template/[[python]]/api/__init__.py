"""The service's own code. You own this folder: template updates do not change it."""
