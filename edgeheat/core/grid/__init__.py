"""Frames, masks and zones on the small grid of cells on which motion is detected and heat is counted."""
