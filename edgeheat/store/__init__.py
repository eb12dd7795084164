"""Stores what must survive a restart: the checkpoints of the cameras' heats, and their history."""
