"""Outputs for snapshots, states and statistics: disk, MQTT and Prometheus metrics, independent of one another."""
