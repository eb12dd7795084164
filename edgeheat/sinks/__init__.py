"""Where snapshots, states and figures go: disk, MQTT and metrics; none of them knows another."""
