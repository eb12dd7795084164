"""Answers questions to the stored history with pictures, videos and tables in files."""
