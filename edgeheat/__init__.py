"""edgeheat: heat maps of where people move, made under the shop's own ceiling."""

__version__ = "0.1.0"
