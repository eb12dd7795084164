"""Converts pydantic's errors into lines that name the setting, what is wrong with it and how to correct it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from edgeheat.config.types import duration_text, quoted, size_text, suggestion

Path = tuple[int | str, ...]
ErrorDetails = Mapping[str, Any]
"""An item of pydantic's `ValidationError.errors()`: type, loc, input and ctx."""

SettingError = tuple[Path, str]
"""The path of a setting, and a message: what is wrong with it and how to correct it."""


def location_text(path: Path) -> str:
    """Return `path` as messages write it: ("camera", 1, "zone", 0) → "camera[1].zone[0]", counted from 0."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def setting_path(error: ErrorDetails) -> Path:
    """Return the path of the setting that an error is about."""
    return tuple(part for part in error["loc"] if part != "[key]")


def describe(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what is wrong and how to correct it; `model` is the root model of the validation."""
    path, kind, value, context = setting_path(error), error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        known = _keys(_annotation_at(model, path[:-1]))
        return "is not a setting" + (
            suggestion(str(path[-1]), known) or f"; the settings here are {', '.join(sorted(known))}"
        )
    if kind == "literal_error":
        words = [str(word) for word in get_args(_annotation_at(model, path))]
        return f"is {quoted(value)}; must be one of {', '.join(words)}{suggestion(str(value), words)}"
    if kind in _BOUNDS:
        bound_words, key = _BOUNDS[kind]
        write = _writer(model, path)
        return f"is {_value_text(value, write)}; must be {bound_words} {write(context[key])}"
    if kind in _EXPECTED:
        return _EXPECTED[kind] if kind in _WITHOUT_VALUE else f"is {quoted(value)}; {_EXPECTED[kind]}"
    return str(error["msg"])


_BOUNDS = {
    "greater_than": ("above", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("below", "lt"),
    "less_than_equal": ("at most", "le"),
}
_EXPECTED = {
    "missing": "is missing",
    "string_pattern_mismatch": "use letters, digits, _ and -, with / between the parts",
    "string_too_short": "is empty",
    "too_short": "is empty; define at least one, or remove the table",
    "string_type": "must be text in quotes",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be a list of tables: write its name in double brackets, [[...]]",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
}
_WITHOUT_VALUE = {"missing", "string_too_short", "too_short", "string_type", "model_type", "dict_type", "tuple_type"}
"""Kinds of error whose message does not repeat the value: there is none, it is long, or it may be a password."""


def _writer(model: type[BaseModel], path: Path) -> Callable[[float], str]:
    """Return how the number at `path` is written in the file: as a duration, a size or a plain number."""
    name = _field_name(_annotation_at(model, path[:-1]), str(path[-1]))
    if name.endswith("_bytes"):
        return lambda value: f'"{size_text(int(value))}"'
    if name.endswith("_s"):
        return lambda value: f'"{duration_text(value)}"'
    return lambda value: f"{value:g}"


def _value_text(value: Any, write: Callable[[float], str]) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(OverflowError):  # a whole number too large for a float
            return write(value)
    return quoted(value)


def _field_name(table: Any, key: str) -> str:
    if isinstance(table, type) and issubclass(table, BaseModel):
        for name, field in table.model_fields.items():
            if (field.alias or name) == key:
                return name
    return key


def _keys(table: Any) -> list[str]:
    if isinstance(table, type) and issubclass(table, BaseModel):
        return [field.alias or name for name, field in table.model_fields.items()]
    return []


def _annotation_at(annotation: Any, path: Path) -> Any:
    """Return the type of the setting at `path` below the type `annotation`, without None and without bounds."""
    for part in path:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(_field_name(annotation, str(part)))
            annotation = field.annotation if field else None
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            annotation = get_args(annotation)[0]
    return annotation
