"""The disk sink: heatmaps and their statistics as files, and the deletion of old ones."""
