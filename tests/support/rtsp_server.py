"""An RTSP server for tests and benchmarks, run by the system's Python; repeats recordings without jumps of time.

    /usr/bin/python3 rtsp_server.py PORT [--user NAME:PASSWORD] [--only tcp|udp] /mount=FILE [/mount=FILE+audio] ...

Each client of a mount gets its own copy from the first frame on. `audio` is a tone without a picture; `+audio` adds
that tone to the recording. Prints `READY` once it listens. Recordings: H.264, H.265 or MJPEG in any container that
GStreamer reads.
"""

from __future__ import annotations

import argparse
import signal
import sys
from itertools import count

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstApp, GstRtsp, GstRtspServer  # noqa: E402, F401  (GstApp gives appsink its methods)

TONE = "audiotestsrc is-live=true wave=ticks ! audioconvert ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay"
PROTOCOLS = {"tcp": GstRtsp.RTSPLowerTrans.TCP, "udp": GstRtsp.RTSPLowerTrans.UDP}
# media type -> what cuts the file into pictures, what the clip is kept as, what puts it on the wire
KINDS = {
    "video/x-h264": (
        "h264parse config-interval=-1",
        "video/x-h264,stream-format=byte-stream,alignment=au",
        "rtph264pay config-interval=-1 aggregate-mode=zero-latency",
    ),
    "video/x-h265": (
        "h265parse config-interval=-1",
        "video/x-h265,stream-format=byte-stream,alignment=au",
        "rtph265pay config-interval=-1 aggregate-mode=zero-latency",
    ),
    "image/jpeg": ("identity", "image/jpeg", "rtpjpegpay"),
}


class Clip:
    """One recording in memory: its pictures as (bytes, presentation time, decoding time), and its length, in ns."""

    def __init__(self, path: str) -> None:
        self.kind = media_type(path)
        cutter, caps, _ = KINDS[self.kind]
        pipeline = Gst.parse_launch(
            f'filesrc location="{path}" ! parsebin ! {cutter} ! {caps} ! appsink name=sink sync=false'
        )
        sink = pipeline.get_by_name("sink")
        pipeline.set_state(Gst.State.PLAYING)
        buffers = []
        while (sample := sink.emit("pull-sample")) is not None:
            self.caps = sample.get_caps().copy()
            buffers.append(sample.get_buffer())
        pipeline.set_state(Gst.State.NULL)
        if not buffers:
            sys.exit(f"{path}: no pictures in it")
        first_ns = min(stamp(b) for b in buffers)
        self.units = [(b.extract_dup(0, b.get_size()), b.pts - first_ns, stamp(b) - first_ns) for b in buffers]
        span_ns = self.units[-1][2]
        self.length_ns = span_ns + span_ns // max(1, len(self.units) - 1)


def stamp(buffer: Gst.Buffer) -> int:
    """The decoding time of a buffer in ns; MJPEG has presentation times only."""
    return buffer.dts if buffer.dts != Gst.CLOCK_TIME_NONE else buffer.pts


def media_type(path: str) -> str:
    """The kind of the recording's video track."""
    pipeline = Gst.parse_launch(f'filesrc location="{path}" ! parsebin name=parse ! fakesink sync=false')
    pipeline.set_state(Gst.State.PAUSED)
    pipeline.get_state(Gst.CLOCK_TIME_NONE)
    pads = pipeline.get_by_name("parse").srcpads
    names = [pad.get_current_caps().get_structure(0).get_name() for pad in pads if pad.get_current_caps()]
    pipeline.set_state(Gst.State.NULL)
    for name in names:
        if name in KINDS:
            return name
    return sys.exit(f"{path}: no H.264, H.265 or MJPEG in it, but {names}")


def feed(appsrc: Gst.Element, clip: Clip) -> None:
    """Give the pipeline one more picture each time that it asks, round and round."""
    position = count()

    def on_need_data(source: Gst.Element, _length: int) -> None:
        turn, index = divmod(next(position), len(clip.units))
        data, pts_ns, dts_ns = clip.units[index]
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts, buffer.dts = turn * clip.length_ns + pts_ns, turn * clip.length_ns + dts_ns
        source.emit("push-buffer", buffer)

    appsrc.connect("need-data", on_need_data)


def make_factory(what: str) -> GstRtspServer.RTSPMediaFactory:
    """A factory of media for one mount."""
    factory = GstRtspServer.RTSPMediaFactory()
    if what == "audio":
        factory.set_launch(f"( {TONE} name=pay0 pt=8 )")
        return factory
    path, plus, _ = what.partition("+audio")
    clip = Clip(path)
    video = f"appsrc name=clip format=time block=false max-bytes=1 ! {KINDS[clip.kind][2]} name=pay0 pt=96"
    audio = f" {TONE} name=pay1 pt=8" if plus else ""
    factory.set_launch(f"( {video}{audio} )")

    def on_media_configure(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        appsrc = media.get_element().get_by_name_recurse_up("clip")
        appsrc.set_property("caps", clip.caps)
        feed(appsrc, clip)

    factory.connect("media-configure", on_media_configure)
    return factory


def protect(server: GstRtspServer.RTSPServer, factories: list[GstRtspServer.RTSPMediaFactory], user: str) -> None:
    """Ask every client for the name and the password of `user` ("name:password")."""
    name, _, password = user.partition(":")
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role("viewer")
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("mounts", nargs="+", metavar="/mount=FILE")
    parser.add_argument("--user", metavar="NAME:PASSWORD")
    parser.add_argument("--only", choices=PROTOCOLS, help="the transport that it offers; others get 461")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(arguments.port))
    factories = []
    for mount in arguments.mounts:
        point, _, what = mount.partition("=")
        factories.append(make_factory(what))
        if arguments.only:
            factories[-1].set_protocols(PROTOCOLS[arguments.only])
        server.get_mount_points().add_factory(point, factories[-1])
    if arguments.user:
        protect(server, factories, arguments.user)
    if not server.attach(None):
        sys.exit(f"port {arguments.port} is taken")
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    # Clients that end without closing their session leave it behind.
    GLib.timeout_add_seconds(2, lambda: server.get_session_pool().cleanup() >= 0)
    print("READY", flush=True)  # noqa: T201  (for the process that started it)
    loop.run()


if __name__ == "__main__":
    main()
