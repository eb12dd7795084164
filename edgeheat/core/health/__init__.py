"""Decides whether a camera's picture can be trusted: frozen, dark, covered, blurred or moved."""
