"""The guard before every route: foreign Host and Origin headers are refused, security headers are put on."""

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


def own_names(hostname: str) -> frozenset[str]:
    """Return the names, in lower case, under which a machine called `hostname` may be asked for."""
    hostname = hostname.lower()
    return frozenset({"localhost", hostname, hostname.partition(".")[0]})


def host_allowed(host: str, names: frozenset[str]) -> bool:
    """Tell whether a Host header may belong to this device: an IP address, one of `names`, or a name in `.local`.

    A page that a manager visits elsewhere could point its own name at this device's address (DNS rebinding) and
    read the pictures through the manager's browser; such a request carries the foreign name and is refused here.
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
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        """Guard `app`; `hosts` are further names of this device, in lower case."""
        self._app = app
        self._names = own_names(socket.gethostname()).union(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 421 to a foreign Host and 403 to a foreign Origin, else pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_SECURITY_HEADERS)
                headers.setdefault("cache-control", "no-cache")
            await send(message)

        await self._verdict(Headers(scope=scope))(scope, receive, send_guarded)

    def _verdict(self, headers: Headers) -> ASGIApp:
        host = headers.get("host", "")
        if not host_allowed(host, self._names):
            return PlainTextResponse(
                "edgeheat does not answer to this name. Use the device's IP address, its host name or a .local name, "
                "or add this name to hosts under [web] of its configuration.\n",
                status_code=421,
            )
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return PlainTextResponse("edgeheat answers only to its own pages.\n", status_code=403)
        return self._app
