"""Plain data and protocols that every package may import: no numpy, no input or output."""
