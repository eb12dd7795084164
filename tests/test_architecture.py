"""Enforces the rules of the code: which package imports which, where clocks are read, and maximum lengths."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.package_source import (
    Sources,
    docstring_error,
    import_chain,
    imports,
    long_functions,
    names_used,
    read_package,
)

ROOT = Path(__file__).parent.parent

# The packages that each package may import, besides itself and SHARED; only those below it.
PACKAGES: dict[str, set[str]] = {
    "__main__": {"cli"},
    "cli": {"daemon", "offline", "doctor", "history", "config", "local_time", "defs"},
    "daemon": {"web", "sinks", "sources", "history", "store", "config", "core", "local_time", "defs"},
    "offline": {"sources", "history", "store", "config", "local_time", "core", "defs"},
    "doctor": {"sinks", "sources", "config", "core", "defs"},
    "web": {"local_time", "defs"},
    "sinks": {"defs"},
    "sources": {"core.grid.frames", "defs"},
    "history": {"store", "core", "local_time", "defs"},
    "store": {"defs"},
    "config": {"local_time", "defs"},
    "local_time": {"defs"},
    "core.pipeline": {
        *("core.render", "core.heat", "core.foreground", "core.health", "core.grid", "local_time", "defs"),
    },
    "core.floorplan": {"core.render", "core.heat", "core.grid", "defs"},
    "core.render": {"core.heat", "core.grid", "defs"},
    "core.heat": {"core.grid", "local_time", "defs"},
    "core.foreground": {"core.grid", "defs"},
    "core.health": {"core.grid", "defs"},
    "core.grid": {"defs"},
    "core": set(),
    "defs": set(),
}
# Small helper modules that every package may import; they import only one another.
SHARED = {"errors", "redact", "atomic", "schedule", "plan_image"}
# Imports of the version, which belongs to no package of the table.
VERSION = {"edgeheat", "edgeheat.__version__"}

# Packages restricted to these third-party packages; the others may use everything that pyproject.toml declares.
OUTSIDE: dict[str, set[str]] = {
    "core": {"numpy", "cv2"},
    "core.heat.tile": {"numpy", "cv2", "zstandard"},
    "core.render.colormap": {"numpy", "cv2", "cmap"},
    "defs": set(),
    "local_time": set(),
    "schedule": {"apscheduler"},
    **{module: set() for module in SHARED - {"schedule"}},
}
# Import names of distributions, where they differ.
IMPORT_NAMES = {"opencv-contrib-python": "cv2", "paho-mqtt": "paho"}

# Packages that run in the parent process, which never loads what only its workers need.
PARENT = {
    *("__main__", "cli", "config", "schedule", "plan_image", "sinks", "store", "web", "daemon", "local_time", "defs"),
}
WORKER = {"daemon.camera_worker", "daemon.plan_worker", "daemon.history_worker", "daemon.preload"}

HEAVY = {"numpy", "cv2", "av", "zstandard"}

# core computes and has no side effects.
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

# Time is passed in; only one module reads the machine's clocks.
CLOCK = "daemon.system_clock"
CLOCK_READS = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.sleep"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
}

MODULE_LINES = 400
FUNCTION_LINES = 60
EXCUSE = "Long because"


def within(module: str, package: str) -> bool:
    """Whether the dotted name is in the package, or is a module whose name starts with it (`config_types`)."""
    return module == package or module.startswith((package + ".", package + "_"))


def inner(module: str) -> str:
    """The name without the package's own: `edgeheat.core.heat.window` → `core.heat`."""
    return module.removeprefix("edgeheat").removeprefix(".")


def package_of(module: str) -> str | None:
    """The package of the table, or the shared helper, that contains the module."""
    return next((package for package in [*PACKAGES, *SHARED] if within(inner(module), package)), None)


def wrong_arrows(sources: Sources) -> Iterator[str]:
    """Imports that the table does not allow, including those for the type checker, and modules outside the table."""
    for module, text in sources.items():
        package = package_of(module)
        if package is None and module != "edgeheat":
            yield f"{module}: in no package of the table; add it to PACKAGES"
            continue
        allowed = {package, *SHARED, *PACKAGES.get(package, set())} if package else set()
        if package and within(package, PURE):
            allowed -= {"atomic", "schedule", "plan_image"}
        for found in imports(text):
            if found.target.startswith("."):
                yield f"{module}:{found.line}: relative import {found.target}; use the absolute name"
            elif (
                within(found.target, "edgeheat")
                and found.target not in VERSION
                and not any(within(inner(found.target), target) for target in allowed)
            ):
                yield f"{module}:{found.line}: {package} may not import {found.target}"


def undeclared_packages(sources: Sources, declared: set[str]) -> Iterator[str]:
    """Third-party packages that pyproject.toml does not declare, or that this module may not use."""
    for module, text in sources.items():
        rules = [rule for rule in OUTSIDE if within(inner(module), rule)]
        allowed = OUTSIDE[max(rules, key=len)] if rules else declared
        for found in imports(text):
            outside = found.target.partition(".")[0]
            if outside and outside != "edgeheat" and outside not in sys.stdlib_module_names and outside not in allowed:
                yield f"{module}:{found.line}: may not import {outside}"


