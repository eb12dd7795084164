"""Recordings to pictures, videos and figures, by the daemon's engine."""
