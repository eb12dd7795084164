"""The status page, the health routes and the metrics endpoint."""
