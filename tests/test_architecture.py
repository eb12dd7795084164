"""The house and its rules: who may import whom, who may read a clock, how long a thing may be."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.house import Sources, imports, long_functions, names_used, opening_fault, read_package, way_to

ROOT = Path(__file__).parent.parent

# Each room, and the rooms it may import besides itself and SHARED. Arrows go downwards only.
ROOMS: dict[str, set[str]] = {
    "__main__": {"cli"},
    "cli": {"daemon", "offline", "doctor", "config", "core"},
    "daemon": {"broker", "web", "sinks", "sources", "store", "config", "schedule", "core"},
    "offline": {"sources", "config", "core"},
    "doctor": {"broker", "web", "sinks", "sources", "store", "config", "schedule", "core"},
    "broker": {"sinks", "config"},
    "config": {"schedule", "core.params", "core.events"},
    "schedule": set(),
    "web": {"core"},
    "sinks": {"core"},
    "sources": {"core"},
    "store": {"core"},
    "core": set(),
}
# Small helpers that everyone may import, and that import nothing but one another.
SHARED = {"errors", "redact", "atomic", "image_size"}
# How a module gets at the version, which lies in no room.
VERSION = {"edgeheat", "edgeheat.__version__"}

# Rooms that may use these outside packages only; the others may use whatever pyproject.toml declares.
OUTSIDE: dict[str, set[str]] = {
    "core": {"numpy", "cv2"},
    "core.colour": {"numpy", "cv2", "cmap"},
    "schedule": {"apscheduler"},
    **{module: set() for module in SHARED},
}
# Where a distribution's import name is not its own name.
IMPORT_NAMES = {"opencv-contrib-python": "cv2", "paho-mqtt": "paho"}

# The parent process stays small: it never loads the packages that only its workers need.
PARENT = {"__main__", "cli", "broker", "config", "schedule", "sinks", "store", "web", "daemon"}
WORKER = {"daemon.worker", "daemon.plan_worker", "daemon.preload"}
HEAVY = {"numpy", "cv2", "av"}

# core computes and does nothing else.
PURE = "core"
PURE_NEVER_IMPORTS = {
    *("os", "pathlib", "shutil", "tempfile", "sqlite3", "tomllib"),
    *("socket", "ssl", "select", "urllib", "asyncio"),
    *("threading", "queue", "concurrent", "multiprocessing", "subprocess", "signal", "time"),
}
PURE_NEVER_USES = {
    *("open", "io.open", "logging.basicConfig"),
    *("cv2.imread", "cv2.imwrite", "cv2.VideoCapture", "cv2.VideoWriter", "numpy.fromfile", "numpy.memmap"),
}

# Time comes in from outside; one module reads the machine's clocks.
CLOCK = "daemon.clock"
CLOCK_READS = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.sleep"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
}

MODULE_LINES = 400
FUNCTION_LINES = 60
EXCUSE = "Long because"


def within(module: str, room: str) -> bool:
    """Whether the dotted name lies in the room: a package, or modules that begin with its name (`config_types`)."""
    return module == room or module.startswith((room + ".", room + "_"))


def inner(module: str) -> str:
    """The name without the package's own: `edgeheat.core.heat` → `core.heat`."""
    return module.removeprefix("edgeheat").removeprefix(".")


def room_of(module: str) -> str | None:
    """The room or shared helper that the module lies in."""
    return next((room for room in [*ROOMS, *SHARED] if within(inner(module), room)), None)


def wrong_arrows(sources: Sources) -> Iterator[str]:
    """Imports of a room that lies above, beside, or nowhere; imports for the type checker are arrows too."""
    for module, text in sources.items():
        room = room_of(module)
        if room is None and module != "edgeheat":
            yield f"{module}: a module in no room; give it a place in ROOMS"
            continue
        allowed = {room, *SHARED, *ROOMS.get(room, set())} if room else set()
        if room == PURE:
            allowed.remove("atomic")
        for found in imports(text):
            if found.target.startswith("."):
                yield f"{module}:{found.line}: relative import {found.target}; write the whole name"
            elif (
                within(found.target, "edgeheat")
                and found.target not in VERSION
                and not any(within(inner(found.target), target) for target in allowed)
            ):
                yield f"{module}:{found.line}: {room} may not import {found.target}"


def undeclared_packages(sources: Sources, declared: set[str]) -> Iterator[str]:
    """Outside packages that pyproject.toml does not declare, or that this room may not use."""
    for module, text in sources.items():
        rules = [rule for rule in OUTSIDE if within(inner(module), rule)]
        allowed = OUTSIDE[max(rules, key=len)] if rules else declared
        for found in imports(text):
            package = found.target.partition(".")[0]
            if package and package != "edgeheat" and package not in sys.stdlib_module_names and package not in allowed:
                yield f"{module}:{found.line}: may not import {package}"


