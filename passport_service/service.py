"""One question in, one finished answer out: which law, the decision under it, its words, its bytes and its address.

Pure but for what it is given: the laws, and the time as an argument.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from . import __version__, canonical
from .cache import Cache, Finished, day_begins, digest_of
from .cases import mismatches
from .comparison import matrix
from .decision import HOME, Decision, decide
from .errors import LawError, LawProblem, Problem, ProposalError, closest
from .explain import explain
from .facts import ACTIVITIES
from .laws import Laws
from .rulebook import Case, Rulebook
from .schemas import Proposal, ProposalSchema

ANSWER_VERSION = 1  # changes whenever the same proposal under the same law would give other bytes
_ABOUT_MISSING = frozenset({"missing", "missing_first", "not_missing"})
_SUMMARY_DROPS = ("why", "says", "would_open_if")
MAX_COLUMNS = 12
TRANSACTION_DATE = "transaction.date"


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. Shapes: `body` as in the contract, without caller-dependent parts."""

    id: str
    body: Mapping[str, Any]

    def bytes(self, detail: str = "full") -> bytes:
        return canonical.dump(self.body if detail == "full" else _summary_of(self.body))


@dataclass(frozen=True, slots=True)
class Question:
    """A proposal with the law it is put to, and its content address. Shapes: `rulebook` None where there is none of the host."""

    proposal: Proposal
    rulebook: Rulebook | None
    as_of: dt.date
    as_of_source: str
    id: str

    @property
    def timezone(self) -> str:
        return self.rulebook.head.timezone if self.rulebook else "UTC"


class Shadow(Protocol):
    def compare(self, proposal: Proposal, body: Mapping[str, Any], now: dt.datetime, /) -> None: ...


