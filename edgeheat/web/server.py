"""Serves the web application with uvicorn in a thread, on a socket that is bound before the thread starts."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from edgeheat.errors import StartupError

_RESPONSE_DRAIN_S = 0.4
"""How long responses in progress may take after `stop`; then their connections are closed."""

_STOP_S = 0.9
"""How long `stop` waits for the thread."""

_MAX_CONNECTIONS = 100
"""Further connections are answered with 503, so that memory stays bounded whatever the shop's network does."""


class _Server(uvicorn.Server):
    """uvicorn without its ten wake-ups a second, and without waiting for clients that keep connections open."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Serve until `request_stop`."""
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._stopped.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let responses in progress finish for a moment, then close all connections."""
        closing = asyncio.get_running_loop().call_later(_RESPONSE_DRAIN_S, self._close_connections)
        try:
            await super().shutdown(sockets)
        finally:
            closing.cancel()

    def request_stop(self) -> None:
        """Make the server's thread end; called from another thread."""
        self.should_exit = True
        if self._loop is not None and self._stopped is not None:
            with suppress(RuntimeError):  # the loop has already ended
                self._loop.call_soon_threadsafe(self._stopped.set)

    def _close_connections(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


class WebServer:
    """Serves one application on one address between `start` and `stop`; used once."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self.port = port
        """The port to listen on; `start` replaces 0 by a free port."""
        self._host = host
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, and serve from a thread; requests are accepted as soon as this returns.

        Raises StartupError, saying which setting to change, if it cannot listen on the address.
        """
        listener = _listen(self._host, self.port)
        self.port = listener.getsockname()[1]
        # A daemon thread: a client that keeps its connection open must not keep the process from ending.
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close all connections, within a second; does nothing if `start` was not called."""
        if self._thread is None:
            return
        self._server.request_stop()
        self._thread.join(_STOP_S)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        match error.errno:
            case errno.EADDRINUSE:
                problem = f"{address} is in use; set [web] port"
            case errno.EACCES:
                problem = f"{address} may be used by root only; set [web] port to 1024 or more"
            case _:
                problem = f"cannot listen on {address} ({error.strerror}); set [web] host to an address of this machine"
        raise StartupError(f"web: {problem}") from error
