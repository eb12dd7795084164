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

# Each package, and the packages it may import besides itself and SHARED. Arrows go downwards only.
ROOMS: dict[str, set[str]] = {
    "__main__": {"cli"},
    "cli": {"daemon", "offline", "doctor", "config", "defs"},
    "daemon": {"web", "sinks", "sources", "store", "config", "core", "defs"},
    "offline": {"sources", "config", "core", "defs"},
    "doctor": {"sinks", "sources", "config", "core", "defs"},
    "web": {"defs"},
    "sinks": {"defs"},
    "sources": {"core.grid.frames", "defs"},
    "store": {"defs"},
    "config": {"defs"},
    "core.pipeline": {"core.render", "core.heat", "core.foreground", "core.health", "core.grid", "defs"},
    "core.floorplan": {"core.render", "core.heat", "core.grid", "defs"},
    "core.render": {"core.heat", "core.grid", "defs"},
    "core.heat": {"core.grid", "defs"},
    "core.foreground": {"core.grid", "defs"},
    "core.health": {"core.grid", "defs"},
    "core.grid": {"defs"},
    "core": set(),
    "defs": set(),
}
# Small helpers that everyone may import, and that import nothing but one another.
SHARED = {"errors", "redact", "atomic", "schedule"}
# How a module gets at the version, which lies in no room.
VERSION = {"edgeheat", "edgeheat.__version__"}

# Rooms that may use these outside packages only; the others may use whatever pyproject.toml declares.
OUTSIDE: dict[str, set[str]] = {
    "core": {"numpy", "cv2"},
    "core.render.colormap": {"numpy", "cv2", "cmap"},
    "defs": set(),
    "schedule": {"apscheduler"},
    **{module: set() for module in SHARED - {"schedule"}},
}
# Where a distribution's import name is not its own name.
IMPORT_NAMES = {"opencv-contrib-python": "cv2", "paho-mqtt": "paho"}

# The parent process stays small: it never loads the packages that only its workers need.
PARENT = {"__main__", "cli", "config", "schedule", "sinks", "store", "web", "daemon", "defs"}
WORKER = {"daemon.worker", "daemon.render_worker", "daemon.preload"}

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
    """The name without the package's own: `edgeheat.core.heat.window` → `core.heat`."""
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
        if room and within(room, PURE):
            allowed -= {"atomic", "schedule"}
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
        if not within(inner(module), PURE):
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


def module_imports(sources: Sources) -> dict[str, set[str]]:
    """For each module, the modules of the package that it imports, in functions and for the type checker too."""
    found: dict[str, set[str]] = {}
    for module, text in sources.items():
        named = ((each.target, each.target.rpartition(".")[0]) for each in imports(text))
        # Of `from a import b`, b where that is a module, else a: every package is loaded before its modules anyway.
        targets = {whole if whole in sources else package for whole, package in named}
        found[module] = targets & sources.keys() - {module}
    return found


def import_cycles(sources: Sources) -> Iterator[str]:
    """Modules that import one another, directly or by a detour."""
    graph = module_imports(sources)
    for start in graph:
        seen: set[str] = set()
        waiting = list(graph[start])
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting += graph[module]
        if start in seen:
            yield f"{start}: part of an import cycle"


def core_arrows(sources: Sources) -> set[tuple[str, str]]:
    """The arrows between the packages of core, pipeline.py counted as one."""
    rooms = {module: room_of(module) for module in sources if within(inner(module), PURE)}
    graph = module_imports(sources)
    pairs = ((rooms[module], rooms.get(target)) for module in rooms for target in graph[module])
    return {(room, target) for room, target in pairs if room and target and room != target}


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
    import_cycles,
    too_long,
    unopened,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    faults = list(dict.fromkeys(rule(HOUSE)))
    assert not faults, "\n".join(faults)


def test_core_has_few_arrows_between_its_packages() -> None:
    assert len(core_arrows(HOUSE)) <= 20


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
    (
        "core reaches up",
        wrong_arrows,
        {"edgeheat.core.heat.window": "import edgeheat.config"},
        "core.heat may not import",
    ),
    (
        "a sink knows another room",
        wrong_arrows,
        {"edgeheat.sinks.disk.sink": "from edgeheat.store import x"},
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
        {"edgeheat.config": "import edgeheat.core.grid.frames"},
        "config may not",
    ),
    (
        "core writes files",
        wrong_arrows,
        {"edgeheat.core.heat.packing": "import edgeheat.atomic"},
        "core.heat may not import",
    ),
    ("a helper looks up", wrong_arrows, {"edgeheat.errors": "import edgeheat.core"}, "errors may not import"),
    ("relative", wrong_arrows, {"edgeheat.core.heat.window": "from . import types"}, "relative import"),
    ("a room nobody planned", wrong_arrows, {"edgeheat.utils": ""}, "in no room"),
    ("undeclared", faults_of_declared, {"edgeheat.web.app": "import flask"}, "may not import flask"),
    ("av in core", faults_of_declared, {"edgeheat.core.heat.window": "import av"}, "may not import av"),
    ("numpy in schedule", faults_of_declared, {"edgeheat.schedule": "import numpy"}, "may not import numpy"),
    (
        "numpy in a sink",
        heavy_parents,
        {"edgeheat.sinks.disk.sink": "import numpy as np"},
        "edgeheat.sinks.disk.sink → numpy",
    ),
    (
        "numpy by a detour",
        heavy_parents,
        {
            "edgeheat.web.app": "from edgeheat.core.grid.frames import Frame",
            "edgeheat.core": "",
            "edgeheat.core.grid.frames": "try:\n    import numpy\nfinally:\n    pass",
        },
        "edgeheat.web.app → edgeheat.core.grid.frames → numpy",
    ),
    (
        "numpy through the package above",
        heavy_parents,
        {"edgeheat.web.app": "", "edgeheat.web": "import cv2"},
        "edgeheat.web → cv2",
    ),
    (
        "a file in core",
        impure_core,
        {"edgeheat.core.heat.window": "from pathlib import Path"},
        "may not import pathlib",
    ),
    ("open in core", impure_core, {"edgeheat.core.heat.window": "open('x')"}, "may not use open"),
    (
        "numpy reads files in core",
        impure_core,
        {"edgeheat.core.heat.window": "import numpy as np\nnp.fromfile(f)"},
        "numpy.f",
    ),
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
    ("config's one arrow", wrong_arrows, {"edgeheat.config": "from edgeheat.defs.params import Style"}),
    (
        "numpy for the type checker",
        heavy_parents,
        {"edgeheat.sinks.disk.sink": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy"},
    ),
    ("numpy when needed", heavy_parents, {"edgeheat.cli.app": "def render():\n    import numpy"}),
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
