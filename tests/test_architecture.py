"""The house rules: which way imports point, who may use which library, and who may touch the world."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

PACKAGE = Path(__file__).resolve().parent.parent / "passport_service"
# The order in which modules may import is the order in which a newcomer reads them.
ORDER = (
    "errors recall outcome values canonical source conditions calendars provenance vocabulary authorities facts sentences findings catalogue "
    "derivations situation understanding proposal fact_fields schemas "
    "rulebook corrections placement cases deadlines amounts reader scenarios clauses index agreement compiler laws bundle archive "
    "listing plan decision reach reasons trial deciding missing caveats grounds explain comparison seal store cache asked_by answer service publish review lawpage "
    "keys receipt verification today renewal "
    "origin access settings proof problems paths replies negotiation counts metrics logs witness tracing shadow front spool batch shapes openapi "
    "wording journey questions result diagram memo form "
    "api receipts_api receipts_page app embedded worker server terminal receipts_cli cli client"
).split()
LIBRARIES = {
    "values": {"stdnum"},
    "canonical": {"orjson"},
    "source": {"yaml"},
    "sentences": {"babel"},
    "fact_fields": {"marshmallow"},
    "schemas": {"marshmallow"},
    "store": {"redis"},
    "cache": {"cachetools", "orjson"},
    "access": {"limits"},
    "negotiation": {"werkzeug"},
    "metrics": {"prometheus_client"},
    "logs": {"structlog", "orjson"},
    "openapi": {"apispec"},
    "keys": {"joserfc"},
    "receipt": {"joserfc"},
    "api": {"flask"},
    "memo": {"weasyprint"},
    "form": {"flask", "werkzeug"},
    "receipts_api": {"flask"},
    "receipts_page": {"flask"},
    "tracing": {"opentelemetry", "werkzeug"},
    "app": {"flask", "time", "werkzeug"},
    "server": {"flask", "gunicorn"},
    "worker": {"gunicorn", "time"},
    "lawpage": {"jinja2"},
    "terminal": {"click", "rich"},
    "receipts_cli": {"click", "rich"},
    "cli": {"click", "rich"},
}
STANDARD = {
    "__future__", "ast", "atexit", "base64", "binascii", "bisect", "calendar", "collections", "concurrent", "contextlib", "copy", "csv", "ctypes", "dataclasses", "datetime",
    "decimal", "email", "enum", "functools", "gc", "graphlib", "hashlib", "hmac", "http", "importlib", "io", "ipaddress", "itertools", "json", "logging", "mmap", "operator", "os", "pathlib",
    "platform", "queue", "random", "re", "secrets", "select", "selectors", "shutil", "signal", "socket", "ssl", "stat", "struct", "subprocess", "sys", "tempfile", "textwrap", "threading", "traceback", "typing", "unicodedata", "urllib", "zlib", "zoneinfo",
}  # fmt: skip
# Who may read the clock, the environment, files.
CLOCK, ENVIRONMENT, FILES = {"app", "cli", "receipts_cli", "worker"}, {"settings"}, {"source", "settings", "archive", "cli", "receipts_cli"}


def modules() -> list[str]:
    return sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def tree(name: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{name}.py").read_text())


def imports(name: str) -> set[tuple[str, str]]:
    """(kind, module) of every import: ours, or by its top-level name."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {("ours", node.module)} if node.module else {("ours", alias.name) for alias in node.names if alias.name != "__version__"}
        elif isinstance(node, ast.ImportFrom):
            found.add(("theirs", node.module.partition(".")[0]))
        elif isinstance(node, ast.Import):
            found |= {("theirs", alias.name.partition(".")[0]) for alias in node.names}
    return found


def attributes(name: str) -> set[str]:
    return {ast.unparse(node) for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute)}


def test_every_module_stands_in_the_order():
    assert modules() == sorted(ORDER)


def test_the_package_lists_its_modules_in_that_order():
    listed = (ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text())) or "").split("\n\n")[-1]
    assert [word for line in listed.splitlines() for word in line.split()[1:]] == ORDER


@pytest.mark.parametrize("name", ORDER)
def test_imports_point_left(name):
    ours = {module for kind, module in imports(name) if kind == "ours"}
    assert ours <= set(ORDER[: ORDER.index(name)])


@pytest.mark.parametrize("name", ORDER)
def test_a_library_is_used_only_where_it_belongs(name):
    theirs = {module for kind, module in imports(name) if kind == "theirs"} - STANDARD
    assert theirs <= LIBRARIES.get(name, set())


@pytest.mark.parametrize("name", ORDER)
def test_only_edges_touch_the_clock_the_environment_and_files(name):
    used = attributes(name)
    clock = {text for text in used if text.endswith((".now", ".today", ".utcnow")) or text.startswith("time.")}
    assert not clock or name in CLOCK
    assert not {text for text in used if text.startswith("os.environ")} or name in ENVIRONMENT
    files = {text for text in used if text.endswith((".read_text", ".read_bytes", ".write_text", ".glob", ".rglob", ".iterdir", ".is_file"))}
    assert not files or name in FILES
    calls = {ast.unparse(node.func) for node in ast.walk(tree(name)) if isinstance(node, ast.Call)}
    assert "open" not in calls and "print" not in calls


@pytest.mark.parametrize("name", ORDER)
def test_rooms_stay_small(name):
    assert len((PACKAGE / f"{name}.py").read_text().splitlines()) <= 400
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef) and name != "openapi":
            assert node.end_lineno - node.lineno < 60, f"{name}.{node.name} does not fit on a screen"


def test_status_codes_stand_only_at_the_edge():
    for name in ORDER[: ORDER.index("settings")]:
        numbers = {node.value for node in ast.walk(tree(name)) if isinstance(node, ast.Constant) and isinstance(node.value, int)}
        assert not numbers & {400, 404, 405, 406, 413, 415, 422, 429, 503}, name


# -- the tests themselves ---------------------------------------------------------------------------------------------------

TESTS = Path(__file__).resolve().parent
RUN = sorted([*TESTS.glob("test_*.py"), *TESTS.glob("browser/*.py"), *(TESTS / f"{name}.py" for name in ("conftest", "servers", "load"))])
WAITS = {"sleep", "wait", "join", "settimeout", "until", "select", "poll", "result", "set_default_timeout"}
# `load` notes seconds for those who measure; the client's own tests see that it waits as long as it was told to, or longer.
READ_A_STOPWATCH = {"load", "test_client"}


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_a_test_ends_its_waits_by_what_happens_and_names_no_seconds(path):
    """How long anything may take stands in tests/patience.py: others may use the machine at the same time."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            stated = [*(node.args if name in WAITS else []), *(word.value for word in node.keywords if word.arg and "timeout" in word.arg)]
            numbers = [part for part in stated if isinstance(part, ast.Constant) and type(part.value) in (int, float) and part.value]
            assert not numbers, f"{path.name}:{node.lineno} names seconds"
        if isinstance(node, ast.Attribute) and node.attr in ("monotonic", "perf_counter"):
            assert path.stem in READ_A_STOPWATCH, f"{path.name}:{node.lineno} measures"


def test_no_example_of_a_property_test_is_too_slow():
    assert settings.default.deadline is None and HealthCheck.too_slow in settings.default.suppress_health_check
