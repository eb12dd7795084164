"""Draws heats as pictures: backdrop, colours, colour scale and title, encoded as PNG, JPEG or WebP."""
