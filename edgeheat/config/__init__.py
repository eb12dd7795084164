"""The configuration: reads file, environment and secrets, checks all settings, and builds parameters from them."""

from edgeheat.config.camera import Camera, CameraSettings, MotionSettings, StyleSettings
from edgeheat.config.load import build_config, find_config, load_config, override_style
from edgeheat.config.settings import Config

__all__ = [
    "Camera",
    "CameraSettings",
    "Config",
    "MotionSettings",
    "StyleSettings",
    "build_config",
    "find_config",
    "load_config",
    "override_style",
]
