"""Frames and masks on the small grid on which everything else works."""
