"""Counts seconds of movement and dwell per grid cell and per zone: decaying, over rolling windows, and in total."""