def heavy_parents(sources: Sources) -> Iterator[str]:
    """Modules of the parent process that load numpy, cv2 or av when they are imported, with the chain of imports."""
    for module in sources:
        if package_of(module) in PARENT and inner(module) not in WORKER:
            chain = import_chain(module, HEAVY, sources)
            if chain:
                yield " → ".join(chain)


def impure_core(sources: Sources) -> Iterator[str]:
    """Uses of files, sockets, threads and clocks in core."""
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
    """Uses of a clock outside the one module that may read it."""
    for module, text in sources.items():
        if inner(module) != CLOCK:
            for name, line in names_used(text):
                if name in CLOCK_READS:
                    yield f"{module}:{line}: {name}; pass the time in (a Clock, or an instant)"


def too_long(sources: Sources) -> Iterator[str]:
    """Modules and functions over their limit without a reason."""
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
    """Modules that import one another, directly or through others."""
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


def constants(sources: Sources) -> Iterator[tuple[str, ast.expr, str]]:
    """Name, value and module of each constant on a module's top level; several names in one assignment are skipped."""
    for module, text in sources.items():
        for node in ast.parse(text).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) and node.value is not None else targets
            for target in targets:
                if isinstance(target, ast.Name) and target.id.isupper():
                    assert isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
                    yield target.id, node.value, module


def is_number(value: ast.expr) -> bool:
    """Whether the expression is a number, or calculated from numbers alone, such as `1 / 8`."""
    if isinstance(value, ast.BinOp):
        return is_number(value.left) and is_number(value.right)
    if isinstance(value, ast.UnaryOp):
        return is_number(value.operand)
    return isinstance(value, ast.Constant) and isinstance(value.value, int | float)


def ambiguous_constants(sources: Sources) -> Iterator[str]:
    """Constants of one name with different values, and constants that share an assignment and so an explanation.

    A leading underscore does not make a name another one: who reads both modules confuses `LEVEL` and `_LEVEL`.
    """
    first: dict[str, tuple[str, str]] = {}
    for name, value, module in constants(sources):
        known_value, known_module = first.setdefault(name.lstrip("_"), (ast.unparse(value), module))
        if known_value != ast.unparse(value):
            yield f"{module}: {name} has another value than in {known_module}; give it a name of its own"
    for module, text in sources.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
                yield f"{module}:{node.lineno}: several constants in one assignment; explain each by itself"


def core_arrows(sources: Sources) -> set[tuple[str, str]]:
    """The imports between the packages of core; pipeline.py counts as a package."""
    packages = {module: package_of(module) for module in sources if within(inner(module), PURE)}
    graph = module_imports(sources)
    pairs = ((packages[module], packages.get(target)) for module in packages for target in graph[module])
    return {(package, target) for package, target in pairs if package and target and package != target}


def missing_opening_sentence(sources: Sources) -> Iterator[str]:
    """Modules that do not start with one sentence."""
    for module, text in sources.items():
        error = docstring_error(text)
        if error:
            yield f"{module}: {error}"


def declared_packages(group: list[str]) -> set[str]:
    """The import names of requirements such as `paho-mqtt>=2.1,<3`."""
    distributions = (requirement.partition(">")[0].partition("[")[0] for requirement in group)
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in distributions}


EDGEHEAT = read_package(ROOT / "edgeheat")
BENCHMARKS = read_package(ROOT / "benchmarks")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = declared_packages(PROJECT["dependencies"])


def undeclared_in_project(sources: Sources) -> Iterator[str]:
    """Third-party packages that this repository's pyproject.toml does not declare."""
    return undeclared_packages(sources, DECLARED)


