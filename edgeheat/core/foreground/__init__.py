"""Detects in each frame who is there, moving or stationary, and rejects light, shadows and flicker."""
