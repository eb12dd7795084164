"""The web server: uvicorn in a thread of its own, on a socket that is bound before the thread starts."""

from __future__ import annotations

import errno
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from edgeheat.errors import SinkUnavailable

_MAX_CONNECTIONS = 100
"""Beyond these 503 is answered: memory stays bounded whatever the shop's network does."""


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
            limit_concurrency=_MAX_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
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
        self._server.should_exit = True
        self._thread.join(0.5)
        self._server.force_exit = True  # answers still being read by slow clients are cut off
        self._thread.join(0.4)


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
