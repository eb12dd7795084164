"""Logins at cameras: the answers to HTTP and RTSP challenges, where they are sent, and what is reported."""

from __future__ import annotations

import hashlib
import socket
import ssl
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

import pytest

from edgeheat.daemon.system_clock import SystemClock
from edgeheat.errors import SourceUnavailable
from edgeheat.sources import open_source
from edgeheat.sources.digest import Login, authorization, parse_challenges
from edgeheat.sources.rtsp_login import login_problem
from tests.sources.fakes import FakeClock, live
from tests.sources.mjpeg_camera import PASSWORD, USER, Camera
from tests.support.mosquitto import make_certificates
from tests.support.rejecting_rtsp import rejecting_camera
from tests.support.wait import DEADLINE_S

LOGIN = f"{USER}:{PASSWORD}"


def opens(url: str) -> bool:
    with closing(open_source(url, live()).frames()) as frames:
        return len(list(islice(frames, 3))) == 3


def reason(url: str) -> str:
    """The message with which a camera cannot be opened."""
    with pytest.raises(SourceUnavailable) as caught:
        opens(url)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


# The example of RFC 7616, section 3.9.1.
_RFC_NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
_RFC_CLIENT_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_answers_the_examples_of_the_standard(algorithm: str, response: str) -> None:
    header = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{_RFC_NONCE}", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    login = Login("Mufasa", "Circle of Life")
    answer = authorization(parse_challenges([header]), login, "GET", "/dir/index.html", _RFC_CLIENT_NONCE)
    assert answer is not None
    assert f'response="{response}"' in answer
    assert f"algorithm={algorithm}" in answer
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in answer
    assert "Circle" not in answer + repr(login)


@pytest.mark.parametrize(
    ("headers", "kinds"),
    [
        (['Basic realm="a"'], ["basic"]),
        (['Basic realm="a, Digest nonce=1", Digest realm="b", nonce="c"'], ["basic", "digest with MD5"]),
        (["NTLM", 'Digest realm="b", algorithm = SHA-256'], ["ntlm", "digest with SHA-256"]),
        (["Negotiate, Basic"], ["negotiate", "basic"]),
        (["", ", ,", '"="'], []),
    ],
)
def test_challenges_are_read_in_any_notation(headers: list[str], kinds: list[str]) -> None:
    assert [challenge.label for challenge in parse_challenges(headers)] == kinds


def test_a_challenge_that_can_be_answered_is_chosen_and_digest_before_basic() -> None:
    headers = ['Digest realm="a", nonce="b", algorithm=MD4', 'Basic realm="a"', 'Digest realm="a", nonce="b"']
    for offered, kind in ((headers, "Digest"), (headers[:2], "Basic"), (headers[:1], None)):
        answer = authorization(parse_challenges(offered), Login("bob", "pw"), "GET", "/")
        assert (answer.partition(" ")[0] if answer else None) == kind


@pytest.mark.parametrize("algorithm", [None, "MD5", "md5", "SHA-256", "sha-256", "SHA-512-256"])
@pytest.mark.parametrize("quality", [', qop="auth"', ', qop="auth-int,auth"', ""])
def test_an_http_camera_may_request_any_digest(http_camera: Camera, algorithm: str | None, quality: str) -> None:
    stated = f", algorithm={algorithm}" if algorithm else ""
    http_camera.challenges = [f'Digest realm="camera", nonce="n0nce"{stated}{quality}']
    assert opens(http_camera.url("/locked/a%20b?x=1&y=ä", LOGIN))
    assert "user name or password missing or rejected (401)" in reason(http_camera.url("/locked", f"{USER}:wr0ng"))
    assert "user name or password missing or rejected (401)" in reason(http_camera.url("/locked"))


@pytest.mark.parametrize("user", ["łukasz", "jürgen", "%C5%82ukasz"])
@pytest.mark.parametrize("realm", ["camera", "Küche"])
def test_names_of_users_and_realms_may_have_any_letters(http_camera: Camera, user: str, realm: str) -> None:
    http_camera.user = unquote(user)
    http_camera.challenges = [f'Digest realm="{realm}", nonce="n0nce", qop="auth"'.encode().decode("latin-1")]
    assert opens(http_camera.url("/locked", f"{user}:{PASSWORD}"))


