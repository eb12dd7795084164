"""The command line: parses arguments, calls the daemon, the offline tools or the doctor, and returns exit codes."""
