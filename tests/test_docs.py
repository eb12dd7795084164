"""Checks the documentation against the repository: links, files, commands, terms, dependencies."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.core
import typer.main

from edgeheat import __version__
from edgeheat.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")],
    key=lambda path: path.relative_to(ROOT),
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Terms that the glossary must explain; it may explain more.
WORDS = [
    *("activity", "backdrop", "background model", "checkpoint", "confirmed", "coverage", "decaying heat", "detection"),
    *("epoch", "frame", "grid", "heat", "hub", "hysteresis", "illumination gate", "latest state", "managed process"),
    *("measure", "micro-motion", "motion mask", "packing", "parent", "pending", "port probe", "registration"),
    *("rejections", "retained queue", "shadow classifier", "similarity", "sink", "site", "snapshot"),
    *("snapshot scheduler", "source", "static object", "tamper detection", "tile", "window heat", "worker", "zone"),
    *("zone counters",),
]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(text: str) -> str:
    """The page without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The `#…` of each heading, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, text: str) -> Iterator[str]:
    """Relative links and pictures without a target."""
    for target in re.findall(r"\]\(([^)\s]+)\)|<(?:img|a)[^>]+(?:src|href)=\"([^\"]+)\"", prose(text)):
        link = target[0] or target[1]
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        file = page.parent / name if name else page
        if not file.exists():
            yield f"{link}: no such file"
        elif (
            anchor
            and file.suffix == ".md"
            and anchor not in anchors(file.read_text(encoding="utf-8") if name else text)
        ):
            yield f"{link}: no such heading"


