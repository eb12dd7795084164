"""`edgeheat config`, and how every command treats an invalid configuration."""

from __future__ import annotations

import json
import tomllib

import pytest

from tests.cli.commands import CAMERA, config_file, edgeheat


@pytest.mark.parametrize("command", [["run"], ["config", "check"], ["config", "show"], ["reset", "till", "--moved"]])
def test_without_a_valid_configuration_commands_exit_78_with_one_line_per_error(command: list[str]) -> None:
    file = config_file("[web]\nport = 0\n[log]\nlevel = 'loud'\n" + CAMERA)
    result = edgeheat(*command, "--config", file)
    assert result.exit_code == 78
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "shop.toml: web.port: is 0; must be at least 1",
        'shop.toml: log.level: is "loud"; must be one of debug, info, warning, error',
    ]


def test_without_any_configuration_the_message_says_how_to_begin() -> None:
    result = edgeheat("run")
    assert result.exit_code == 78
    assert result.stderr.endswith("or run the demo, which needs none: edgeheat demo\n")


def test_config_check_names_the_cameras() -> None:
    result = edgeheat("config", "check", "-c", config_file(CAMERA))
    assert (result.exit_code, result.output) == (0, "no errors; cameras: till\n")


def test_config_show_is_toml_without_secrets() -> None:
    file = config_file('[mqtt]\nusername = "me"\npassword = "hush"\n' + CAMERA)
    result = edgeheat("config", "show", "-c", file)
    assert tomllib.loads(result.stdout)["mqtt"]["username"] == "me"
    assert "hush" not in result.output


def test_config_schema_is_json() -> None:
    assert "camera" in json.loads(edgeheat("config", "schema").stdout)["properties"]