class Service:
    """Decides proposals under the laws it was given, and remembers what it was given a cache for."""

    def __init__(self, laws: Laws, cache: Cache | None = None):
        self.laws, self.cache = laws, cache
        self.shadow: Shadow | None = None
        self.schema = ProposalSchema(laws.catalogue, laws.scenarios)

    def ask(self, question: Question, detail: str, now: dt.datetime) -> tuple[Finished, str]:
        """The finished answer, and where it was found: as the cache says, or bypass without one. Raises: ProposalError."""
        if self.cache is None:
            finished, how = self._finished(question, detail, now), "bypass"
        else:
            finished, how = self.cache.through(question.id, detail, now, lambda: self.compute(question, detail, now))
        if question.as_of_source == "today":
            # The same words ask another question tomorrow, though the answer of today stays what it is.
            tomorrow = day_begins(question.as_of + dt.timedelta(days=1), question.timezone)
            finished = replace(finished, expires=min(found for found in (finished.expires, tomorrow) if found))
        return finished, how

    def compute(self, question: Question, detail: str, now: dt.datetime) -> Finished:
        """The finished answer, made and kept without looking whether it is kept already. Raises: ProposalError."""
        finished = self._finished(question, detail, now)
        if self.cache is not None:
            self.cache.keep(finished, now)
        return finished

    def _finished(self, question: Question, detail: str, now: dt.datetime) -> Finished:
        answer = self._answer(question, now)
        until, rulebook = answer.body["valid_until"], answer.body["rulebook"] or {}
        expires = day_begins(dt.date.fromisoformat(until) if until else None, question.timezone)
        body = answer.bytes(detail)
        if self.shadow is not None:
            self.shadow.compare(question.proposal, answer.body, now)
        return Finished(
            answer.id,
            detail,
            body,
            expires,
            rulebook.get("version"),
            rulebook.get("digest"),
            digest_of(body),
            question.proposal.host,
            answer.body["status"],
            tuple(row["fact"] for row in answer.body["missing"]),
        )

    def decide(self, body: Any, now: dt.datetime, reasons: bool = True, missing: bool = True) -> Answer:
        """The answer to a proposal. Units: `now` is aware of its zone. Raises: ProposalError.

        Without `reasons` or `missing` it is not an answer for users: worked cases ask only for what they compare.
        """
        return self.answer(self.schema.load(body), now, reasons, missing)

    def answer(self, proposal: Proposal, now: dt.datetime, reasons: bool = True, missing: bool = True) -> Answer:
        """The answer to a proposal that has been read. Raises: ProposalError for what only the rulebook can tell."""
        return self._answer(self.question(proposal, now), now, reasons, missing)

    def question(self, proposal: Proposal, now: dt.datetime) -> Question:
        """Which law a proposal is put to, and the address of the answer: everything that a caller can see of it goes in."""
        rulebook = self.laws.rulebook(proposal.host, proposal.options.scenario)
        as_of, source = law_date(proposal, now, rulebook.head.timezone if rulebook else "UTC")
        about = {
            "proposal": proposal.canonical(),
            "as_of": as_of.isoformat(),
            "source": source,
            # Without a rulebook the answer names the hosts that there are.
            "rulebook": rulebook.digest if rulebook else sorted(self.laws.rulebooks),
            "answer": ANSWER_VERSION,
            "service": __version__,
        }
        return Question(proposal, rulebook, as_of, source, canonical.address("pd_", about))

    def _answer(self, question: Question, now: dt.datetime, reasons: bool = True, missing: bool = True) -> Answer:
        proposal, rulebook, as_of = question.proposal, question.rulebook, question.as_of
        if rulebook is None:
            text = f"There is no rulebook for the host {proposal.host}; there are {', '.join(sorted(self.laws.rulebooks))}."
            return _finish(question, _not_covered(text))
        self._check_options(proposal, rulebook)
        reason = _outside(proposal, rulebook, as_of)
        if reason:
            found, until = _not_covered(reason), None
        else:
            relied, strict = self._both(proposal, as_of)
            chosen, other = (relied, strict) if proposal.options.rely_on_staff_positions else (strict or relied, relied)
            found = explain(chosen, other if other is not chosen else None, proposal.options, as_of, reasons, missing)
            found["caveats"] += self._two_dates(proposal, chosen, as_of)
            until = _valid_until(chosen, as_of)
        if proposal.options.scenario:
            found |= self._beside_today(proposal, now, found["caveats"])
        return _finish(question, found, until)

    def _both(self, proposal: Proposal, day: dt.date) -> tuple[Decision, Decision | None]:
        law = self.laws.law(proposal.host, day, proposal.options.scenario)
        relied = decide(law, proposal.situation, proposal.options)
        return relied, decide(law, proposal.situation, proposal.options, strict=True) if law.strict is not None else None

    def _beside_today(self, proposal: Proposal, now: dt.datetime, caveats: list[dict[str, Any]]) -> dict[str, Any]:
        """A scenario's answer carries today's answer, and says in words that it is not law."""
        scenario = self.laws.scenarios[proposal.options.scenario or ""]
        today = self.answer(self.under(proposal), now, reasons=False, missing=False).body
        if proposal.host in scenario.hosts:
            text = f"This is the answer under the scenario “{scenario.title}”, which is {scenario.standing} and not law. {scenario.says}"
        else:
            text = f"The scenario “{scenario.title}” says nothing of this host: this is the law as it is."
        caveat = {"kind": "scenario", "text": text, "ids": [scenario.name]}
        return {"today": {key: today[key] for key in ("id", "status", "plan", "counts")}, "caveats": [caveat, *caveats]}

    def under(self, proposal: Proposal, scenario: str | None = None, as_of: dt.date | None = None, digest: str | None = None) -> Proposal:
        """The same proposal under another scenario, law date or rulebook; ids that do not exist there are left out."""
        rulebook, options = self.laws.rulebook(proposal.host, scenario), proposal.options
        known = {"attested": rulebook.requirements, "prefer": rulebook.routes} if rulebook else {}
        kept = {name: tuple(id_ for id_ in getattr(options, name) if id_ in ids) for name, ids in known.items()}
        return replace(proposal, options=replace(options, scenario=scenario, as_of=as_of or options.as_of, rulebook=digest, **kept))

    def _check_options(self, proposal: Proposal, rulebook: Rulebook) -> None:
        problems = []
        for option, known in (("attested", rulebook.requirements), ("prefer", rulebook.routes)):
            for number, id_ in enumerate(getattr(proposal.options, option)):
                if id_ not in known:
                    what = "requirement" if option == "attested" else "route"
                    problems.append(Problem(f"/{option}/{number}", f"there is no {what} {id_[:80]!r}", (), closest(id_, known)))
        if proposal.options.rulebook not in (None, rulebook.digest):
            problems.append(Problem("/rulebook", f"we hold this host's rulebook only as {rulebook.digest}"))
        chosen = proposal.facts.get(ACTIVITIES, frozenset())
        if chosen and chosen <= set(rulebook.head.ancillary):
            text = f"{', '.join(sorted(chosen))} goes with another activity; name the one it belongs to as well"
            problems.append(Problem("/transaction/activities", text))
        if problems:
            raise ProposalError(problems)

    def _two_dates(self, proposal: Proposal, chosen: Decision, as_of: dt.date) -> list[dict[str, Any]]:
        """What would change if the law of the transaction's own date were applied."""
        day = proposal.facts.get(TRANSACTION_DATE)
        if day is None or day == as_of:
            return []
        begins = chosen.law.rulebook.head.covers_from
        if day < begins:
            text = (
                f"The law of {as_of} was applied, and the transaction is dated {day}: the law of that day is not held here, which begins on {begins}."
            )
            return [{"kind": "two_dates", "text": text, "ids": []}]
        relied, strict = self._both(proposal, day)
        then = relied if proposal.options.rely_on_staff_positions else strict or relied
        before, after = _outline(chosen), _outline(then)
        ids = sorted(id_ for id_ in before.keys() | after.keys() if before.get(id_) != after.get(id_))
        if not ids and then.status == chosen.status:
            return []
        text = f"The law of {as_of} was applied, and the transaction is dated {day}: on that day the answer is {then.status.replace('_', ' ')}, and these stand otherwise."
        return [{"kind": "two_dates", "text": text, "ids": ids}]

    def compare(self, body: Any, now: dt.datetime) -> dict[str, Any]:
        """One proposal under several laws; the law as it is always comes first. Raises: ProposalError."""
        if not isinstance(body, dict) or set(body) - {"proposal", "columns"} or "proposal" not in body:
            raise ProposalError([Problem("", 'expected {"proposal": {…}, "columns": [{"as_of": …, "scenario": …}, …]}')])
        columns = body.get("columns", [])
        if not isinstance(columns, list) or len(columns) > MAX_COLUMNS:
            raise ProposalError([Problem("/columns", f"expected a list of at most {MAX_COLUMNS} columns")])
        with _under("/proposal"):
            proposal = self.schema.load(body["proposal"])
        options = [self.schema.load_options(column, f"/columns/{number}") for number, column in enumerate(columns)]
        if self.laws.rulebook(proposal.host):
            with _under("/proposal"):
                self._check_options(replace(proposal, options=replace(proposal.options, rulebook=None)), self._widest(proposal.host))
        answers = [self.answer(self.under(proposal, as_of=proposal.options.as_of), now).body]
        for number, found in enumerate(options):
            with _under(f"/columns/{number}"):
                one = self.under(proposal, found.get("scenario"), found.get("as_of"), found.get("rulebook"))
                answers.append(self.answer(one, now).body)
        return matrix(answers)

    def _widest(self, host: str) -> Rulebook:
        """A host's rulebook with the requirements and routes of every scenario, to judge ids that only one column may know."""
        books = [rulebook for (of, _), rulebook in self.laws.all_rulebooks() if of == host]
        requirements = {id_: found for book in books for id_, found in book.requirements.items()}
        routes = {id_: found for book in books for id_, found in book.routes.items()}
        return replace(books[0], requirements=requirements, routes=routes)

    # -- worked cases ---------------------------------------------------------------------------------------------------

    def check_cases(self) -> int:
        """Runs every worked case. Raises: LawError naming each that comes out otherwise. Returns how many there are."""
        problems, count = [], 0
        for _, rulebook in self.laws.all_rulebooks():
            for case in rulebook.cases:
                count += 1
                file, _, line = case.place.rpartition(":")
                problems += [LawProblem(file, int(line), 1, f"case {case.id}", text) for text in self.run_case(case)]
        if problems:
            raise LawError(problems)
        return count

    def cases_digest(self) -> str:
        """What the worked cases were run on: every rulebook and every case."""
        books = [(rulebook.digest, [(case.id, case.proposal, case.expect) for case in rulebook.cases]) for _, rulebook in self.laws.all_rulebooks()]
        return hashlib.sha256(repr(books).encode()).hexdigest()

    def run_case(self, case: Case) -> list[str]:
        """What a worked case's answer says otherwise than expected."""
        noon = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)  # the day of a case that states none
        try:
            missing = not _ABOUT_MISSING.isdisjoint(case.expect)
            return mismatches(case.expect, self.decide(case.proposal, noon, reasons=False, missing=missing).body)
        except ProposalError as error:
            return [f"the proposal is refused: {error}"]

    @cached_property
    def case_ids(self) -> dict[str, Case]:
        return {case.id: case for _, rulebook in self.laws.all_rulebooks() for case in rulebook.cases}


