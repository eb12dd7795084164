"""The engine: numpy and cv2 as arithmetic; no files, sockets, threads, clocks or configuration."""
