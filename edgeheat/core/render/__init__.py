"""Turns a heat into a picture: colours, backdrop, title and legend."""
