"""The container files: each is accepted by the program that reads it, and they fit together."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from edgeheat.config import load_config
from edgeheat.errors import OPENCV_REMEDY
from edgeheat.web.guard import host_allowed, own_names
from tests.support.wait import DEADLINE_S, wait_for

from .conftest import DEPLOY, free_port

COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
YAML_FILES = [DEPLOY / "compose.yaml", DEPLOY / "prometheus.yml", *(DEPLOY / "grafana").rglob("*.yaml")]


def service(name: str) -> str:
    """The text of one service of compose.yaml."""
    found = re.search(rf"^  {name}:\n((?:    .*\n|\n)+)", COMPOSE, re.MULTILINE)
    assert found is not None
    return found[1]


def test_compose_runs_edgeheat_and_three_services() -> None:
    services = COMPOSE.split("\nservices:\n")[1].split("\nvolumes:\n")[0]
    assert re.findall(r"^  (\w+):$", services, re.MULTILINE) == ["edgeheat", "mosquitto", "prometheus", "grafana"]


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: file.name)
def test_yaml_files_have_no_tabs_and_even_indentation(file: Path) -> None:
    for line in file.read_text(encoding="utf-8").splitlines():
        assert "\t" not in line
        assert (len(line) - len(line.lstrip(" "))) % 2 == 0, line


def test_what_compose_mounts_exists_and_is_read_only() -> None:
    mounts = re.findall(r"^      - \./(\S+?):(\S+?)(:ro)?$", COMPOSE, re.MULTILINE)
    assert len(mounts) == 6
    for path, _, read_only in mounts:
        assert (DEPLOY / path).exists()
        assert read_only


def test_every_named_volume_is_declared_and_used() -> None:
    used = set(re.findall(r"^      - ([a-z-]+):/", COMPOSE, re.MULTILINE))
    declared = set(re.findall(r"^  ([a-z-]+):$", COMPOSE.split("\nvolumes:\n")[1], re.MULTILINE))
    assert used == declared


def test_every_port_is_published_on_this_machine_only_by_default() -> None:
    ports = re.findall(r"^    ports:\n      - \"(.+)\"$", COMPOSE, re.MULTILINE)
    assert len(ports) == 4
    assert all(port.startswith("${EDGEHEAT_BIND:-127.0.0.1}:") for port in ports)


def test_images_are_pinned_to_a_version() -> None:
    images = re.findall(r"^    image: (\S+)$", COMPOSE, re.MULTILINE)
    assert len(images) == 3
    assert all(re.search(r":v?\d+\.\d+\.\d+$", image) for image in images)


def test_grafana_finds_the_board_and_prometheus_where_compose_puts_them() -> None:
    provider = (DEPLOY / "grafana/provisioning/dashboards/edgeheat.yaml").read_text(encoding="utf-8")
    source = (DEPLOY / "grafana/provisioning/datasources/prometheus.yaml").read_text(encoding="utf-8")
    assert "path: /etc/grafana/dashboards\n" in provider
    assert "./grafana/dashboards:/etc/grafana/dashboards:ro" in service("grafana")
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in service("grafana")
    assert "url: http://prometheus:9090\n" in source
    assert "9090:9090" in service("prometheus")


def test_the_page_accepts_the_host_name_that_prometheus_requests() -> None:
    found = re.search(r"^    hostname: (\S+)$", service("edgeheat"), re.MULTILINE)
    target = re.search(r'targets: \["(.+)"\]', (DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    assert found is not None
    assert target is not None
    assert host_allowed(target[1], own_names(found[1]))


def test_the_containers_configuration_is_accepted_and_fits_compose(tmp_path: Path) -> None:
    config = load_config(DEPLOY / "config.toml", {}, run_secrets=tmp_path)
    assert (config.web.host, config.web.port) == ("0.0.0.0", 8080)
    assert (config.mqtt.enabled, config.mqtt.host, config.mqtt.port) == (True, "mosquitto", 1883)
    assert f"edgeheat-data:{config.storage_path}" in service("edgeheat")


def test_the_image_runs_as_an_unprivileged_user_that_owns_the_storage() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert lines.count("FROM python:3.12-slim-bookworm") == 2
    assert lines.index("USER edgeheat") < lines.index("ENTRYPOINT")
    assert "install -d -o edgeheat -g edgeheat -m 0700 /var/lib/edgeheat" in lines
    for path in re.findall(r"^COPY (?!--from)(.+) \S+$", lines, re.MULTILINE):
        for name in path.split():
            assert (DEPLOY.parent / name).exists()
            assert f"!{name}\n" in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "Makefile", "docs/service.md"])
def test_the_libraries_that_opencv_needs_are_the_same_everywhere(file: str) -> None:
    packages = OPENCV_REMEDY.removeprefix("apt install ")
    assert packages in (DEPLOY.parent / file).read_text(encoding="utf-8")


@pytest.mark.real("promtool")
def test_promtool_accepts_the_scrape_configuration() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", DEPLOY / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "SUCCESS" in done.stdout


@pytest.mark.real("prometheus")
def test_prometheus_sees_the_device_as_up(prometheus: httpx.Client) -> None:
    found = prometheus.get("/query", params={"query": 'up{job="edgeheat"}'}).json()["data"]["result"]
    assert [series["value"][1] for series in found] == ["1"]


@pytest.mark.real("mosquitto")
def test_mosquitto_starts_with_the_shipped_file_and_accepts_a_message(tmp_path: Path) -> None:
    port = free_port()
    shipped = (DEPLOY / "mosquitto.conf").read_text(encoding="utf-8")
    here = shipped.replace("listener 1883", f"listener {port} 127.0.0.1").replace("/mosquitto/data/", f"{tmp_path}/")
    (tmp_path / "mosquitto.conf").write_text(f"{here}user root\n")
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None
    broker = subprocess.Popen([program, "-c", tmp_path / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    try:
        publish = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-t", "edgeheat/test", "-m", "x", "-q", "1"]
        wait_for(
            lambda: subprocess.run(publish, capture_output=True, check=False, timeout=DEADLINE_S).returncode == 0,
            "the broker accepts a message",
        )
    finally:
        broker.terminate()
        broker.wait(timeout=DEADLINE_S)
