"""Checks whether a camera's picture can be trusted, or is frozen, dark, covered, blurred or moved."""
