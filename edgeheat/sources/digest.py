"""Answers the login challenges of HTTP and RTSP servers: Basic, and Digest with MD5, SHA-256 or SHA-512-256.

Reference: RFC 7235 (challenges), RFC 7616 (Digest), RFC 7617 (Basic).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

_CHALLENGE_START = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s+[^\s=,]+\s*=|\s*(?:,|$))")
_PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')

_HASHES: Mapping[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
}
"""The hash functions of Digest by their upper-case names; cameras write them in either case."""

_SESSION_SUFFIX = "-SESS"
"""Ends the name of an algorithm that includes both nonces in the first hash."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password, neither of them percent-encoded."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way of logging in that a server offers."""

    scheme: str
    """In lower case: `basic`, `digest` and others."""

    parameters: Mapping[str, str]
    """By name in lower case, without quotes."""

    @property
    def algorithm(self) -> str:
        """The algorithm of a Digest challenge as the server wrote it; MD5 if it named none."""
        return self.parameters.get("algorithm") or "MD5"

    @property
    def label(self) -> str:
        """The kind of login for a message: `basic`, `digest with SHA-256`; at most 30 characters."""
        return f"digest with {self.algorithm[:18]}" if self.scheme == "digest" else self.scheme[:30]


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return the challenges in WWW-Authenticate headers, in the server's order; malformed parts are ignored.

    The headers, like that of `authorization`, have a character for each byte, as `http.client` reads and sends them.
    """
    challenges = []
    for header in headers:
        # Quoted texts may contain anything that looks like the start of a challenge.
        unquoted = re.sub(r'"(?:[^"\\]|\\.)*"', lambda quoted: '"' + "_" * (len(quoted[0]) - 2) + '"', header)
        starts = list(_CHALLENGE_START.finditer(unquoted))
        ends = [following.start() for following in starts[1:]] + [len(header)]
        for start, end in zip(starts, ends, strict=False):
            parameters = {
                name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
                for name, quoted, bare in _PARAMETER.findall(header[start.end() : end])
            }
            challenges.append(Challenge(start[1].lower(), parameters))
    return challenges


def authorization(
    challenges: Iterable[Challenge], login: Login, method: str, target: str, client_nonce: str = ""
) -> str | None:
    """Return the Authorization header for a request, by the first Digest challenge that can be answered, else by Basic.

    `target` is the request's path and query. `client_nonce` is random if empty. None if no challenge can be answered.
    """
    offered = list(challenges)
    for challenge in offered:
        if challenge.scheme == "digest" and _can_answer(challenge):
            nonce = client_nonce or secrets.token_hex(8)
            return _digest(challenge, login, method, target, nonce)
    if any(challenge.scheme == "basic" for challenge in offered):
        return "Basic " + b64encode(f"{login.username}:{login.password}".encode()).decode()
    return None


def _can_answer(challenge: Challenge) -> bool:
    quality = challenge.parameters.get("qop", "auth").lower().replace(" ", "").split(",")
    return challenge.algorithm.upper().removesuffix(_SESSION_SUFFIX) in _HASHES and "auth" in quality


def _digest(challenge: Challenge, login: Login, method: str, target: str, client_nonce: str) -> str:
    stated = challenge.parameters
    # The server hashes the bytes that it receives and those that it sent, whatever their encoding.
    username, password = (text.encode().decode("latin-1") for text in (login.username, login.password))
    realm, nonce, algorithm = stated.get("realm", ""), stated.get("nonce", ""), challenge.algorithm.upper()
    hash_name = algorithm.removesuffix(_SESSION_SUFFIX)

    def digest(*parts: str) -> str:
        return _HASHES[hash_name](":".join(parts).encode("latin-1"))

    secret = digest(username, realm, password)
    if algorithm != hash_name:
        secret = digest(secret, nonce, client_nonce)
    request = digest(method, target)
    fields = {"username": username, "realm": realm, "nonce": nonce, "uri": target}
    bare = {"algorithm": challenge.algorithm} if "algorithm" in stated else {}
    if "qop" in stated:
        bare |= {"qop": "auth", "nc": "00000001"}
        fields |= {"cnonce": client_nonce, "response": digest(secret, nonce, "00000001", client_nonce, "auth", request)}
    else:  # RFC 2069
        fields["response"] = digest(secret, nonce, request)
    if "opaque" in stated:
        fields["opaque"] = stated["opaque"]
    quoted = [f'{name}="{_escaped(value)}"' for name, value in fields.items()]
    return "Digest " + ", ".join(quoted + [f"{name}={value}" for name, value in bare.items()])


def _escaped(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", value)
