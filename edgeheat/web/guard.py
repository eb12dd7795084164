"""Middleware that rejects foreign Host and Origin headers and adds security headers to every response."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Added to every response."""


def own_names(hostname: str) -> frozenset[str]:
    """Return the names, in lower case, by which a machine called `hostname` may be addressed."""
    hostname = hostname.lower()
    return frozenset({"localhost", hostname, hostname.partition(".")[0]})


def host_allowed(host: str, names: frozenset[str]) -> bool:
    """Return whether a Host header may belong to this device: an IP address, one of `names`, or a name in `.local`.

    Any website that a member of staff visits could point its own name at this device's address (DNS rebinding) and
    read the pictures through that browser. Such a request carries the foreign name, and is rejected here.

    Reference: Jackson et al. 2007, "Protecting browsers from DNS rebinding attacks".
    """
    name, bracket, port = host.rpartition("]")
    if bracket:
        name = name.removeprefix("[")
    else:
        name, _, port = host.partition(":")
    if port and not port.removeprefix(":").isdecimal():
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        name = name.lower().removesuffix(".")
        return name in names or (name.endswith(".local") and name != ".local")
    return True


class Guard:
    """ASGI middleware for the whole application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        """Wrap `app`; `hosts` are further names of this device, in lower case."""
        self._app = app
        self._names = own_names(socket.gethostname()).union(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to a foreign Host and 403 to a foreign Origin; pass on any other request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_SECURITY_HEADERS)
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        await self._answer_to(Headers(scope=scope))(scope, receive, send_with_headers)

    def _answer_to(self, headers: Headers) -> ASGIApp:
        host = headers.get("host", "")
        if not host_allowed(host, self._names):
            return PlainTextResponse(
                "edgeheat does not accept this host name. Use the device's IP address, its host name or a .local name, "
                "or add this name to hosts under [web] of its configuration.\n",
                status_code=421,
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return PlainTextResponse("edgeheat accepts requests from its own pages only.\n", status_code=403)
        return self._app
