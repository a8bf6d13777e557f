"""`make fuzz-http`: schemathesis asks a real server everything its OpenAPI document allows and much that it does not.

    python -m tests.fuzz_http [EXAMPLES of each operation, default 2000] [SEED]

Good and bad data for every operation; no 5xx, no status, type or shape that the document does not promise, no way round the
keys. `tests/test_fuzz_http.py` runs a small share of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from passport_service.access import new_key

from .servers import serving
from .shipped import ROOT


def run(examples: int, seed: int, phases: str, **more) -> subprocess.CompletedProcess:
    """One run against a server of its own, behind a key. Its result is 0 when nothing was found."""
    key, kept = new_key("fuzzer", ["admin"])
    with tempfile.TemporaryDirectory() as directory:
        keys = Path(directory) / "keys"
        keys.write_text(kept.line() + "\n")
        with serving(PASSPORT_API_KEYS_FILE=str(keys), PASSPORT_RATE="") as (_, address):
            options = ["--config-file", str(ROOT / "tests" / "schemathesis.toml"), "run", f"{address}/openapi.json"]
            options += ["--header", f"Authorization: Bearer {key}", "--mode", "all", "--continue-on-failure"]
            options += ["--phases", phases, "--max-examples", str(examples), "--seed", str(seed), "--suppress-health-check", "all"]
            command = [sys.executable, "-m", "schemathesis.cli", *options]
            # It keeps what it found where it is run; that is nothing of ours.
            return subprocess.run(command, cwd=directory, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, **more)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:3]]
    sys.exit(run(*numbers, *(2000, 1)[len(numbers) :], "examples,coverage,fuzzing").returncode)
