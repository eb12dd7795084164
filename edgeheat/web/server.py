"""The web server: uvicorn in a thread of its own, on a socket that is bound before the thread starts."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from edgeheat.errors import SinkUnavailable

_LAST_ANSWERS_S = 0.4
_STOP_S = 0.9
_MAX_CONNECTIONS = 100
"""Beyond these 503 is answered: memory stays bounded whatever the shop's network does."""


class _Server(uvicorn.Server):
    """uvicorn without its ten wake-ups a second, and with an end to clients that never hang up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending: asyncio.Event | None = None

    async def main_loop(self) -> None:
        """Serve until `end`."""
        self._ending = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers under way finish for a moment, then hang up."""
        hanging_up = asyncio.get_running_loop().call_later(_LAST_ANSWERS_S, self._hang_up)
        try:
            await super().shutdown(sockets)
        finally:
            hanging_up.cancel()

    def end(self) -> None:
        """Make the server's thread end; called from another."""
        self.should_exit = True
        if self._loop is not None and self._ending is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)

    def _hang_up(self) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


class WebServer:
    """Serves one application on one address between `start` and `stop`; used once."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self.port = port
        """The port listened on; where 0 was asked for, `start` puts the free one here that the system gave."""
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
        """Listen, and serve from a thread; requests are taken as soon as this returns.

        Raises SinkUnavailable, saying which setting to change, where the address cannot be listened on.
        """
        listener = _listen(self._host, self.port)
        self.port = listener.getsockname()[1]
        # A daemon thread: a client that never hangs up must not keep the process from ending.
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and hang up, within a second; does nothing where `start` was not called."""
        if self._thread is None:
            return
        self._server.end()
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
        raise SinkUnavailable(f"web: {problem}") from error
