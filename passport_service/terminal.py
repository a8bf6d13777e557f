"""What every command shares: the law it works on, how it refuses, and tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.table import Table

from .errors import LawError, MalformedError, PassportError, ProposalError
from .proof import prove
from .service import Service, open_service
from .settings import read_settings

REFUSED = 3
T = TypeVar("T")

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory of the law (default: PASSPORT_CONFIG, or the law that came with the package).",
)


class Commands(click.Group):
    """Commands of which none ends in a traceback when a file cannot be read or written: there is no room, or no permission."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # what did not find room is told here, and not while the interpreter ends
        except BrokenPipeError:
            raise  # whoever reads has seen enough
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to be written would fail again
            fail(f"{error.filename or 'the output'}: {error.strerror or error}")


def fail(text: str, code: int = 1) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(code)


def load(config: Path | None, again: bool = False) -> Service:
    """The service over law whose worked cases pass: now, or (unless `again`) when this law was last met by this code."""
    try:
        settings = read_settings(config=config)
        passport = open_service(settings.config, settings.archive)
        prove(passport, again)
        return passport
    except LawError as error:
        fail(f"The law does not load; {len(error.problems)} mistake(s):\n{error}")
    except (PassportError, OSError) as error:
        fail(str(error))


def ask(question: Callable[[], T]) -> T:
    try:
        return question()
    except MalformedError as error:
        fail(str(error), REFUSED)
    except ProposalError as error:
        fail("The proposal cannot be understood:\n" + "\n".join(map(problem_line, error.problems)), REFUSED)


def problem_line(problem: Any) -> str:
    line = f"  {problem.pointer or '/'}: {problem.detail}"
    if problem.did_you_mean:
        line += f"; did you mean {problem.did_you_mean}?"
    elif problem.allowed:
        line += f"; allowed: {', '.join(problem.allowed)}"
    return line


def table(console: Console, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)
