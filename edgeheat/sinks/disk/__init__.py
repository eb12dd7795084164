"""Writes pictures and their figures to disk, and deletes the oldest."""
