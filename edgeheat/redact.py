"""Replaces the logins and queries of URLs in a text by ***, so that no password reaches a log, message or page."""

from __future__ import annotations

import re

# User and password of a URL, up to its last "@".
_USERINFO = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s'\"<>]*@")
# The query of a URL, without a colon at its end.
_QUERY = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>?]*\?)[^\s'\"<>]*[^\s'\"<>:]")


def redact(text: str) -> str:
    """Return `text` with the user, password and query of every URL in it replaced by `***`.

    The match is greedy because a password may contain `@`, `:` or `/`: everything up to the last `@` of the word is
    removed. The query is removed completely, as some cameras take the password there; a colon at its end is kept, as it
    belongs to the sentence.
    """
    return _QUERY.sub(r"\1***", _USERINFO.sub(r"\1***@", text))
