"""Explains how a recording's heat came about, picture by picture and in figures, and suggests settings."""
