"""The unattended service: a parent process that schedules and publishes, and one worker process per camera."""
