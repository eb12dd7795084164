"""Config, the whole configuration, and its tables other than cameras and plans: site, storage, MQTT and others."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from edgeheat.config.camera import Camera, CameraSettings
from edgeheat.config.history import HistorySettings
from edgeheat.config.hours import HoursSettings
from edgeheat.config.plan import Plan
from edgeheat.config.reports import ReportsSettings
from edgeheat.config.settings_table import SettingsTable
from edgeheat.config.toml_writer import toml_text
from edgeheat.config.types import (
    Cron,
    Duration,
    HostNames,
    Name,
    Size,
    TimezoneName,
    duration_text,
    system_timezone_name,
)
from edgeheat.defs.params import BrokerParams, PlanParams
from edgeheat.redact import redact
from edgeheat.schedule import SnapshotSchedule

Port = Annotated[int, Field(ge=1, le=65535)]


class SiteSettings(SettingsTable):
    """The shop."""

    name: Name = "shop"
    """Name of this shop in MQTT topics and metrics."""

    timezone: TimezoneName = ""
    """The shop's time zone, such as "Europe/Oslo"; empty: that of the machine."""


class StorageSettings(SettingsTable):
    """Where files are kept, and for how long."""

    path: str = ""
    """Folder for pictures and state; empty: $STATE_DIRECTORY (systemd sets it), else ~/.local/state/edgeheat."""

    keep_s: Annotated[Duration, Field(ge=3600)] = Field(default=30 * 86400.0, alias="keep")
    """Dated pictures older than this are deleted."""

    max_size_bytes: Annotated[Size, Field(ge=10**6)] = Field(default=2 * 10**9, alias="max_size")
    """Above this total the oldest dated pictures are deleted."""

    free_floor_bytes: Size = Field(default=500 * 10**6, alias="free_floor")
    """This much disk space is kept free; the oldest dated pictures are deleted first."""

    pictures_every_s: Annotated[Duration, Field(ge=10, le=86400)] | None = Field(default=None, alias="pictures_every")
    """Pictures of a camera are written at most this often; the page and MQTT get all. By default `"1h"` with history,
    which can draw any period again, else each picture."""

    checkpoint_every_s: Annotated[Duration, Field(ge=1, le=86400)] | None = Field(
        default=None, alias="checkpoint_every"
    )
    """How often heats are saved; a power cut loses at most this much counting, with history at most five minutes. By
    default `"6h"` with history, else `"5m"`."""


