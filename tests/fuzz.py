"""`make fuzz`: a coverage-guided fuzzer (atheris, on LLVM's libFuzzer) throws bytes at what reads strangers' bytes.

    python -m tests.fuzz proposals|law [SECONDS, default 600] [SEED]

What it has seen is kept in `.fuzz/` and taken up again by the next run. What makes a target fail is written to
`tests/fuzzed/`, where `tests/test_fuzzed.py` tries it for ever: mend the fault, give the file a name that says what it was.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["passport_service"]):
    from .fuzz_targets import TARGETS, seeds, words
from .shipped import ROOT


def main(target: str, seconds: int, seed: int) -> None:
    corpus, dictionary = ROOT / ".fuzz" / target, ROOT / ".fuzz" / f"{target}.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    for content in seeds(target):
        (corpus / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in words(target)))
    options = {
        "max_total_time": seconds,
        "seed": seed,
        "dict": dictionary,
        "max_len": 20000,
        "timeout": 20,  # seconds for one input: slower is a finding
        "rss_limit_mb": 3000,
        "artifact_prefix": ROOT / "tests" / "fuzzed" / f"{target}-",
        "print_final_stats": 1,
    }
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)], TARGETS[target])
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m {Path(__file__).stem} {'|'.join(TARGETS)} [SECONDS] [SEED]")
    numbers = [int(text) for text in sys.argv[2:4]]
    main(sys.argv[1], *numbers, *(600, 1)[len(numbers) :])
