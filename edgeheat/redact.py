"""Takes passwords out of text before it reaches a log, a message, a metric or a page."""

from __future__ import annotations

import re

_USERINFO = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s'\"<>]*@")
_QUERY = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>?]*\?)[^\s'\"<>]*[^\s'\"<>:]")


def redact(text: str) -> str:
    """Return `text` with the user, password and query of every URL in it replaced by `***`.

    Greedy on purpose: a password may itself hold `@`, `:` or `/`, so everything up to the last `@`
    of the word goes. Camera URLs also carry passwords in their query, so that goes whole, but
    for a colon at its end, which is the sentence's.
    """
    return _QUERY.sub(r"\1***", _USERINFO.sub(r"\1***@", text))
