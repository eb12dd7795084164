"""Analyses Python source without running it, for the architecture test: imports, names used, lengths, docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Sources = Mapping[str, str]
"""The source of each module by its dotted name; a package has its own name, without `__init__`."""


@dataclass(frozen=True, slots=True)
class Import:
    """One name imported by a statement."""

    target: str
    """Dotted: `from a import b` gives `a.b`, whether b is a module or not; starts with a dot if relative."""

    line: int
    at_start: bool
    """Whether it runs when the module is imported: neither in a function nor for the type checker only."""


def read_package(folder: Path) -> dict[str, str]:
    """Return the source of every module of the package in `folder`."""
    sources = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return sources


def imports(text: str) -> Iterator[Import]:
    """Yield every import of a module, including those in functions and for the type checker."""
    yield from _imports_in(ast.parse(text), at_start=True)


def _imports_in(node: ast.AST, *, at_start: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, node.lineno, at_start)
    elif isinstance(node, ast.ImportFrom):
        base = "." * node.level + (node.module or "")
        for alias in node.names:
            yield Import(f"{base}.{alias.name}", node.lineno, at_start)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for statement in node.body:
            yield from _imports_in(statement, at_start=False)
        for statement in node.orelse:
            yield from _imports_in(statement, at_start=at_start)
    else:
        in_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _imports_in(child, at_start=at_start and not in_function)


def names_used(text: str) -> Iterator[tuple[str, int]]:
    """Yield each dotted name that the module uses, with its line; `np.save` as `numpy.save`."""
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


def import_chain(start: str, forbidden: Iterable[str], sources: Sources) -> list[str] | None:
    """Return the shortest chain of imports through which module `start` loads one of `forbidden`, or None."""
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
    """The modules that importing `target` runs: itself and its parent packages, the innermost first."""
    parts = target.split(".")
    above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return [module for module in reversed(above) if module in sources]


def long_functions(text: str, limit: int, excuse: str) -> Iterator[tuple[str, int, int]]:
    """Yield name, line and length of each function over `limit` lines in which no line starts with `excuse`."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = lines[node.lineno - 1 : node.end_lineno]
            if len(body) > limit and not any(line.lstrip(' #"').startswith(excuse) for line in body):
                yield node.name, node.lineno, len(body)


def docstring_error(text: str) -> str | None:
    """Return what is wrong with the first line of a module, or None; one that ends with a full stop is a sentence."""
    docstring = ast.get_docstring(ast.parse(text))
    if not docstring:
        return "it has no docstring"
    first, *others = docstring.splitlines()
    if not first.endswith(".") or (others and others[0]):
        return "its docstring does not start with one sentence on one line"
    return None