def commands(text: str) -> Iterator[str]:
    """Each `make …` and `edgeheat …` that a reader could type: lines of code blocks, and inline code."""
    blocks = re.findall(r"^( *)```(?:sh|bash|console|shell)?\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    lines = [line for _, block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *re.findall(r"`([^`\n]+)`", prose(text))]:
        for command in re.split(r" && | \|\| | \| |; ", line):
            words = re.sub(r"^[\s$#]*((sudo|[A-Z_]+=\S*) +)*", "", command)
            match = re.match(r"(?:\S*/)?(make|edgeheat)(?= |$)(.*)", words)
            if match:
                yield match.group(1) + re.sub(r"(^| )#.*", "", match.group(2))


def wrong_command(command: str) -> str | None:
    """The error in a command: an unknown target, variable, command or option; None if there is none."""
    program, *words = shlex.split(command.replace("[", " ").replace("]", " ").replace("…", " "))
    return wrong_make(words) if program == "make" else wrong_edgeheat(words)


def wrong_make(words: list[str]) -> str | None:
    """Targets and variables that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable and f"$({name})" not in MAKEFILE:
            return f"make has no variable {name}"
        if not is_variable and not word.startswith("-") and word not in targets:
            return f"make has no target {word}"
    return None


def wrong_edgeheat(words: list[str]) -> str | None:
    """The first command or option that edgeheat does not have, or None; `check|show` names two commands."""
    command = typer.main.get_command(app)
    while isinstance(command, typer.core.TyperGroup) and words and not words[0].startswith("-"):
        names = words.pop(0).split("|")
        unknown = [name for name in names if name not in command.commands]
        if unknown:
            return f"edgeheat has no command {unknown[0]}"
        command = command.commands[names[0]]
    options = {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
    for word in words:
        name = word.partition("=")[0]
        if re.match(r"--?[a-zA-Z]", name) and name not in options | {"--help"}:
            return f"edgeheat {command.name} has no option {name}"
    return None


@each_page
def test_links_have_a_target(page: Path) -> None:
    errors = list(broken_links(page, page.read_text(encoding="utf-8")))
    assert not errors, "\n".join(errors)


@each_page
def test_commands_exist(page: Path) -> None:
    written = list(commands(page.read_text(encoding="utf-8")))
    errors = [f"{command}: {error}" for command in written if (error := wrong_command(command))]
    assert not errors, "\n".join(errors)


def test_every_document_that_is_mentioned_exists() -> None:
    code = [
        path
        for folder in ("edgeheat", "tests", "benchmarks", "deploy", "systemd")
        for path in (ROOT / folder).rglob("*")
    ]
    texts = [path for path in [*PAGES, *code, ROOT / "Makefile", ROOT / "pyproject.toml"] if path.suffix != ".pyc"]
    missing = {
        f"{path.relative_to(ROOT)} mentions {name}"
        for path in texts
        if path.is_file() and path != Path(__file__)
        for name in re.findall(r"docs/[\w./-]+\.md", path.read_text(encoding="utf-8", errors="replace"))
        if not (ROOT / name).exists()
    }
    assert missing == set()


def test_the_readme_gives_a_newcomer_two_commands() -> None:
    written = list(commands((ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"make run", "make test"} <= {command.strip() for command in written}


def test_the_glossary_explains_the_terms_in_alphabetical_order() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| ([^|]+?) \|", glossary, re.MULTILINE)
    assert set(WORDS) - set(explained) == set()
    assert explained[2:] == sorted(explained[2:])


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs" / "design" / "dependencies.md").read_text(encoding="utf-8")
    given = {name.split()[0] for name in re.findall(r"^\| ([^|]+?) \|", reasons, re.MULTILINE)}
    requirements = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    names = {re.split(r"[><=\[ ]", requirement)[0] for requirement in requirements}
    assert given - {"package", "---"} == names


@pytest.mark.parametrize("note", sorted((ROOT / "docs" / "design").glob("*.md")), ids=lambda note: note.name)
def test_a_design_note_has_a_status_and_the_alternatives(note: Path) -> None:
    text = note.read_text(encoding="utf-8")
    assert re.search(r"^Status: ", text, re.MULTILINE)
    assert "## Alternatives considered" in text


def test_the_changelog_starts_with_this_version_or_the_next() -> None:
    latest = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[0]
    assert latest in {"Unreleased", __version__}


# The checks above, applied to pages with errors.


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[a](nowhere.md)", "nowhere.md: no such file"),
        ("![a](docs/images/nothing.png)", "docs/images/nothing.png: no such file"),
        ('<img src="docs/images/nothing.png">', "docs/images/nothing.png: no such file"),
        ("# One thing\n[a](#another)", "#another: no such heading"),
        ("[a](docs/glossary.md#nothing)", "docs/glossary.md#nothing: no such heading"),
    ],
)
def test_a_broken_link_is_reported(text: str, error: str) -> None:
    assert list(broken_links(ROOT / "README.md", text)) == [error]


def test_valid_links_are_accepted() -> None:
    text = "# One `thing`, here\n[a](#one-thing-here) [b](docs/glossary.md#glossary) [c](https://example.org/x)\n"
    assert list(broken_links(ROOT / "README.md", text)) == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("```sh\nmake runn\n```", "make has no target runn"),
        ("Type `make test PYTON=python3.12`.", "make has no variable PYTON"),
        ("```console\n$ sudo edgeheat walk --fast\n```", "edgeheat has no command walk"),
        ("  ```\n  /opt/edgeheat/bin/edgeheat run --nonsense x\n  ```", "edgeheat run has no option --nonsense"),
        ("Then `edgeheat config check|shout`.", "edgeheat has no command shout"),
    ],
)
def test_a_wrong_command_is_reported(text: str, error: str) -> None:
    assert [wrong_command(command) for command in commands(text)] == [error]


def test_valid_commands_are_accepted() -> None:
    block = "make run CONFIG=my.toml  # yours\nsudo edgeheat run --config=x && edgeheat render IN -o heat.png\n"
    text = f"```sh\n{block}```\nThen type `make`.\n"
    written = list(commands(text))
    assert len(written) == 4
    assert [wrong_command(command) for command in written] == [None] * 4
