"""Writes tables as TOML text for `edgeheat config show`; the standard library can only read TOML."""

from __future__ import annotations

import json
from typing import Any


def toml_text(tables: dict[str, Any]) -> str:
    """Return `tables` (text, numbers, booleans, lists, tables and lists of tables) as TOML."""
    return "\n".join(_lines(tables, "")).lstrip("\n") + "\n"


def _lines(table: dict[str, Any], path: str) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, dict) and not _is_tables(value)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        name = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            inside = _lines(value, name)
            only_tables = bool(inside) and not inside[0]
            lines += inside if only_tables else ["", f"[{name}]", *inside]
        elif _is_tables(value):
            for item in value:
                lines += ["", f"[[{name}]]", *_lines(item, name)]
    return lines


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _value(value: Any) -> str:
    # Text, numbers, booleans and nested lists are written as in JSON, except U+007F, which TOML requires escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
