"""Checks everything edgeheat needs and says what to do where something is missing."""
