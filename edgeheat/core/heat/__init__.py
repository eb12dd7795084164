"""Counts seconds per grid cell: decaying, over rolling windows, in total, and per zone."""
