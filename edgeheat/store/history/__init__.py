"""The history of every camera: an SQLite file of tiles, which survives power cuts, full disks and damage."""
