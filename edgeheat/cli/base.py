"""Shared by all commands: exit codes and the conversion of errors to them, messages on stderr, the --config option."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.errors import OPENCV_REMEDY, ConfigError, EdgeheatError, StartupError
from edgeheat.redact import redact

FAILURE = 1
"""Exit code of a command that failed."""

UNAVAILABLE = 69
"""Exit code where something needed is not available at present (EX_UNAVAILABLE of sysexits.h)."""

BAD_CONFIG = 78
"""Exit code of a configuration that cannot be used (EX_CONFIG of sysexits.h); systemd does not restart after it."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells define it: 128 and the signal's number."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Configuration file; without it $EDGEHEAT_CONFIG, ./edgeheat.toml or /etc/edgeheat/config.toml.",
    ),
]


def echo_stderr(text: str) -> None:
    """Write a line to stderr, with passwords masked."""
    typer.echo(redact(text), err=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn edgeheat's own errors into lines on stderr and an exit code."""
    try:
        yield
    except ConfigError as error:
        for line in error.errors:
            echo_stderr(line)
        raise typer.Exit(BAD_CONFIG) from None
    except StartupError as error:
        echo_stderr(str(error))
        raise typer.Exit(UNAVAILABLE) from None
    except EdgeheatError as error:
        echo_stderr(str(error))
        raise typer.Exit(FAILURE) from None
    except KeyboardInterrupt:
        echo_stderr("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except ImportError as error:
        if error.name != "cv2" and "libG" not in str(error):
            raise
        echo_stderr(f"OpenCV does not load ({error}): {OPENCV_REMEDY}")
        raise typer.Exit(UNAVAILABLE) from None
