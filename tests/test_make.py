"""The first steps of the Makefile on a bare machine, with small scripts in place of apt, pip and the interpreter."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Programs of the bare machine. Each appends its call to `calls`; `libs` exists once apt has installed something.
PROGRAMS = {
    "machine/id": "echo $USER_ID",
    "machine/dpkg-query": "exit 1",
    "machine/systemctl": "",
    "machine/apt-get": "[ $1 = update ] || { [ -e policy-rc.d ] && touch libs; }",
    "machine/python3": (
        'case "$*" in *version_info*) echo $VERSION ;; *venv*) mkdir -p .venv/bin; cp venv/* .venv/bin ;; esac'
    ),
    "venv/pip": "",
    "venv/python": (
        'case "$*" in *venv*) mkdir -p .venv-lowest/bin; cp lowest-python .venv-lowest/bin/python; exit ;; esac; '
        "[ -e libs ] || { echo 'ImportError: libGL.so.1' >&2; exit 1; }"
    ),
    "venv/uv": "",
    "lowest-python": 'echo "$*" >> lowest-calls',
    "venv/edgeheat": 'echo "edgeheat started: $*"',
}


class Machine:
    """The Makefile and its tools in a folder, on a machine that has nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {
            "PATH": f"{folder / 'machine'}:/usr/bin:/bin",
            "HOME": str(folder),
            "POLICY_RC_D": str(folder / "policy-rc.d"),
            "USER_ID": "0",
            "VERSION": "3.11",
        }
        shutil.copytree(ROOT / "tools", folder / "tools")
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copy(ROOT / "pyproject.toml", folder)
        for name, body in PROGRAMS.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f'#!/bin/bash\necho "{path.name} $*" >> calls\n{body}\n', encoding="utf-8")
            path.chmod(0o755)

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environ | environ, capture_output=True, text=True, check=False
        )

    def calls(self, program: str) -> list[str]:
        """The arguments of all calls of the program so far."""
        calls = (self.folder / "calls").read_text(encoding="utf-8").splitlines()
        return [call.removeprefix(f"{program} ") for call in calls if call.startswith(f"{program} ")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_make_alone_explains_every_target(machine: Machine) -> None:
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)[0].split()
    shown = machine.run("make").stdout
    assert [target for target in targets if not re.search(rf"^  {target} +\w", shown, re.MULTILINE)] == []


def test_make_run_starts_the_demo_on_a_bare_machine_as_root(machine: Machine) -> None:
    result = machine.run("make", "run")
    assert result.stdout.endswith("edgeheat started: demo\n"), result.stderr
    assert machine.calls("apt-get") == [
        "update -qq",
        "install -y -qq --no-install-recommends libgl1 libglib2.0-0 libxcb1",
    ]


def test_make_run_without_root_prints_the_command_and_stops(machine: Machine) -> None:
    result = machine.run("make", "run", USER_ID="1000")
    assert result.returncode != 0
    assert "sudo apt-get install -y libgl1 libglib2.0-0 libxcb1" in result.stderr
    assert machine.calls("apt-get") == []
    assert machine.calls("edgeheat") == []


def test_make_run_installs_once_and_again_when_the_dependencies_change(machine: Machine) -> None:
    machine.run("make", "run")
    machine.run("make", "run", "CONFIG=my shop.toml")
    assert machine.calls("pip") == ["install --quiet --editable ."]
    assert machine.calls("edgeheat") == ["demo", "run --config my shop.toml"]
    stamp = (machine.folder / ".venv" / ".package").stat().st_mtime
    os.utime(machine.folder / "pyproject.toml", (stamp + 10, stamp + 10))
    machine.run("make", "run")
    assert len(machine.calls("pip")) == 2


@pytest.mark.parametrize("version", ["2.7", "3.9", "3.10"])
def test_an_interpreter_that_is_too_old_is_rejected(machine: Machine, version: str) -> None:
    old = machine.folder / "machine" / "python0"
    shutil.copy(machine.folder / "machine" / "python3", old)
    result = machine.run("make", "run", "PYTHON=python0", VERSION=version)
    assert result.returncode != 0
    assert f"python0 is Python {version}; edgeheat needs 3.11 or newer." in result.stderr


def test_a_missing_interpreter_is_named(machine: Machine) -> None:
    result = machine.run("make", "run", "PYTHON=python0")
    assert result.returncode != 0
    assert "python0 is not installed or does not run." in result.stderr


def test_an_interpreter_of_pyenv_is_found(machine: Machine) -> None:
    place = machine.folder / ".pyenv" / "versions" / "3.12.1" / "bin"
    place.mkdir(parents=True)
    shutil.copy(machine.folder / "machine" / "python3", place / "python3.12")
    (machine.folder / "machine" / "python3.12").write_text("#!/bin/bash\nexit 127\n", encoding="utf-8")
    assert machine.run("tools/find-python", "python3.12").stdout.strip() == str(place / "python3.12")


@pytest.mark.parametrize("target", ["test", "test-quick", "test-core", "test-newer", "test-lowest"])
def test_the_tests_run_without_root_and_say_what_is_skipped(machine: Machine, target: str) -> None:
    (machine.folder / "libs").touch()
    result = machine.run("make", target, "ARGS=-k mqtt", USER_ID="1000")
    assert result.returncode == 0, result.stderr
    assert "sudo apt-get install -y mosquitto " in result.stderr
    assert "!!! Some programs are missing: the tests that need them will be skipped." in result.stderr


def test_make_test_runs_all_tests_with_the_development_tools(machine: Machine) -> None:
    (machine.folder / "libs").touch()
    machine.run("make", "test", "ARGS=-k mqtt")
    assert machine.calls("pip") == ["install --quiet --editable .[dev]"]
    assert machine.calls("python")[-1] == "-m pytest -k mqtt"


def test_the_lowest_versions_get_an_environment_of_their_own(machine: Machine) -> None:
    (machine.folder / "libs").touch()
    result = machine.run("make", "test-lowest", "ARGS=-k mqtt")
    assert result.returncode == 0, result.stderr
    (install,) = machine.calls("uv")
    assert "--resolution lowest-direct" in install
    assert "--python .venv-lowest/bin/python" in install
    assert (machine.folder / "lowest-calls").read_text(encoding="utf-8").endswith("tests/test_schedule.py -k mqtt\n")


def test_services_that_come_with_a_package_do_not_start(machine: Machine) -> None:
    result = machine.run("tools/apt-install", "mosquitto", "chromium")
    assert result.returncode == 0, result.stderr
    assert (machine.folder / "libs").exists(), "apt-get install ran without a policy-rc.d"
    assert not (machine.folder / "policy-rc.d").exists()
    assert machine.calls("systemctl") == ["--quiet disable mosquitto.service"]


def test_what_is_installed_is_not_installed_again(machine: Machine) -> None:
    (machine.folder / "machine" / "dpkg-query").write_text("#!/bin/bash\necho installed\n", encoding="utf-8")
    assert machine.run("tools/apt-install", "mosquitto", USER_ID="1000").returncode == 0
