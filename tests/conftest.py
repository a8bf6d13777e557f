"""A real server for the tests that meet users."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest
import requests

from .shipped import CONFIG, ROOT


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def process():
    """`passport serve` on a free port: gunicorn with two workers, as an operator runs it. Shapes: (process, address)."""
    port = free_port()
    environ = {**os.environ, "PORT": str(port), "PASSPORT_CONFIG": str(CONFIG), "PASSPORT_WORKERS": "2"}
    process = subprocess.Popen([sys.executable, "-m", "passport_service.cli", "serve"], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                requests.get(f"{address}/livez", timeout=1).raise_for_status()
                break
            except requests.RequestException:
                assert process.poll() is None and time.monotonic() < deadline, process.stderr.read()
                time.sleep(0.1)
        yield process, address
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="session")
def server(process):
    """The address of the service."""
    return process[1]
