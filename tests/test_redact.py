"""No password is left in redacted text, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.redact import redact


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("rtsp://user:secret@10.0.0.7/stream", "rtsp://***@10.0.0.7/stream"),
        ("rtsp://user:p@ss:w/ord@10.0.0.7:554/a", "rtsp://***@10.0.0.7:554/a"),
        ("http://cam/video.cgi?user=admin&pwd=secret", "http://cam/video.cgi?***"),
        ("http://cam/video.cgi?pwd=secret: connection refused", "http://cam/video.cgi?***: connection refused"),
        ("two: rtsp://a:b@c/ and 'http://d:e@f/?g=h'", "two: rtsp://***@c/ and 'http://***@f/?***'"),
        ("no address at all, not even me@example.org", "no address at all, not even me@example.org"),
    ],
)
def test_user_password_and_query_are_removed(text: str, safe: str) -> None:
    assert redact(text) == safe


@given(st.text("abc:/@%#ü?&=.", min_size=1))
def test_a_password_of_any_characters_leaves_no_trace(password: str) -> None:
    text = f"Connection refused: 'rtsp://admin:CANARY{password}CANARY@10.0.0.7/stream'"
    assert "CANARY" not in redact(text)
