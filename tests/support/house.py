"""Reads Python source, without running it, for what the architecture test asks about: imports, clocks, lengths."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Sources = Mapping[str, str]
"""The text of each module, by its dotted name; a package goes by its own name, without `__init__`."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's name."""

    target: str
    """Dotted: `from a import b` gives `a.b`, whether b is a module or a name in it; starts with a dot if relative."""

    line: int
    at_start: bool
    """It runs as soon as the module is imported: neither in a function nor for the type checker only."""


def read_package(folder: Path) -> dict[str, str]:
    """Give the source text of every module of the package in `folder`."""
    sources = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return sources


def imports(text: str) -> Iterator[Import]:
    """Give every import of a module, in functions and for the type checker too."""
    yield from _imports_in(ast.parse(text), at_start=True)


def _imports_in(node: ast.AST, *, at_start: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno, at_start)
    elif isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        for alias in node.names:
            yield Import(f"{base}.{alias.name}", node.lineno, at_start)
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for statement in node.body:
            yield from _imports_in(statement, at_start=False)
        for statement in node.orelse:
            yield from _imports_in(statement, at_start=at_start)
    else:
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _imports_in(child, at_start=at_start and not in_function)


def names_used(text: str) -> Iterator[tuple[str, int]]:
    """Give each dotted name that the module reads, with its line, and `np.save` as `numpy.save`."""
    tree = ast.parse(text)
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            yield bound.get(first, first) + dot + rest, node.lineno


def way_to(start: str, forbidden: Iterable[str], sources: Sources) -> list[str] | None:
    """Give the shortest chain of imports by which importing module `start` loads one of `forbidden`, or None."""
    forbidden = set(forbidden)
    chains = [[module] for module in _loaded_by(start, sources)]
    seen = {chain[-1] for chain in chains}
    for chain in chains:
        for found in imports(sources[chain[-1]]):
            if not found.at_start:
                continue
            if found.target.partition(".")[0] in forbidden:
                return [*chain, found.target.partition(".")[0]]
            for module in _loaded_by(found.target, sources):
                if module not in seen:
                    seen.add(module)
                    chains.append([*chain, module])
    return None


def _loaded_by(target: str, sources: Sources) -> list[str]:
    """Importing a module runs the packages above it too."""
    parts = target.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return [module for module in reversed(above) if module in sources]


def long_functions(text: str, limit: int, excuse: str) -> Iterator[tuple[str, int, int]]:
    """Give name, line and length of each function over `limit` lines in which no line starts with `excuse`."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = lines[node.lineno - 1 : node.end_lineno]
            if len(body) > limit and not any(line.lstrip(' #"').startswith(excuse) for line in body):
                yield node.name, node.lineno, len(body)


def opening_fault(text: str) -> str | None:
    """Say what is wrong with the sentence on top of a module, or None."""
    docstring = ast.get_docstring(ast.parse(text))
    if not docstring:
        return "no docstring on top"
    first, *others = docstring.splitlines()
    if not first.endswith(".") or (others and others[0]):
        return "its docstring does not open with one sentence on one line"
    return None
