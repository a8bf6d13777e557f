"""`make fuzz`: a coverage-guided fuzzer (atheris, on LLVM's libFuzzer) throws bytes at what reads the bytes of others.

    python -m tests.fuzz proposals|law|receipts [SECONDS, default 600] [SEED]

What it has seen is kept in `.fuzz/` and taken up again by the next run. What makes a target fail is written to
`tests/fuzzed/`, where `tests/test_fuzzed.py` tries it for ever: mend the fault, give the file a name that says what it was.
"""

from __future__ import annotations

import hashlib
import importlib
import sys

import atheris

TARGETS = ("proposals", "law", "receipts")


def main(target: str, seconds: int, seed: int) -> None:
    with atheris.instrument_imports(include=["passport_service"]):
        module = importlib.import_module(f"tests.fuzz_{target}")
    from .shipped import ROOT

    corpus, dictionary = ROOT / ".fuzz" / target, ROOT / ".fuzz" / f"{target}.dict"
    corpus.mkdir(parents=True, exist_ok=True)
    (ROOT / "tests" / "fuzzed").mkdir(exist_ok=True)
    for content in module.seeds():
        (corpus / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in module.words()))
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
    atheris.Setup([sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)], module.run)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: python -m tests.fuzz {'|'.join(TARGETS)} [SECONDS] [SEED]")
    numbers = [int(text) for text in sys.argv[2:4]]
    main(sys.argv[1], *numbers, *(600, 1)[len(numbers) :])
