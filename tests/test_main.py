"""The command's first seconds, while its modules load."""

from __future__ import annotations

import subprocess
import sys

from tests.support.wait import DEADLINE_S

# Interrupts itself at the moment at which `edgeheat.cli.app` is looked for: a Ctrl-C by the clock would hit it by luck.
_INTERRUPTED = """
import signal, sys
from edgeheat.__main__ import main

class AtTheFirstImport:
    def find_spec(self, name, path=None, target=None):
        if name == "edgeheat.cli.app":
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, AtTheFirstImport())
sys.argv = ["edgeheat", "version"]
main()
"""


def test_ctrl_c_while_the_modules_load_is_one_line_and_exit_code_130() -> None:
    command = [sys.executable, "-c", _INTERRUPTED]
    result = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "interrupted\n")
