"""Rewords the errors of TOML's parser where people make them most: typographic quotation marks, and Windows paths."""

from __future__ import annotations

import re

from edgeheat.config.source_url import WINDOWS_PATH_REMEDY

_TYPOGRAPHIC_QUOTES = re.compile("[\u2018-\u201f\u00ab\u00bb\u2032\u2033]")
"""Quotation marks that word processors and web pages put in place of straight ones."""

_BACKSLASH_IN_QUOTES = re.compile(r'"[^"]*\\')


def toml_error_text(error: str, text: str) -> str:
    """Return the message for an error of `tomllib`, given as text; `text` is the file. It begins with the place."""
    match = re.fullmatch(r"(.*) \(at (.*)\)", error, re.DOTALL)
    if match is None:
        return error
    reason, place = match[1], match[2]
    line = _line_at(place, text)
    # By code point, since fonts make them hard to tell apart.
    if quote := _TYPOGRAPHIC_QUOTES.search(line):
        return f'{place}: has the typographic quotation mark {quote[0]}; type straight ones, as in name = "till"'
    if _BACKSLASH_IN_QUOTES.search(line):
        return f"{place}: has a backslash in double quotes, where it begins an escape; {WINDOWS_PATH_REMEDY}"
    return f"{place}: {reason}"


def _line_at(place: str, text: str) -> str:
    """Return the line of the file at "line 3, column 4" or "end of document"."""
    lines = text.rstrip().splitlines()
    number = re.match(r"line (\d+)", place)
    index = int(number[1]) - 1 if number else len(lines) - 1
    return lines[index] if 0 <= index < len(lines) else ""
