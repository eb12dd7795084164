"""Fixture that runs every test of the command line in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to an empty folder, without any configuration of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEHEAT_CONFIG", raising=False)
    monkeypatch.setattr("edgeheat.config.load.ETC_CONFIG", tmp_path / "etc.toml")
