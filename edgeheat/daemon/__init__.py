"""The unattended service: one parent that only moves bytes, one worker process per camera."""