def test_a_realm_in_another_encoding_is_answered_byte_by_byte() -> None:
    challenges = parse_challenges([b'Digest realm="K\xfcche", nonce="1"'.decode("latin-1")])
    answer = authorization(challenges, Login("łukasz", "pw"), "GET", "/")
    assert answer is not None
    assert b'username="\xc5\x82ukasz", realm="K\xfcche"' in answer.encode("latin-1")
    secret = hashlib.md5("łukasz:".encode() + b"K\xfcche:pw").hexdigest()
    request = hashlib.md5(b"GET:/").hexdigest()
    assert f'response="{hashlib.md5(f"{secret}:1:{request}".encode()).hexdigest()}"' in answer


def test_an_http_camera_with_another_kind_of_login_is_reported_as_such(http_camera: Camera) -> None:
    http_camera.challenges = ["NTLM", 'Digest realm="camera", nonce="n0nce", algorithm=MD4']
    message = reason(http_camera.url("/locked", LOGIN))
    assert message.endswith("login that is not supported (ntlm, digest with MD4): set it to digest or basic there")


def test_a_login_follows_a_redirect_on_its_host_and_does_not_leave_it(http_camera: Camera) -> None:
    http_camera.moved_to = "/locked"
    assert opens(http_camera.url("/moved", LOGIN))
    http_camera.logins.clear()
    http_camera.moved_to = http_camera.url("/locked").replace("127.0.0.1", "localhost")
    assert "rejected (401)" in reason(http_camera.url("/moved", LOGIN))
    assert [sent for host, sent in http_camera.logins if host.startswith("localhost")] == [None]


def test_a_camera_that_redirects_in_a_circle_is_reported(http_camera: Camera) -> None:
    http_camera.moved_to = "/moved"
    assert "the camera rejected the request" in reason(http_camera.url("/moved"))


@pytest.mark.parametrize(
    ("challenges", "text"),
    [
        (['Digest realm="camera", nonce="1", algorithm=SHA-256'], "not supported over RTSP (digest with SHA-256)"),
        (['Digest realm="camera", nonce="1", algorithm="md5"'], "not supported over RTSP (digest with md5)"),
        (
            ['Digest realm="c", nonce="1"', 'Digest realm="c", nonce="1", algorithm=SHA-256', 'Basic realm="c"'],
            "not supported over RTSP (digest with SHA-256)",
        ),
        (['Digest realm="camera", nonce="1"'], "user name or password missing or rejected (401)"),
        (['Basic realm="camera"'], "user name or password missing or rejected (401)"),
    ],
)
def test_an_rtsp_login_that_cannot_work_is_told_from_a_wrong_one(challenges: list[str], text: str) -> None:
    with rejecting_camera(challenges) as port:
        assert text in reason(f"rtsp://{LOGIN}@127.0.0.1:{port}/stream")
        assert "rejected (401)" in reason(f"rtsp://127.0.0.1:{port}/stream")


class HastyClock(FakeClock):
    """A clock on which two seconds pass between any two looks."""

    def monotonic(self) -> float:
        self.now_s += 2.0
        return self.now_s


def test_an_rtsp_camera_that_answers_slowly_is_not_waited_for_longer_than_the_timeout_in_total() -> None:
    # The answer takes at least four parts, each of which comes in time.
    challenges = [f'Digest realm="{"x" * 13000}", nonce="1"', 'Digest realm="c", nonce="1", algorithm=SHA-256']
    with rejecting_camera(challenges) as port:
        url = f"rtsp://{LOGIN}@127.0.0.1:{port}/stream"
        assert "SHA-256" in str(login_problem(url, DEADLINE_S, FakeClock()))
        assert login_problem(url, 7.0, HastyClock()) is None


@pytest.mark.real("openssl")
@pytest.mark.filterwarnings("always::ResourceWarning")
def test_the_question_for_the_kind_of_login_closes_its_connection(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    made = make_certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(made.server, made.server_key)
    answer = b'RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest nonce="1", algorithm=SHA-256\r\n\r\n'
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        url = f"rtsps://{LOGIN}@127.0.0.1:{server.getsockname()[1]}/stream"
        problem = pool.submit(login_problem, url, DEADLINE_S, SystemClock())
        with context.wrap_socket(server.accept()[0], server_side=True) as camera:
            assert camera.recv(4096).startswith(b"DESCRIBE rtsps://127.0.0.1:")
            camera.sendall(answer)
            assert "digest with SHA-256" in str(problem.result(DEADLINE_S))
    assert not [warning for warning in recwarn if "SSLSocket" in str(warning.message)]