@contextmanager
def _under(at: str) -> Iterator[None]:
    """Tells problems at their place in a larger body."""
    try:
        yield
    except ProposalError as error:
        raise ProposalError([replace(problem, pointer=at + problem.pointer) for problem in error.problems]) from None


def law_date(proposal: Proposal, now: dt.datetime, timezone: str) -> tuple[dt.date, str]:
    """The date whose law is applied, and where it comes from."""
    if proposal.options.as_of:
        return proposal.options.as_of, "given"
    if TRANSACTION_DATE in proposal.facts:
        return proposal.facts[TRANSACTION_DATE], "transaction.date"
    return now.astimezone(ZoneInfo(timezone)).date(), "today"


def _finish(question: Question, found: dict[str, Any], until: dt.date | None = None) -> Answer:
    proposal, rulebook = question.proposal, question.rulebook
    body = {
        "id": question.id,
        "host": proposal.host,
        "home": proposal.facts.get(HOME),
        "as_of": question.as_of.isoformat(),
        "as_of_source": question.as_of_source,
        "valid_until": until.isoformat() if until else None,
        "scenario": proposal.options.scenario,
        "today": None,
        "rulebook": {"host": proposal.host, "version": rulebook.head.version, "digest": rulebook.digest} if rulebook else None,
        "service": __version__,
        **found,
    }
    return Answer(question.id, body)


