"""What every answer has in common, whatever it is about."""
