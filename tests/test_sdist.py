"""The source distribution: what it contains, and how the package index shows the README."""

from __future__ import annotations

import email
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FILE_TESTS = [
    "tests/test_architecture.py",
    "tests/test_docs.py",
    "tests/test_make.py",
    "tests/config/test_settings.py",
    "tests/deploy/test_files.py",
    "tests/deploy/test_unit.py",
]
"""Modules whose tests read files of the repository other than code; those that start programs are left to the suite."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution of this repository, built and unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)]
    built = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (archive,) = folder.glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", archive], cwd=folder, check=True)
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


def pytest_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_contains_the_repository_and_nothing_else(unpacked: Path) -> None:
    assert sorted(path.name for path in unpacked.iterdir() if path.name != "__pycache__") == [
        *(".ci", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "PKG-INFO", "README.md"),
        *("benchmarks", "config.example.toml", "deploy", "docs", "edgeheat", "pyproject.toml", "systemd", "tests"),
        "tools",
    ]


def test_all_its_tests_can_be_collected(unpacked: Path) -> None:
    collected = pytest_in(unpacked, "--collect-only", "tests")
    assert collected.returncode == 0, collected.stdout[-2000:]


def test_the_tests_that_read_files_of_the_repository_pass_in_it(unpacked: Path) -> None:
    passed = pytest_in(unpacked, "-m", "not real", *FILE_TESTS)
    assert passed.returncode == 0, passed.stdout[-4000:]


def test_its_long_description_has_no_link_or_image_that_leads_nowhere(unpacked: Path) -> None:
    description = email.message_from_string((unpacked / "PKG-INFO").read_text(encoding="utf-8"))
    assert description["Description-Content-Type"] == "text/markdown"
    text = str(description.get_payload())
    assert text.startswith("# edgeheat\n")
    assert "docs/configuration.md" in text
    assert re.findall(r"\]\((?!https?:)[^)]*\)|<img", text) == []
    # Links and images work in the repository, where they are relative.
    assert re.search(r"!\[[^\]]+\]\(docs/", (ROOT / "README.md").read_text(encoding="utf-8"))
