"""Answers questions about any period from the stored tiles, and rolls tiles up into local hours, days and months."""
