"""The disk sink: heatmaps with their figures as files, and the deletion of old ones."""
