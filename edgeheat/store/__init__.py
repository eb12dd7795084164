"""What must outlive a restart: the checkpoint of every camera's heats."""