def heavy_parents(sources: Sources) -> Iterator[str]:
    """Modules of the parent process that load numpy, cv2 or av when they are imported, with the way it happens."""
    for module in sources:
        if room_of(module) in PARENT and inner(module) not in WORKER:
            way = way_to(module, HEAVY, sources)
            if way:
                yield " → ".join(way)


def impure_core(sources: Sources) -> Iterator[str]:
    """Files, sockets, threads and clocks in core."""
    for module, text in sources.items():
        if room_of(module) != PURE:
            continue
        for found in imports(text):
            if found.target.partition(".")[0] in PURE_NEVER_IMPORTS:
                yield f"{module}:{found.line}: core is pure and may not import {found.target}"
        for name, line in names_used(text):
            if name in PURE_NEVER_USES:
                yield f"{module}:{line}: core is pure and may not use {name}"


def clock_readers(sources: Sources) -> Iterator[str]:
    """Clocks read outside the one module that may."""
    for module, text in sources.items():
        if inner(module) != CLOCK:
            for name, line in names_used(text):
                if name in CLOCK_READS:
                    yield f"{module}:{line}: {name}; take the time from outside (a Clock, or an instant)"


def too_long(sources: Sources) -> Iterator[str]:
    """Modules and functions past their limit that give no reason."""
    for module, text in sources.items():
        count = len(text.splitlines())
        if count > MODULE_LINES and EXCUSE not in (ast.get_docstring(ast.parse(text)) or ""):
            yield f"{module}: {count} lines, over {MODULE_LINES}; split it, or give the reason: {EXCUSE} …"
        for function, line, length in long_functions(text, FUNCTION_LINES, EXCUSE):
            yield f"{module}:{line}: {function} has {length} lines, over {FUNCTION_LINES}; split it, or give the reason"


def unopened(sources: Sources) -> Iterator[str]:
    """Modules that do not open with one sentence."""
    for module, text in sources.items():
        fault = opening_fault(text)
        if fault:
            yield f"{module}: {fault}"


def declared_packages(group: list[str]) -> set[str]:
    """The import names of requirements such as `paho-mqtt>=2.1,<3`."""
    distributions = (requirement.partition(">")[0].partition("[")[0] for requirement in group)
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in distributions}


HOUSE = read_package(ROOT / "edgeheat")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = declared_packages(PROJECT["dependencies"])


def faults_of_declared(sources: Sources) -> Iterator[str]:
    """`undeclared_packages` by what pyproject.toml really declares."""
    return undeclared_packages(sources, DECLARED)


