"""edgeheat: heat maps of where people move and stay in a shop, computed from its cameras on a small computer there."""

__version__ = "0.1.0"
