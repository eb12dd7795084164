"""Expands variables in the `source` of a camera, checks it and adds the login; messages never show it (passwords)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from edgeheat.config.types import suggestion

NETWORK_SCHEMES = ("rtsp", "rtsps", "http", "https")
"""Schemes of URLs, which have a host and may have a login."""

SCHEMES = (*NETWORK_SCHEMES, "usb", "file", "images", "synthetic")
"""All schemes of a source, besides plain paths; the table in `edgeheat.sources` opens each of them."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_UNENCODED_CHARS = re.compile(r"[\s'\"<>]")
_ADDRESS = re.compile(
    r"(?!/|\.|~)(?:[^/@\s]+@)?"
    r"(?P<host>(?:\d{1,3}(?:\.\d{1,3}){3}|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:local|lan|home|internal))(?::\d+)?"
    r"|[A-Za-z][A-Za-z0-9.-]*:\d+)(?:/|$)"
)
"""A host at the start of a source without a scheme: an IPv4 address, a name in a local network, or a name with a port;
a user and password may be in front of it."""

WINDOWS_PATH_REMEDY = r"write a path with backslashes in single quotes, such as 'C:\shop\plan.png', or with / instead"

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def expand_variables(text: str, env: Mapping[str, str]) -> str:
    """Return `text` with each ${VAR} replaced from `env`; raises ValueError if a variable is not set."""
    for name in _VARIABLE.findall(text):
        if name not in env:
            raise ValueError(f"needs the environment variable {name}, which is not set")
    return _VARIABLE.sub(lambda match: env[match[1]], text)


def check_source(source: str, username: str, password: str) -> None:
    """Raise ValueError, with a hint how to correct it, if a source (after ${VAR}) or its login cannot be used."""
    match = _SCHEME.match(source)
    scheme = match[1].lower() if match else ""
    if scheme not in SCHEMES and (address := _ADDRESS.match(source)):
        raise ValueError(
            f"looks like the address of a camera without its scheme; did you mean rtsp://{address['host']}/…? "
            "A file of that name needs file: in front of it"
        )
    if re.match(r"[A-Za-z]:[\t\n\r\f\b]", source):
        raise ValueError(f"has a backslash in double quotes, which TOML replaced; {WINDOWS_PATH_REMEDY}")
    if scheme and scheme not in SCHEMES:
        hint = suggestion(scheme, list(SCHEMES))
        if not hint and "://" not in source:
            return  # a file name with a colon
        hint = hint or f"; use {', '.join(SCHEMES)}, /dev/video0 or a path"
        raise ValueError(f'begins with "{scheme}:", which is not a known kind of source{hint}')
    if scheme not in NETWORK_SCHEMES:
        return
    try:
        parts = urlsplit(source)
        # An unencoded # in a password would end the URL, and a space would hide the rest from `redact`.
        usable = (
            bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.fragment
            and not _UNENCODED_CHARS.search(source)
        )
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            f"is not a valid URL; write {scheme}://HOST:PORT/PATH, and put a password with special characters "
            "into username and password, where it is used literally"
        )
    if password and not username and "@" not in parts.netloc:
        raise ValueError("has a password and no username; set username")
    if password and parts.username and parts.password is None:
        raise ValueError("has a user in its URL, but a password outside it; put the user into username")


def with_login(source: str, username: str, password: str) -> str:
    """Return `source` with the login in its URL, percent-encoded.

    Unchanged if the URL has a login or the source is not a URL: [defaults] may set a login for all cameras.
    """
    parts = urlsplit(source)
    if not username or parts.scheme not in NETWORK_SCHEMES or "@" in parts.netloc:
        return source
    userinfo = quote(username, safe="") + (f":{quote(password, safe='')}" if password else "")
    return parts._replace(netloc=f"{userinfo}@{parts.netloc}").geturl()
