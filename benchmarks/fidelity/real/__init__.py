"""Measures real recordings with ground truth, which are not part of the repository."""
