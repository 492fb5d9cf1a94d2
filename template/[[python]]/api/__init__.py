"""The service's own work. Yours: an update of the template never touches this folder."""