def _outside(proposal: Proposal, rulebook: Rulebook, as_of: dt.date) -> str | None:
    """Why the rulebook does not cover the question at all, in words."""
    head, home = rulebook.head, proposal.facts.get(HOME)
    if as_of < head.covers_from:
        return f"The rulebook of {head.title} begins on {head.covers_from}; the law date is {as_of}."
    if home is not None and (home == rulebook.host or (head.homes is not None and home not in head.homes)):
        return f"The rulebook of {head.title} does not cover firms registered in {home}."
    activities = proposal.facts.get(ACTIVITIES)
    if activities is not None and not activities & set(head.activities):
        return f"The rulebook of {head.title} covers none of these activities: {', '.join(sorted(activities))}."
    return None


def _not_covered(reason: str) -> dict[str, Any]:
    lists = "activities plan routes checks duties others recognised left_to_home satisfied only_if not_required missing".split()
    caveat = {"kind": "not_covered", "text": reason, "ids": []}
    return {"status": "not_covered", "summary": reason, **{name: [] for name in lists}, "caveats": [caveat], "counts": None}


def _outline(decision: Decision) -> dict[str, str]:
    """Every planned route and requirement with its status: what two decisions are compared by."""
    return {item.id: item.status for item in decision.items} | {c.route.id: "planned" for c in decision.plan}


def _valid_until(decision: Decision, as_of: dt.date) -> dt.date | None:
    """The first later day on which a version read here starts, ends or is due for review."""
    days = {c.route.version.provenance.review_by for leg in decision.legs for c in leg.candidates}
    days |= {item.requirement.version.provenance.review_by for item in decision.items}
    law = decision.law
    others = [
        *law.definitions.values(),
        *(version for _, version, _ in law.notices),
        *(r.version for item in decision.items for r in item.requirement.recognitions),
    ]
    days |= {version.provenance.review_by for version in others}
    days |= {decision.law.ends} if decision.law.ends else set()
    return min((day for day in days if day > as_of), default=None)


def _summary_of(body: Any) -> Any:
    if isinstance(body, dict):
        return {key: _summary_of(value) for key, value in body.items() if key not in (*_SUMMARY_DROPS, "not_required") or isinstance(value, int)}
    return [_summary_of(item) for item in body] if isinstance(body, list) else body
