"""Shows the heats of several cameras on one floor plan."""
