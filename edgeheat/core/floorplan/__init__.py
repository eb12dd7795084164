"""Projects the heats of several cameras onto one floor plan, blends them and draws the result."""