class ScheduleSettings(SettingsTable):
    """When pictures are made; `every` or `cron`, not both."""

    every_s: Annotated[Duration, Field(ge=10, le=86400)] | None = Field(default=600.0, alias="every")
    """Interval from local midnight; it must fit evenly into a day."""

    cron: Cron | None = None
    """Five cron fields in the shop's time, such as "*/5 9-20 * * *"; instead of `every`."""

    @model_validator(mode="before")
    @classmethod
    def _check_every_or_cron(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("cron") is not None:
            if data.get("every") is not None:
                raise ValueError("has both every and cron; keep one")
            return {**data, "every": None}
        return data

    @field_validator("every_s")
    @classmethod
    def _check_interval(cls, every_s: float | None) -> float | None:
        if every_s is not None and (not every_s.is_integer() or 86400 % every_s):
            raise ValueError(
                f'is "{duration_text(every_s)}", which does not fit evenly into a day; write, for example, "10m"'
            )
        return every_s

    def snapshot_schedule(self, timezone: tzinfo) -> SnapshotSchedule:
        """Return the instants at which pictures are due, in the shop's `timezone`."""
        if self.cron is not None:
            return SnapshotSchedule.cron(self.cron, timezone)
        return SnapshotSchedule.every(int(self.every_s or 0), timezone)


class MqttSettings(SettingsTable):
    """Publishing to an MQTT broker."""

    enabled: bool = False
    """Publish."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """The broker's name or address."""

    port: Port = 1883
    """The broker's port; with `tls` most brokers use 8883."""

    username: str = ""
    """User to log in as; empty: no login."""

    password: SecretStr = SecretStr("")
    """Password of that user; preferably in a secret file `mqtt-password` or in EDGEHEAT_MQTT__PASSWORD."""

    client_id: str = ""
    """Client id of this device at the broker, unique; empty: `edgeheat-` and the site's name."""

    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")] = "edgeheat"
    """First part of every topic."""

    tls: bool = False
    """Encrypt, and check the broker's certificate."""

    ca_file: str = ""
    """Certificate authority (PEM) of the broker's certificate; empty: those of the system."""

    cert_file: str = ""
    """Client certificate (PEM), for brokers that request one."""

    key_file: str = ""
    """Private key (PEM) of the client certificate; empty: it is in `cert_file`."""

    keepalive_s: Annotated[Duration, Field(ge=5, le=3600)] = Field(default=30.0, alias="keepalive")
    """Interval of the keep-alive messages; the broker marks the device offline after 1.5 times this."""

    @model_validator(mode="after")
    def _check_login_and_tls(self) -> MqttSettings:
        if "/" in self.host or "@" in self.host:
            raise ValueError("has a URL as host; write only the name or address, and set port, username and password")
        if self.password.get_secret_value() and not self.username:
            raise ValueError("has a password and no username; set username")
        if self.key_file and not self.cert_file:
            raise ValueError("has a key_file and no cert_file; set cert_file")
        if (self.ca_file or self.cert_file) and not self.tls:
            raise ValueError("has certificate files, but tls is off; set tls = true")
        return self

    def broker_params(self, site: str) -> BrokerParams:
        """Return these settings as parameters of the MQTT client, for the shop `site`."""
        return BrokerParams(
            host=self.host,
            port=self.port,
            site=site,
            prefix=self.prefix,
            username=self.username or None,
            password=self.password.get_secret_value() or None,
            client_id=self.client_id or f"edgeheat-{site}",
            keepalive_s=round(self.keepalive_s),
            tls=self.tls,
            ca_file=self.ca_file or None,
            cert_file=self.cert_file or None,
            key_file=self.key_file or None,
        )


class WebSettings(SettingsTable):
    """The status page and the metrics."""

    enabled: bool = True
    """Serve the page, /metrics, /healthz and /readyz."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address to listen on; any other than 127.0.0.1 exposes the pictures to the network, without a
    password."""

    port: Port = 8080
    """Port to listen on."""

    hosts: HostNames = ()
    """Additional host names that the page answers to, such as "pi.lan"; IP addresses, the machine's host name and names
    in .local are always accepted."""


class SupervisionSettings(SettingsTable):
    """When a camera's process counts as hung, and how soon it is restarted."""

    stall_timeout_s: Annotated[Duration, Field(ge=1, le=600)] = Field(default=10.0, alias="stall_timeout")
    """After this time without a decoded frame the camera's process is killed and restarted; its first frame may take at
    least a minute."""

    backoff_first_s: Annotated[Duration, Field(ge=0.1, le=3600)] = Field(default=1.0, alias="backoff_first")
    """Pause before the first restart; it doubles with each failure."""

    backoff_max_s: Annotated[Duration, Field(ge=0.1, le=3600)] = Field(default=30.0, alias="backoff_max")
    """Longest pause between two restarts."""

    reset_after_s: Annotated[Duration, Field(ge=1, le=86400)] = Field(default=60.0, alias="reset_after")
    """After this time with frames, the pause is reset to the first one."""

    @model_validator(mode="after")
    def _check_backoff(self) -> SupervisionSettings:
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError("backoff_max is shorter than backoff_first")
        return self


class LogSettings(SettingsTable):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""


class Config(BaseSettings):
    """All settings of config.toml, checked; cameras are merged with [defaults]."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        env_prefix="EDGEHEAT_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    site: SiteSettings = SiteSettings()
    """The shop."""

    storage: StorageSettings = StorageSettings()
    """Where files are kept, and for how long."""

    history: HistorySettings = HistorySettings()
    """What was counted in the past: in each five minutes, hour, day and month."""

    schedule: ScheduleSettings = ScheduleSettings()
    """When pictures are made."""

    hours: HoursSettings = HoursSettings()
    """When the shop is open."""

    reports: ReportsSettings = ReportsSettings()
    """Which reports are made, each when its time is over."""

    mqtt: MqttSettings = MqttSettings()
    """Publishing to an MQTT broker."""

    web: WebSettings = WebSettings()
    """The status page and the metrics."""

    supervision: SupervisionSettings = SupervisionSettings()
    """When a camera's process counts as hung, and how soon it is restarted."""

    log: LogSettings = LogSettings()
    """What is logged."""

    defaults: CameraSettings = CameraSettings()
    """Applied to each [[camera]]: any setting of a camera except name and source."""

    camera: tuple[Camera, ...] = ()
    """The cameras."""

    plan: tuple[Plan, ...] = ()
    """The floor plans, drawn in the style of [defaults]."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Check only what it is given: `load_config` reads the sources, to fill [defaults] into the cameras first."""
        return (init_settings,)

    def show(self) -> str:
        """Return every setting as TOML, with passwords masked, also those inside URLs."""
        tables = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        tables["camera"] = [
            {"name": camera.pop("name"), "source": redact(camera.pop("source")), **camera}
            for camera in tables["camera"]
        ]
        return toml_text(tables)

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """Return the JSON schema of config.toml, for editors."""
        return Config.model_json_schema(by_alias=True)

    def plan_params(self) -> tuple[PlanParams, ...]:
        """Return the parameters for drawing each plan, in the order of `plan`, which has the picture files."""
        return tuple(plan.params(self.camera, self.defaults.style, self.timezone) for plan in self.plan)

    @property
    def pictures_every_s(self) -> float:
        """Pictures of a camera are written at most this often; 0: all of them."""
        return self.storage.pictures_every_s or (3600.0 if self.history.enabled else 0.0)

    @property
    def checkpoint_every_s(self) -> float:
        """How often heats are saved on the disk."""
        return self.storage.checkpoint_every_s or (6 * 3600.0 if self.history.enabled else 300.0)

    @property
    def storage_path(self) -> Path:
        """The folder for pictures and state."""
        return Path(self.storage.path)

    @property
    def timezone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.site.timezone or system_timezone_name())
