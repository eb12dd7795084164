"""Explains how a recording's heat came about, in pictures and statistics, and suggests settings."""
