"""What became of the mutants, by module, with every survivor (`make mutate`, after the run of mutmut).

mutmut changes only the insides of functions. What a module says outside them, and inside properties, is changed here by
mutmut's own rules, one change at a time, each tried in a process of its own: the table of operators is the law's grammar.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.configuration import config
from mutmut.mutation.file_mutation import create_mutations
from mutmut.stats import status_by_exit_code

WORK = Path("mutants")
OUTSIDE, COPY = WORK / "outside.json", WORK / "outside"
SECONDS = 120  # a mutant that runs longer is killed; the tests take five
# Tests that do not load the law we ship, since each of these mutants starts anew.
QUICK = [f"tests/test_{name}.py" for name in ("conditions", "outcome", "listing", "broken_rulebooks")]
SLOW = ["tests/test_decision.py", "tests/test_index.py"]
NEEDED = 0.9
_PROPERTY = re.compile(r"^( +)@(cached_property|property)$", re.MULTILINE)


def functions(module: Path) -> dict[str, str]:
    """mutmut's own mutants of a module. Shapes: name -> killed, timeout or survived."""
    meta = json.loads((WORK / f"{module}.meta").read_text())
    return {name: status_by_exit_code[code] for name, code in meta["exit_code_by_key"].items()}


def outside(module: Path) -> Iterator[tuple[str, str]]:
    """The mutants of what stands outside functions or in a property. Shapes: (line and change, for people; the module's text)."""
    # Decorated functions are skipped by mutmut's rules, so the decorator of a property hides in a comment meanwhile.
    code = _PROPERTY.sub(r"\1#@\2", module.read_text())
    tree, mutations, _, _ = create_mutations(str(module), code)
    places = MetadataWrapper(tree, unsafe_skip_copy=True).resolve(PositionProvider)
    for mutation in mutations:
        holder = mutation.contained_by_top_level_function
        if isinstance(holder, libcst.FunctionDef) and not any(line.comment and line.comment.value.startswith("#@") for line in holder.leading_lines):
            continue
        old, new = (" ".join(tree.code_for_node(node).split()) for node in (mutation.original_node, mutation.mutated_node))
        mutated = tree.deep_replace(mutation.original_node, mutation.mutated_node).code
        start = places[mutation.original_node].start
        yield f"{start.line}:{start.column}: {old} -> {new}", mutated.replace("#@", "@")


def survives(module: Path, text: str) -> str:
    """Whether any test notices that a module reads so. First the quick ones, without plugins: they mostly suffice."""
    (COPY / module).write_text(text)
    for arguments, environment in ((["--noconftest", *QUICK], {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}), ([*config().pytest_add_cli_args, *SLOW], {})):
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments]
        environment = os.environ | {"PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"} | environment
        try:
            done = subprocess.run(command, cwd=COPY, env=environment, capture_output=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return "timeout"
        if done.returncode:  # also where the law does not even load
            return "killed"
    return "survived"


def try_outside(modules: list[Path]) -> None:
    """Tries every mutant that has not been killed before, and keeps what became of it."""
    found = json.loads(OUTSIDE.read_text()) if OUTSIDE.exists() else {}
    shutil.rmtree(COPY, ignore_errors=True)
    for name in ("passport_service", "tests", "config", "setup.cfg", "pyproject.toml"):
        copy = shutil.copytree if Path(name).is_dir() else shutil.copy
        COPY.mkdir(exist_ok=True)
        copy(name, COPY / name)
    for module in modules:
        before, text = found.get(str(module), {}), module.read_text()
        if survives(module, text) != "survived":
            raise SystemExit(f"the tests fail on {module} as it is")
        found[str(module)] = now = {}
        for change, mutated in outside(module):
            now[change] = before[change] if before.get(change, "survived") != "survived" else survives(module, mutated)
            OUTSIDE.write_text(json.dumps(found, indent=1))
        (COPY / module).write_text(text)


def report(modules: list[Path]) -> float:
    """Prints the table and the survivors. Returns the share that was killed."""
    kept = json.loads(OUTSIDE.read_text()) if OUTSIDE.exists() else {}
    found = {module.name: functions(module) for module in modules}
    for module in modules:
        tried = {f"{module}:{change}": status for change, status in kept.get(str(module), {}).items()}
        found |= {f"{module.name}, outside functions": tried} if tried else {}
    rows = [(name, *_counts(statuses.values())) for name, statuses in found.items()]
    rows.append(("all", *(sum(row[number] for row in rows) for number in range(1, 5))))
    print("| module | mutants | killed | timed out | survived | killed or timed out |\n|---|---|---|---|---|---|")
    for name, mutants, killed, timed_out, survived in rows:
        print(f"| {name} | {mutants} | {killed} | {timed_out} | {survived} | {100 * (killed + timed_out) / mutants:.1f} % |")
    survivors = [name for statuses in found.values() for name, status in statuses.items() if status not in ("killed", "timeout")]
    print("\nSurvivors (`mutmut show NAME` says what was changed):", *survivors, sep="\n  ")
    return (rows[-1][2] + rows[-1][3]) / rows[-1][1]


def _counts(found) -> tuple[int, int, int, int]:
    statuses = list(found)
    killed, timed_out = statuses.count("killed"), statuses.count("timeout")
    return len(statuses), killed, timed_out, len(statuses) - killed - timed_out


if __name__ == "__main__":
    chosen = [Path(name) for name in config().only_mutate]
    if "report" not in sys.argv[1:]:
        try_outside(chosen)
    sys.exit(report(chosen) < NEEDED)
