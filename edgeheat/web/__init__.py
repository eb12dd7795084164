"""The web server: status page, health checks and the metrics endpoint."""