Rule = Callable[[Sources], Iterator[str]]
RULES: list[Rule] = [
    wrong_arrows,
    faults_of_declared,
    heavy_parents,
    impure_core,
    clock_readers,
    too_long,
    unopened,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    faults = list(dict.fromkeys(rule(HOUSE)))
    assert not faults, "\n".join(faults)


def test_every_declared_package_is_used() -> None:
    used = {found.target.partition(".")[0] for text in HOUSE.values() for found in imports(text)}
    assert DECLARED - used == set()


def test_the_parent_loads_no_heavy_package_through_its_dependencies_either() -> None:
    parents = sorted(m for m in HOUSE if room_of(m) in PARENT and inner(m) not in WORKER and m != "edgeheat.__main__")
    script = (
        f"import sys, importlib\nfor m in {parents}: importlib.import_module(m)\nprint(*{HEAVY} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


SPRAWL = "def sprawl():\n" + "    x = 1\n" * 60
VIOLATIONS: list[tuple[str, Rule, Sources, str]] = [
    ("core reaches up", wrong_arrows, {"edgeheat.core.heat": "import edgeheat.config"}, "core may not import"),
    (
        "a sink knows another room",
        wrong_arrows,
        {"edgeheat.sinks.disk": "from edgeheat.store import x"},
        "sinks may not",
    ),
    ("in a function", wrong_arrows, {"edgeheat.web.app": "def f():\n    import edgeheat.daemon"}, "app:2: web may not"),
    (
        "for the type checker",
        wrong_arrows,
        {"edgeheat.store.a": "if TYPE_CHECKING:\n    from edgeheat import sources"},
        "store may not import edgeheat.sources",
    ),
    (
        "config takes more than params",
        wrong_arrows,
        {"edgeheat.config": "import edgeheat.core.types"},
        "config may not",
    ),
    ("core writes files", wrong_arrows, {"edgeheat.core.tiles": "import edgeheat.atomic"}, "core may not import"),
    ("a helper looks up", wrong_arrows, {"edgeheat.errors": "import edgeheat.core"}, "errors may not import"),
    ("relative", wrong_arrows, {"edgeheat.core.heat": "from . import types"}, "relative import"),
    ("a room nobody planned", wrong_arrows, {"edgeheat.utils": ""}, "in no room"),
    ("undeclared", faults_of_declared, {"edgeheat.web.app": "import flask"}, "may not import flask"),
    ("av in core", faults_of_declared, {"edgeheat.core.heat": "import av"}, "may not import av"),
    ("numpy in schedule", faults_of_declared, {"edgeheat.schedule": "import numpy"}, "may not import numpy"),
    ("numpy in a sink", heavy_parents, {"edgeheat.sinks.disk": "import numpy as np"}, "edgeheat.sinks.disk → numpy"),
    (
        "numpy by a detour",
        heavy_parents,
        {
            "edgeheat.web.app": "from edgeheat.core.types import Frame",
            "edgeheat.core": "",
            "edgeheat.core.types": "try:\n    import numpy\nfinally:\n    pass",
        },
        "edgeheat.web.app → edgeheat.core.types → numpy",
    ),
    (
        "numpy through the package above",
        heavy_parents,
        {"edgeheat.web.app": "", "edgeheat.web": "import cv2"},
        "edgeheat.web → cv2",
    ),
    ("a file in core", impure_core, {"edgeheat.core.heat": "from pathlib import Path"}, "may not import pathlib"),
    ("open in core", impure_core, {"edgeheat.core.heat": "open('x')"}, "may not use open"),
    ("numpy reads files in core", impure_core, {"edgeheat.core.heat": "import numpy as np\nnp.fromfile(f)"}, "numpy.f"),
    ("time.time", clock_readers, {"edgeheat.web.app": "import time\ntime.time()"}, "app:2: time.time;"),
    ("renamed", clock_readers, {"edgeheat.web.app": "import time as t\nt.sleep(1)"}, "time.sleep"),
    ("as a default", clock_readers, {"edgeheat.a": "from time import monotonic as m\nf(clock=m)"}, "time.monotonic"),
    ("now", clock_readers, {"edgeheat.a": "from datetime import datetime\ndatetime.now(UTC)"}, "datetime.now"),
    ("long function", too_long, {"edgeheat.a": '"""A."""\n' + SPRAWL}, "sprawl has 61 lines"),
    ("long module", too_long, {"edgeheat.a": '"""A."""\n' + "x = 1\n" * 400}, "401 lines"),
    ("no docstring", unopened, {"edgeheat.a": "x = 1"}, "no docstring"),
    ("no sentence", unopened, {"edgeheat.a": '"""Some words\nthat wrap."""'}, "one sentence"),
]


@pytest.mark.parametrize(("rule", "sources", "fault"), [pytest.param(*case, id=what) for what, *case in VIOLATIONS])
def test_a_house_that_breaks_the_rule_is_told(rule: Rule, sources: Sources, fault: str) -> None:
    assert fault in "\n".join(rule(sources))


SOUND: list[tuple[str, Rule, Sources]] = [
    ("the version", wrong_arrows, {"edgeheat.web.app": "from edgeheat import __version__"}),
    ("config's one arrow", wrong_arrows, {"edgeheat.config": "from edgeheat.core.params import Style"}),
    (
        "numpy for the type checker",
        heavy_parents,
        {"edgeheat.sinks.disk": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy"},
    ),
    ("numpy when needed", heavy_parents, {"edgeheat.cli": "def render():\n    import numpy"}),
    ("numpy in the worker", heavy_parents, {"edgeheat.daemon.worker": "import numpy"}),
    ("the clock", clock_readers, {"edgeheat.daemon.clock": "import time\ntime.sleep(1)"}),
    ("a time of day", clock_readers, {"edgeheat.a": "from datetime import time\ntime(12, 0)"}),
    (
        "a reason",
        too_long,
        {"edgeheat.a": '"""A."""\n' + SPRAWL.replace("x", "# Long because it is a table.\n    x", 1)},
    ),
    ("a module's reason", too_long, {"edgeheat.a": '"""A.\n\nLong because it is a table.\n"""\n' + "x = 1\n" * 400}),
]


@pytest.mark.parametrize(("rule", "sources"), [pytest.param(*case, id=what) for what, *case in SOUND])
def test_a_house_that_keeps_the_rule_is_left_alone(rule: Rule, sources: Sources) -> None:
    assert list(rule(sources)) == []
