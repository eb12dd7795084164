"""The engine: pure computation with numpy and OpenCV; no files, sockets, threads, clocks or configuration."""
