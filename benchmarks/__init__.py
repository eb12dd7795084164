"""What edgeheat costs, measured beside plain decoding and beside the usual way; `make bench` runs all of it."""
