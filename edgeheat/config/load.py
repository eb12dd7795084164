"""Reads config.toml, environment and secret files into one validated Config, or reports all errors at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from edgeheat.config import error_messages
from edgeheat.config.camera import StyleSettings
from edgeheat.config.error_messages import SettingError
from edgeheat.config.plan import heat_errors, plan_errors, resolve_images
from edgeheat.config.settings import Config
from edgeheat.config.source_url import check_source, expand_variables
from edgeheat.config.toml_errors import toml_error_text
from edgeheat.config.types import expand_home, one_line, quoted, system_timezone_name
from edgeheat.errors import ConfigError

ETC_CONFIG = Path("/etc/edgeheat/config.toml")
"""Configuration of the system service."""

RUN_SECRETS = Path("/run/secrets")
"""Where Docker puts secret files."""

TomlTable = dict[str, Any]
"""A table as `tomllib` returns it, before validation."""


def find_config(env: Mapping[str, str]) -> Path:
    """Return the configuration file to read if none is given; raises ConfigError, with a hint, if none exists."""
    if named := env.get("EDGEHEAT_CONFIG"):
        return Path(named)
    for path in (Path("edgeheat.toml"), ETC_CONFIG):
        if path.exists():
            return path
    raise ConfigError(
        [
            f"no configuration: neither edgeheat.toml here nor {ETC_CONFIG} exists; copy config.example.toml to one of "
            "them and add your camera, or run the demo, which needs none: edgeheat demo"
        ]
    )


def load_config(
    path: Path | None,
    env: Mapping[str, str],
    *,
    run_secrets: Path = RUN_SECRETS,
    cameras_required: bool = True,
    images_required: bool = True,
) -> Config:
    """Read and check the configuration.

    `path` is the file, or None to search for it (`find_config`). Variables of `env` (EDGEHEAT_MQTT__PORT) override
    secret files ($CREDENTIALS_DIRECTORY, then `run_secrets`), which override the file. Raises ConfigError with all
    errors found; having no camera is one if `cameras_required`, and a plan's picture that cannot be used if
    `images_required`.
    """
    file = path or find_config(env)
    tables = _read_toml(file)
    secret_files = _secret_files([Path(folder) for folder in (env.get("CREDENTIALS_DIRECTORY"), run_secrets) if folder])
    _apply_camera_secrets(tables, secret_files)
    layers = _Layers(str(file), tables, _read_secrets(secret_files), _read_environment(env))
    return _check(layers, env, cameras_required, images_required)


def build_config(tables: TomlTable, env: Mapping[str, str]) -> Config:
    """Check a configuration that is given as tables, in the form of the file; raises ConfigError."""
    return _check(_Layers("built-in", tables, {}, {}), env)


def override_style(style: StyleSettings, overrides: Mapping[str, Any]) -> StyleSettings:
    """Return `style` with the settings in `overrides` (by their names in the file) replaced; raises ConfigError."""
    try:
        return StyleSettings.model_validate(style.model_dump(by_alias=True) | dict(overrides))
    except ValidationError as error:
        details = map(dict[str, Any], error.errors())
        raise ConfigError([f"{e['loc'][0]}: {error_messages.describe(e, StyleSettings)}" for e in details]) from None


@dataclass(frozen=True, slots=True)
class _Layers:
    """The settings of each origin, so that an error can name the place to correct."""

    file: str
    tables: TomlTable
    secrets: TomlTable
    environment: TomlTable

    def merged(self) -> TomlTable:
        return _merge(_merge(self.tables, self.secrets), self.environment)

    def location_of(self, path: error_messages.Path) -> str:
        """Return where the user finds the setting; in a zone, with camera and zone named beside their numbers."""
        names = _zone_names(self.merged(), path)
        if _has_path(self.environment, path):
            return "EDGEHEAT_" + "__".join(str(part).upper() for part in path) + names
        if _has_path(self.secrets, path):
            return f"secret {'-'.join(map(str, path))}"
        location = error_messages.location_text(path)
        return f"{self.file}: {location}{names}" if location else self.file


def _check(
    layers: _Layers, env: Mapping[str, str], cameras_required: bool = True, images_required: bool = True
) -> Config:
    tables = layers.merged()
    own_cameras = tables.get("camera", [])
    cameras = _fill_in_defaults(tables)
    errors = _camera_errors(own_cameras, tables.get("defaults"), cameras_required)
    sources = _check_sources(cameras, env, errors)
    plans = tables.get("plan", [])
    resolve_images(plans, _folder_of(Path(layers.file), env))
    errors += _duplicate_names(plans, ("plan",)) + plan_errors(plans, cameras, images_required)
    storage = tables.setdefault("storage", {})
    if isinstance(storage, dict):
        try:
            storage["path"] = _storage_path(storage.get("path"), env)
        except ValueError as error:
            errors.append((("storage", "path"), str(error)))
    try:
        config = Config(**{**tables, "camera": cameras})
    except ValidationError as error:
        new_errors = [
            e
            for e in map(dict[str, Any], error.errors())
            if not _reported_in_defaults(e, own_cameras, tables.get("defaults"))
        ]
        errors = [(error_messages.setting_path(e), error_messages.describe(e, Config)) for e in new_errors] + errors
    else:
        errors = errors or heat_errors(config.plan, config.camera)
    if errors:
        raise ConfigError([one_line(f"{layers.location_of(path)}: {text}") for path, text in errors])
    if not config.site.timezone:
        system_timezone_name()
    for camera, source in zip(config.camera, sources, strict=True):
        camera.set_expanded_source(source)
    return config


def _folder_of(file: Path, env: Mapping[str, str]) -> Path:
    """Return the folder that relative paths in `file` refer to; systemd passes a copy of it in another folder."""
    credentials = env.get("CREDENTIALS_DIRECTORY")
    return ETC_CONFIG.parent if credentials and file.parent == Path(credentials) else file.parent


def _fill_in_defaults(tables: TomlTable) -> Any:
    """Return the cameras merged onto [defaults]: tables merged, lists replaced; wrong types are left for validation."""
    cameras, defaults = tables.get("camera", []), tables.get("defaults", {})
    if not (isinstance(cameras, list) and isinstance(defaults, dict)):
        return cameras
    return [_merge(defaults, camera) if isinstance(camera, dict) else camera for camera in cameras]


def _camera_errors(cameras: Any, defaults: Any, required: bool) -> list[SettingError]:
    """Return errors that concern several cameras or zones: no camera at all, duplicate names.

    `cameras` are not merged with [defaults], so that an error in the zones of [defaults] is reported once, there.
    """
    if required and cameras == []:
        return [(("camera",), "is missing; add a [[camera]] table with name and source")]
    errors = _duplicate_names(cameras, ("camera",)) + _duplicate_names(_zones_of(defaults), ("defaults", "zone"))
    for index, camera in enumerate(cameras if isinstance(cameras, list) else []):
        errors += _duplicate_names(_zones_of(camera), ("camera", index, "zone"))
    return errors


def _zones_of(table: Any) -> Any:
    return table.get("zone") if isinstance(table, dict) else None


def _duplicate_names(tables: Any, path: error_messages.Path) -> list[SettingError]:
    """Return an error for each name that is in use already; upper and lower case count as the same."""
    errors: list[SettingError] = []
    seen: dict[str, int] = {}
    for index, table in enumerate(tables if isinstance(tables, list) else []):
        name = table.get("name") if isinstance(table, dict) else None
        if not isinstance(name, str):
            continue
        first = seen.setdefault(name.casefold(), index)
        if first != index:
            other = error_messages.location_text((*path, first))
            is_same = tables[first]["name"] == name
            relation = f"as in {other}" if is_same else f"which differs only in case from {other}"
            errors.append(((*path, index, "name"), f"is {quoted(name)}, {relation}; names must be unique"))
    return errors


def _zone_names(tables: Any, path: error_messages.Path) -> str:
    """Return ` (camera "door", zone "till")` for a setting of a zone, with the names that exist; else an empty text."""
    if "zone" not in path:
        return ""
    names = []
    for length, part in enumerate(path):
        tables = tables[part] if _has_path(tables, (part,)) else None
        name = tables.get("name") if isinstance(tables, dict) else None
        if isinstance(name, str):
            names.append(f"{path[length - 1]} {quoted(name)}")
    return f" ({', '.join(names)})" if names else ""


def _check_sources(cameras: Any, env: Mapping[str, str], errors: list[SettingError]) -> list[str]:
    """Return the cameras' sources with ${VAR} replaced, and append an error for each that cannot be used."""
    expanded: list[str] = []
    for index, camera in enumerate(cameras if isinstance(cameras, list) else []):
        source = camera.get("source") if isinstance(camera, dict) else None
        if not isinstance(source, str):
            continue
        try:
            expanded.append(expand_variables(source, env))
            check_source(expanded[-1], str(camera.get("username", "")), str(camera.get("password", "")))
        except ValueError as error:
            errors.append((("camera", index, "source"), str(error)))
    return expanded


