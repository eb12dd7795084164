"""Renders a synthetic shop with walking people and exact ground truth, for the demo, tests and benchmarks."""

from edgeheat.sources.synthetic.source import SyntheticSource, open_synthetic, parse_synthetic

__all__ = ["SyntheticSource", "open_synthetic", "parse_synthetic"]
