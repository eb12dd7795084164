"""The web application: routes for the status page, the pictures, the metrics and the health checks, all read-only."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edgeheat.web.guard import Guard
from edgeheat.web.latest_state import LatestState
from edgeheat.web.page import render_page


def create_app(
    latest: LatestState,
    registry: CollectorRegistry,
    *,
    ready: Callable[[], bool],
    wall: Callable[[], float],
    hosts: Collection[str] = (),
) -> Starlette:
    """Return the application that shows `latest` and `registry`.

    `ready` returns whether configuration and storage are usable; `wall` returns Unix time in seconds; `hosts` are
    names of the device besides its own, in lower case. Every route is answered on the event loop, because everything
    is in memory and a thread for each request would cost more than the answer.
    """

    async def page(_: Request) -> Response:
        return HTMLResponse(render_page(latest, wall()))

    async def picture(request: Request) -> Response:
        latest_picture = latest.picture(request.path_params["camera"], request.path_params["heat"])
        if latest_picture is None:
            return PlainTextResponse("No such picture.\n", status_code=404)
        headers = {"etag": latest_picture.etag}
        if _has_current_picture(request, latest_picture.etag):
            return Response(status_code=304, headers=headers)
        return Response(latest_picture.heat.image, media_type=latest_picture.heat.media_type, headers=headers)

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type})

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        is_ready = ready()
        states = {camera.current.name: camera.current.state for camera in latest.cameras()}
        return JSONResponse({"ready": is_ready, "cameras": states}, status_code=200 if is_ready else 503)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/cameras/{camera}/{heat}", picture),
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
    )


def _has_current_picture(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in known.split(","))
