"""Outputs for snapshots, states and figures: disk, MQTT and Prometheus metrics, independent of one another."""
