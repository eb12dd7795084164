"""SettingsTable, the base class of every table of config.toml: rejects unknown settings and cannot be changed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class SettingsTable(BaseModel):
    """Base class of tables; an attribute whose name has a unit has the setting's name in the file as its alias."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
