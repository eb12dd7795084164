"""RTSP and HTTP cameras that reject, hang, end, change or send malformed data."""

from __future__ import annotations

import errno
import socket
import traceback
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path

import pytest

from edgeheat.errors import EdgeheatError, SourceEnded, SourceUnavailable
from edgeheat.sources import open_source
from edgeheat.sources.av_errors import UnknownCodecError, camera_message, unknown_host_error
from edgeheat.sources.base import SourceOptions
from tests.sources.fakes import FakeClock, live, offline
from tests.sources.mjpeg_camera import PASSWORD, USER, Camera, running_camera
from tests.support.mosquitto import free_port, make_certificates
from tests.support.rtsp import RtspServer
from tests.support.wait import DEADLINE_S


def _error(url: str, options: SourceOptions) -> EdgeheatError:
    """The exception with which a run of this camera ends."""
    with pytest.raises(EdgeheatError) as caught:
        for _ in open_source(url, options).frames():
            pass
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_camera_that_is_off_refuses_the_connection(scheme: str) -> None:
    port = free_port()
    error = _error(f"{scheme}://bob:pw@127.0.0.1:{port}/stream", live())
    assert type(error) is SourceUnavailable
    assert str(error) == (
        f"{scheme}://***@127.0.0.1:{port}/stream: connection refused: "
        "check that the camera is on and that the port is right"
    )


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_camera_that_never_answers_times_out(scheme: str, silent_port: int) -> None:
    error = _error(f"{scheme}://127.0.0.1:{silent_port}/stream", live(open_timeout_s=0.5))
    assert type(error) is SourceUnavailable
    assert "no answer within 0.5 s" in str(error)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_an_unknown_host_is_reported_as_unreachable(scheme: str) -> None:
    error = _error(f"{scheme}://no-such-host.invalid/stream", live())
    assert type(error) is SourceUnavailable
    assert 'the host name "no-such-host.invalid" is unknown: check its spelling, or use the IP address' in str(error)


@pytest.mark.real("rtsp")
@pytest.mark.parametrize(
    ("mount", "text"),
    [
        ("/no-such-mount", "no such stream (404)"),
        ("/sound", "check that this address has video, not only audio"),
    ],
)
def test_an_rtsp_address_without_video_is_reported(rtsp: RtspServer, mount: str, text: str) -> None:
    error = _error(rtsp.url(mount), live())
    assert type(error) is SourceUnavailable
    assert text in str(error)


@pytest.mark.real("rtsp")
def test_rtsp_passwords_are_used_and_never_shown(media: Path) -> None:
    with RtspServer({"/shop": media / "h264.mp4"}, user="bob:s3:c/r@t") as server:
        for user in (None, "bob:wrong-one"):
            error = _error(server.url("/shop", user), live())
            assert type(error) is SourceUnavailable
            assert "rejected (401): check username and password" in str(error)
            assert "wrong-one" not in "".join(traceback.format_exception(error))
        good = open_source(server.url("/shop", "bob:s3%3Ac%2Fr%40t"), live())
        with closing(good.frames()) as frames:
            assert len(list(islice(frames, 3))) == 3


@pytest.mark.real("rtsp")
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_an_rtsp_camera_that_dies_hangs_and_recovers(media: Path, transport: str) -> None:
    options = live(rtsp_transport=transport, read_timeout_s=4.0)
    with RtspServer({"/shop": media / "h264.mp4"}) as server:
        source = open_source(server.url("/shop"), options)

        frames = source.frames()
        next(frames)
        server.kill()
        with pytest.raises(SourceEnded, match="the camera ended the stream"):
            list(frames)
        assert "connection refused" in str(_error(server.url("/shop"), options))

        server.start()
        frames = source.frames()
        next(frames)
        server.suspend()
        with pytest.raises(SourceEnded, match="no data for 4 s"):
            list(frames)

        server.resume()
        with closing(source.frames()) as again:
            assert len(list(islice(again, 10))) == 10


@pytest.mark.real("rtsp")
def test_an_rtsp_stream_continues_past_the_end_of_the_servers_recording(rtsp: RtspServer) -> None:
    with closing(open_source(rtsp.url("/h264"), live()).frames()) as frames:
        times_s = [frame.mono_s for frame in islice(frames, 50)]  # the recording has 30 frames
    assert len(times_s) == 50


@pytest.mark.parametrize(
    ("path", "open_timeout_s", "text"),
    [
        ("/missing", DEADLINE_S, "no such stream (404)"),
        ("/locked", DEADLINE_S, "rejected (401): check username and password"),
        ("/page", DEADLINE_S, "no readable video: check that this is the address of a video stream"),
        ("/silent", 0.5, "no answer within 0.5 s"),
    ],
)
def test_an_http_address_without_a_stream_is_reported(
    http_camera: Camera, path: str, open_timeout_s: float, text: str
) -> None:
    error = _error(http_camera.url(path), live(open_timeout_s=open_timeout_s))
    assert type(error) is SourceUnavailable
    assert text in str(error)


def test_http_passwords_are_used_and_never_shown(http_camera: Camera) -> None:
    good = open_source(http_camera.url("/locked", f"{USER}:{PASSWORD}"), live())
    with closing(good.frames()) as frames:
        assert len(list(islice(frames, 3))) == 3
    error = _error(http_camera.url("/locked?pwd=hush-hush", f"{USER}:wr0ng"), live())
    trace = "".join(traceback.format_exception(error))
    assert "wr0ng" not in trace
    assert "hush-hush" not in trace
    assert "http://***@127.0.0.1" in str(error)


def test_an_http_stream_that_ends_or_hangs_after_frames_raises_source_ended(http_camera: Camera) -> None:
    assert type(_error(http_camera.url("/good"), live())) is SourceEnded
    error = _error(http_camera.url("/hangs"), live(read_timeout_s=3.0))
    assert type(error) is SourceEnded
    assert "no data for 3 s" in str(error)


