"""What every command of the command line shares: exit codes, the way to say something, the configuration's option."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.errors import OPENCV_REMEDY, ConfigError, EdgeheatError, StartupError
from edgeheat.redact import redact

FAILURE, USAGE, UNAVAILABLE, BAD_CONFIG, INTERRUPTED = 1, 2, 69, 78, 130
"""Exit codes besides 0; 69 and 78 are those of sysexits.h, and systemd does not restart after 78."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration; else $EDGEHEAT_CONFIG, ./edgeheat.toml, /etc/edgeheat/config.toml."
    ),
]


def say(text: str) -> None:
    """Write a line to stderr, without passwords."""
    typer.echo(redact(text), err=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn edgeheat's errors into lines on stderr and an exit code."""
    try:
        yield
    except ConfigError as error:
        for fault in error.faults:
            say(fault)
        raise typer.Exit(BAD_CONFIG) from None
    except StartupError as error:
        say(str(error))
        raise typer.Exit(UNAVAILABLE) from None
    except EdgeheatError as error:
        say(str(error))
        raise typer.Exit(FAILURE) from None
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except ImportError as error:
        if error.name != "cv2" and "libG" not in str(error):
            raise
        say(f"OpenCV does not load ({error}): {OPENCV_REMEDY}")
        raise typer.Exit(UNAVAILABLE) from None
