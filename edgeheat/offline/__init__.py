"""Processes recordings with the daemon's engine: heat map pictures, overlay videos, tuning advice, plan checks."""