def _reported_in_defaults(error: error_messages.ErrorDetails, cameras: Any, defaults: Any) -> bool:
    """Return whether a camera's error comes from [defaults], where it is reported already."""
    root, *rest = error_messages.setting_path(error)
    if root != "camera" or len(rest) < 2 or not isinstance(rest[0], int):
        return False
    setting = tuple(rest[1:-1] if error["type"] == "missing" else rest[1:])
    return bool(setting) and _has_path(defaults, setting) and not _has_path(cameras[rest[0]], setting)


def _storage_path(configured: Any, env: Mapping[str, str]) -> Any:
    if configured:
        return str(expand_home(configured)) if isinstance(configured, str) else configured
    return env.get("STATE_DIRECTORY") or str(expand_home("~/.local/state/edgeheat"))


def _read_toml(file: Path) -> TomlTable:
    text = ""
    try:
        text = file.read_text("utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: {toml_error_text(str(error), text)}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8"]) from None
    except (ValueError, RecursionError):  # which tomllib does not convert
        raise ConfigError([f"{file}: has a number with thousands of digits, or too deeply nested brackets"]) from None
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror}"]) from None


class _EnvironmentReader(EnvSettingsSource):
    """pydantic-settings' reader of EDGEHEAT_… variables, from a mapping instead of os.environ."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        super().__init__(Config)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._env.items() if value}


def _read_environment(env: Mapping[str, str]) -> TomlTable:
    try:
        return _EnvironmentReader(env)()
    except SettingsError as error:
        match = re.search(r'field "(\w+)"', str(error))
        name = f"EDGEHEAT_{match[1].upper()}" if match else "environment"
        raise ConfigError([f"{name}: is a table or a list and must be given as JSON"]) from None


def _secret_files(folders: list[Path]) -> dict[str, Path]:
    """Return the files of the secret folders by name, with `_` for `-`; the first folder that has a name wins.

    The secrets source of pydantic-settings would read every file of the folder, and /run/secrets often holds secrets of
    other programs, which may be unreadable or large.
    """
    files: dict[str, Path] = {}
    for folder in folders:
        for file in sorted(folder.iterdir()) if folder.is_dir() else []:
            files.setdefault(file.name.replace("-", "_"), file)
    return files


def _read_secrets(files: dict[str, Path]) -> TomlTable:
    """Return the settings in secret files: `mqtt-password` sets mqtt.password."""
    secrets: TomlTable = {}
    for table, field in Config.model_fields.items():
        for name, setting in getattr(field.annotation, "model_fields", {}).items():
            key = setting.alias or name
            if file := files.get(f"{table}_{key}"):
                secrets.setdefault(table, {})[key] = _read_secret(file)
    return secrets


def _apply_camera_secrets(tables: TomlTable, files: dict[str, Path]) -> None:
    """Set username and password of the cameras from `camera-NAME-username` and `camera-NAME-password`."""
    cameras = tables.get("camera", [])
    for camera in cameras if isinstance(cameras, list) else []:
        for key in ("username", "password"):
            if isinstance(camera, dict) and (file := files.get(f"camera_{camera.get('name')}_{key}".replace("-", "_"))):
                camera[key] = _read_secret(file)


def _read_secret(file: Path) -> str:
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8 text'}"]) from None


def _merge(base: TomlTable, overrides: TomlTable) -> TomlTable:
    """Return `base` overridden by `overrides`: tables merged at every depth, anything else replaced."""
    merged = dict(base)
    for key, value in overrides.items():
        existing = merged.get(key)
        merged[key] = _merge(existing, value) if isinstance(existing, dict) and isinstance(value, dict) else value
    return merged


def _has_path(tables: Any, path: error_messages.Path) -> bool:
    for part in path:
        try:
            tables = tables[part]
        except (KeyError, IndexError, TypeError):
            return False
    return bool(path)