Rule = Callable[[Sources], Iterator[str]]
RULES: list[Rule] = [
    wrong_arrows,
    undeclared_in_project,
    heavy_parents,
    impure_core,
    clock_readers,
    import_cycles,
    ambiguous_constants,
    too_long,
    missing_opening_sentence,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_code_follows_the_rule(rule: Rule) -> None:
    errors = list(dict.fromkeys(rule(EDGEHEAT)))
    assert not errors, "\n".join(errors)


def test_no_number_of_the_benchmarks_has_a_name_with_another_value() -> None:
    values: dict[str, dict[str, str]] = {}
    for name, value, module in constants(EDGEHEAT | BENCHMARKS):
        if is_number(value):
            values.setdefault(name.lstrip("_"), {}).setdefault(ast.unparse(value), module)
    assert {name: modules for name, modules in values.items() if len(modules) > 1} == {}


def test_core_has_at_most_20_imports_between_its_packages() -> None:
    assert len(core_arrows(EDGEHEAT)) <= 20


def test_every_declared_package_is_used() -> None:
    used = {found.target.partition(".")[0] for text in EDGEHEAT.values() for found in imports(text)}
    assert DECLARED - used == set()


def test_the_fork_server_loads_nothing_that_not_every_worker_needs() -> None:
    """Each of these takes megabytes in every worker: the first version that loaded pydantic there took 12 MB more."""
    script = "import sys, edgeheat.daemon.preload\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "edgeheat.daemon.camera_worker" in loaded.split()
    parents = {"pydantic", "apscheduler", "paho", "prometheus_client", "starlette", "typer"}
    only_for_http = {"http.client", "ssl"}
    assert (parents | only_for_http) & set(loaded.split()) == set()


def test_the_parent_loads_no_heavy_package_through_its_dependencies_either() -> None:
    parents = sorted(
        m for m in EDGEHEAT if package_of(m) in PARENT and inner(m) not in WORKER and m != "edgeheat.__main__"
    )
    script = (
        f"import sys, importlib\nfor m in {parents}: importlib.import_module(m)\nprint(*{HEAVY} & set(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert loaded.split() == []


LONG_FUNCTION = "def sprawl():\n" + "    x = 1\n" * 60
VIOLATIONS: list[tuple[str, Rule, Sources, str]] = [
    (
        "core imports upwards",
        wrong_arrows,
        {"edgeheat.core.heat.window": "import edgeheat.config"},
        "core.heat may not import",
    ),
    (
        "a sink imports another package",
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
    ("a package outside the table", wrong_arrows, {"edgeheat.utils": ""}, "in no package"),
    ("undeclared", undeclared_in_project, {"edgeheat.web.app": "import flask"}, "may not import flask"),
    ("av in core", undeclared_in_project, {"edgeheat.core.heat.window": "import av"}, "may not import av"),
    ("numpy in schedule", undeclared_in_project, {"edgeheat.schedule": "import numpy"}, "may not import numpy"),
    (
        "numpy in a sink",
        heavy_parents,
        {"edgeheat.sinks.disk.sink": "import numpy as np"},
        "edgeheat.sinks.disk.sink → numpy",
    ),
    (
        "numpy through another module",
        heavy_parents,
        {
            "edgeheat.web.app": "from edgeheat.core.grid.frames import Frame",
            "edgeheat.core": "",
            "edgeheat.core.grid.frames": "try:\n    import numpy\nfinally:\n    pass",
        },
        "edgeheat.web.app → edgeheat.core.grid.frames → numpy",
    ),
    (
        "numpy through the parent package",
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
    ("long function", too_long, {"edgeheat.a": '"""A."""\n' + LONG_FUNCTION}, "sprawl has 61 lines"),
    ("long module", too_long, {"edgeheat.a": '"""A."""\n' + "x = 1\n" * 400}, "401 lines"),
    (
        "one name with two values",
        ambiguous_constants,
        {"edgeheat.a": "LEVEL = 6", "edgeheat.core.b": "_LEVEL: int = 128"},
        "edgeheat.core.b: _LEVEL has another value than in edgeheat.a",
    ),
    ("several constants in one line", ambiguous_constants, {"edgeheat.a": "A, B = 1, 2"}, "a:1: several constants"),
    ("no docstring", missing_opening_sentence, {"edgeheat.a": "x = 1"}, "no docstring"),
    ("no complete sentence", missing_opening_sentence, {"edgeheat.a": '"""Some words\nthat wrap."""'}, "one sentence"),
]


@pytest.mark.parametrize(("rule", "sources", "error"), [pytest.param(*case, id=what) for what, *case in VIOLATIONS])
def test_a_violation_is_reported(rule: Rule, sources: Sources, error: str) -> None:
    assert error in "\n".join(rule(sources))


ALLOWED: list[tuple[str, Rule, Sources]] = [
    ("the version", wrong_arrows, {"edgeheat.web.app": "from edgeheat import __version__"}),
    ("config imports defs", wrong_arrows, {"edgeheat.config": "from edgeheat.defs.params import Style"}),
    (
        "numpy for the type checker",
        heavy_parents,
        {"edgeheat.sinks.disk.sink": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy"},
    ),
    ("numpy when needed", heavy_parents, {"edgeheat.cli.app": "def render():\n    import numpy"}),
    ("numpy in the worker", heavy_parents, {"edgeheat.daemon.camera_worker": "import numpy"}),
    ("the clock", clock_readers, {"edgeheat.daemon.system_clock": "import time\ntime.sleep(1)"}),
    ("a time of day", clock_readers, {"edgeheat.a": "from datetime import time\ntime(12, 0)"}),
    (
        "a reason",
        too_long,
        {"edgeheat.a": '"""A."""\n' + LONG_FUNCTION.replace("x", "# Long because it is a table.\n    x", 1)},
    ),
    ("a module's reason", too_long, {"edgeheat.a": '"""A.\n\nLong because it is a table.\n"""\n' + "x = 1\n" * 400}),
]


@pytest.mark.parametrize(("rule", "sources"), [pytest.param(*case, id=what) for what, *case in ALLOWED])
def test_allowed_code_is_accepted(rule: Rule, sources: Sources) -> None:
    assert list(rule(sources)) == []
