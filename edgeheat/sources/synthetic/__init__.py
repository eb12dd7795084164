"""The `synthetic:` source: a shop that is drawn, not filmed, for the demo, the tests and the fidelity benchmark."""

from edgeheat.sources.synthetic.source import SyntheticSource, open_synthetic, parse_synthetic

__all__ = ["SyntheticSource", "open_synthetic", "parse_synthetic"]
