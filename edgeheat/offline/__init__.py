"""Recordings to pictures, videos and figures, by the daemon's engine."""

from edgeheat.offline.engine import RenderJob, RenderResult, render

__all__ = ["RenderJob", "RenderResult", "render"]