@pytest.mark.parametrize("path", ["/playlist", "/redirect"])
def test_a_malicious_http_server_cannot_make_it_read_files(http_camera: Camera, media: Path, path: str) -> None:
    http_camera.file = str(media / "mjpeg.mkv")
    http_camera.playlist = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{media / 'h264.mp4'}\n#EXT-X-ENDLIST\n"
    )
    assert type(_error(http_camera.url(path), live())) is SourceUnavailable


def test_a_camera_may_change_size_and_pixel_format(http_camera: Camera) -> None:
    sizes = []
    with pytest.raises(SourceEnded):
        for frame in open_source(http_camera.url("/changing"), live()).frames():
            sizes.append(frame.size_wh)
            assert frame.colour((40, 30)).shape == (30, 40, 3)
    assert [size_wh for size_wh, _ in groupby(sizes)] == [(160, 120), (320, 240), (96, 64)]


@pytest.mark.parametrize("path", ["/damaged", "/cut"])
def test_damaged_pictures_are_counted_and_skipped_silently(
    http_camera: Camera, path: str, capfd: pytest.CaptureFixture[str]
) -> None:
    options, deviations = live(), []
    with pytest.raises(SourceEnded):
        for frame in open_source(http_camera.url(path), options).frames():
            deviations.append(float(frame.luma.std()))
    # On a busy machine some pictures wait until newer ones arrive, and are not decoded.
    statistics = options.statistics
    assert len(deviations) + statistics.frames_damaged + statistics.frames_late == 30
    assert 0 < statistics.frames_damaged <= 10
    assert min(deviations) > 40  # no picture is partly grey
    assert capfd.readouterr().err == ""


def test_optimised_jpegs_are_decoded_over_http(http_camera: Camera) -> None:
    with closing(open_source(http_camera.url("/optimised"), live()).frames()) as frames:
        assert all(frame.luma.std() > 40 for frame in islice(frames, 5))


@pytest.mark.real("rtsp")
def test_optimised_jpegs_over_rtsp_are_reported_and_none_is_shown(rtsp: RtspServer) -> None:
    options = live(read_timeout_s=2.0)
    error = _error(rtsp.url("/optimised"), options)
    assert type(error) is SourceUnavailable
    assert "optimised Huffman tables, which RTSP does not transmit" in str(error)
    assert options.statistics.frames_damaged > 0


def test_an_http_camera_may_send_chunks(http_camera: Camera) -> None:
    with closing(open_source(http_camera.url("/chunked"), live()).frames()) as frames:
        assert [frame.size_wh for frame in islice(frames, 3)] == [(160, 120)] * 3


@pytest.mark.real("openssl")
def test_an_https_camera_needs_no_valid_certificate(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    with running_camera(made.server, made.server_key) as camera:
        source = open_source(camera.url("/locked", f"{USER}:{PASSWORD}"), live())
        with closing(source.frames()) as frames:
            assert len(list(islice(frames, 3))) == 3


@pytest.mark.real("rtsp")
@pytest.mark.parametrize(("configured", "only"), [("tcp", "udp"), ("udp", "tcp")])
def test_a_camera_that_rejects_the_transport_is_read_over_the_other(
    media: Path, configured: str, only: str, caplog: pytest.LogCaptureFixture
) -> None:
    with RtspServer({"/shop": media / "h264.mp4"}, user=f"{USER}:{PASSWORD}", only=only) as server:
        source = open_source(server.url("/shop", f"{USER}:{PASSWORD}"), live(rtsp_transport=configured))
        with closing(source.frames()) as frames:
            assert len(list(islice(frames, 3))) == 3
    (message,) = caplog.messages
    assert f'rejects rtsp_transport = "{configured}" (461)' in message
    assert f'set rtsp_transport = "{only}"' in message
    assert PASSWORD not in message


def test_a_stream_without_decodable_pictures_times_out(http_camera: Camera) -> None:
    error = _error(http_camera.url("/garbage"), live(open_timeout_s=2.0, read_timeout_s=0.5))
    assert type(error) is SourceUnavailable
    error = _error(http_camera.url("/decays"), live(read_timeout_s=3.0))
    assert type(error) is SourceEnded
    assert "data, but no picture for 3 s" in str(error)


def test_live_frames_are_stamped_on_arrival_by_the_given_clock(http_camera: Camera) -> None:
    clock = FakeClock()
    with closing(open_source(http_camera.url("/good"), live(clock=clock)).frames()) as frames:
        for frame in islice(frames, 3):
            assert (frame.mono_s, frame.wall_s) == (clock.monotonic(), clock.wall())
            clock.now_s += 0.25


@pytest.mark.parametrize("url", ["rtsp://127.0.0.1/x", "http://127.0.0.1/x", "/dev/video0"])
def test_a_camera_cannot_be_read_offline(url: str) -> None:
    assert "a live camera cannot be read offline" in str(_error(url, offline()))


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (unknown_host_error("cam"), "check its spelling, or use the IP address of the camera"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "check its address, its cable, and that this device is in"),
        (OSError(errno.ECONNRESET, "reset"), "check whether too many programs watch it"),
        (UnknownCodecError(), "set the camera to H.264, H.265 or MJPEG"),
        (OSError(errno.EBADMSG, "Bad message"), "try it in another program, such as VLC"),
    ],
)
def test_each_kind_of_error_has_a_remedy_of_its_own(error: Exception, remedy: str) -> None:
    assert remedy in camera_message("rtsp://***@cam/1", error)
    assert camera_message("rtsp://***@cam/1", error).count(": ") == 2, "source, what is wrong, what to do"
