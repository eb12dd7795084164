"""Makes TLS connections to cameras, whose certificates nobody issues and whose ciphers may be old."""

from __future__ import annotations

import ssl


def unverified_context() -> ssl.SSLContext:
    """Return a context that accepts any certificate, as FFmpeg does by default, and the ciphers of old cameras."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context
