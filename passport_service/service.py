"""One question in, one finished answer out: which law, the decision under it, its words, its bytes and its address.

Pure but for what it is given: the laws, and the time as an argument.
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol

from . import __version__, bundle, canonical
from . import laws as lawbooks
from .answer import TRANSACTION_DATE, Answer, law_date, not_covered, outline, outside, valid_until
from .archive import Archive, open_archive
from .bundle import BundleError, Label
from .cache import Cache, Finished, day_begins
from .cases import BESIDE_TODAY, beside_mismatches, mismatches
from .comparison import beside, matrix
from .decision import HOME, Decision, decide_both
from .errors import LawError, LawProblem, Problem, ProposalError
from .explain import explain
from .facts import ACTIVITIES
from .laws import Laws
from .listing import Lister
from .proposal import Proposal
from .rulebook import Case, Rulebook
from .schemas import COLUMN, ProposalSchema
from .source import read_files

ANSWER_VERSION = 2  # changes whenever the same proposal under the same law would give other bytes
_ABOUT_MISSING = frozenset({"missing", "missing_first", "not_missing"})
MAX_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Question:
    """A proposal with the law it is put to, and its content address. Shapes: `rulebook` None where there is none of the host."""

    proposal: Proposal
    rulebook: Rulebook | None
    as_of: dt.date
    as_of_source: str
    id: str
    held: Service  # over the law that it is put to

    @property
    def timezone(self) -> str:
        return self.rulebook.head.timezone if self.rulebook else "UTC"


class Shadow(Protocol):
    def compare(self, proposal: Proposal, body: Mapping[str, Any], now: dt.datetime, /) -> None: ...


class Service:
    """Decides proposals under the laws it was given, and under those of its archive where a proposal names them.

    Remembers what it was given a cache for. Shapes: `label` says which bundle the laws are; `version` is the release in its answers.
    """

    def __init__(self, laws: Laws, cache: Cache | None = None, label: Label | None = None, archive: Archive[Service] | None = None):
        self.laws, self.cache, self.label, self.archive = laws, cache, label, archive
        self._stamp: str | None = None
        self.shadow: Shadow | None = None
        self.schema = ProposalSchema(laws.catalogue, laws.scenarios)

    @property
    def version(self) -> str:
        return self._stamp or __version__

    # -- which law --------------------------------------------------------------------------------------------------------

    def holder(self, body: Any, now: dt.datetime) -> Service:
        """The service over the law that a proposal names. Raises: ProposalError when that is not held, or cannot be read any more."""
        label = self.archive.named(body, now) if self.archive else None
        try:
            return (label and self.of_bundle(label.digest)) or self
        except BundleError as error:
            raise ProposalError([Problem("/rulebook" if "rulebook" in body else "/known_on", str(error))]) from None

    def of_bundle(self, digest: str) -> Service | None:
        """The service over a bundle, if it is held. Raises: BundleError when this version cannot read it; OSError."""
        if self.label and self.label.digest == digest:
            return self
        return self.archive.open(digest) if self.archive and digest in self.archive.labels else None

    def stamped(self, version: str) -> Service:
        """The same service with another release in its answers: to replay what that release has said."""
        found = copy.copy(self)
        found._stamp = version
        return found

    # -- answers ------------------------------------------------------------------------------------------------------------

    def put(self, body: Any, now: dt.datetime) -> Question:
        """A proposal as it was sent, put to the law that it names. Raises: ProposalError."""
        held = self.holder(body, now)
        return held.question(held.schema.load(body), now)

    def ask(self, question: Question, detail: str, now: dt.datetime) -> tuple[Finished, str]:
        """The finished answer, and where it was found: as the cache says, or bypass without one. Raises: ProposalError."""
        if self.cache is None:
            finished, how = self._finished(question, detail, now), "bypass"
        else:
            finished, how = self.cache.through(question.id, detail, now, lambda: self.compute(question, detail, now))
        return self.until_asked_anew(question, finished), how

    def until_asked_anew(self, question: Question, finished: Finished) -> Finished:
        """The same answer, for as long as the same words ask this question: where they name no date, they ask another one tomorrow."""
        if question.as_of_source != "today":
            return finished
        tomorrow = day_begins(question.as_of + dt.timedelta(days=1), question.timezone)
        expires = min(found for found in (finished.expires, tomorrow) if found)
        return replace(finished, expires=expires)

    def compute(self, question: Question, detail: str, now: dt.datetime) -> Finished:
        """The finished answer, made and kept without looking whether it is kept already. Raises: ProposalError."""
        finished = self._finished(question, detail, now)
        if self.cache is not None:
            self.cache.keep(finished, now)
        return finished

    def _finished(self, question: Question, detail: str, now: dt.datetime) -> Finished:
        answer = question.held.answer_to(question, now)
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
            host=question.proposal.host,
            status=answer.body["status"],
            missing=tuple(row["fact"] for row in answer.body["missing"]),
        )

    def decide(self, body: Any, now: dt.datetime, reasons: bool = True, missing: bool = True) -> Answer:
        """The answer to a proposal. Units: `now` is aware of its zone. Raises: ProposalError.

        Without `reasons` or `missing` it is not an answer for users: worked cases ask only for what they compare.
        """
        question = self.put(body, now)
        return question.held.answer_to(question, now, reasons, missing)

    def answer(self, proposal: Proposal, now: dt.datetime, reasons: bool = True, missing: bool = True) -> Answer:
        """The answer to a proposal that this service has read. Raises: ProposalError for what only the rulebook can tell."""
        return self.answer_to(self.question(proposal, now), now, reasons, missing)

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
            # What a scenario says of itself stands in the answer, and in no rulebook's digest.
            "scenario": scenario.words if (scenario := self.laws.scenarios.get(proposal.options.scenario or "")) else None,
            "answer": ANSWER_VERSION,
            "service": self.version,
        }
        return Question(proposal, rulebook, as_of, source, canonical.address("pd_", about), self)

    def answer_to(self, question: Question, now: dt.datetime, reasons: bool = True, missing: bool = True) -> Answer:
        proposal, rulebook, as_of = question.proposal, question.rulebook, question.as_of
        if rulebook is None:
            text = f"There is no rulebook for the host {proposal.host}; there are {', '.join(sorted(self.laws.rulebooks))}."
            return _finish(question, not_covered(text))
        self._check_options(proposal, rulebook)
        reason = outside(proposal, rulebook, as_of)
        if reason:
            found, until = not_covered(reason), None
        else:
            relied, strict = self._both(proposal, as_of)
            chosen, other = (relied, strict) if proposal.options.rely_on_staff_positions else (strict or relied, relied)
            found = explain(chosen, other if other is not chosen else None, proposal.options, as_of, reasons, missing)
            found["caveats"] += self._two_dates(proposal, chosen, as_of)
            until = valid_until(chosen, as_of)
        if proposal.options.scenario:
            found |= self._beside_today(proposal, now, found["caveats"])
        return _finish(question, found, until)

    def _both(self, proposal: Proposal, day: dt.date) -> tuple[Decision, Decision | None]:
        law = self.laws.law(proposal.host, day, proposal.options.scenario)
        return decide_both(law, proposal.situation, proposal.options)

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

    def under(self, proposal: Proposal, scenario: str | None = None, **law: Any) -> Proposal:
        """The same proposal under another scenario, and the `as_of`, `rulebook` or `known_on` given; ids that do not exist there are left out."""
        rulebook, options = self.laws.rulebook(proposal.host, scenario), proposal.options
        known = {"attested": rulebook.requirements, "prefer": rulebook.routes} if rulebook else {}
        kept = {name: tuple(id_ for id_ in getattr(options, name) if id_ in ids) for name, ids in known.items()}
        law = {"as_of": options.as_of, "rulebook": None, "known_on": None} | law
        return replace(proposal, options=replace(options, scenario=scenario, **law, **kept))

    def _check_options(self, proposal: Proposal, rulebook: Rulebook) -> None:
        problems = []
        for option, what, known in (("attested", "requirement", rulebook.requirements), ("prefer", "route", rulebook.routes)):
            for number, id_ in enumerate(getattr(proposal.options, option)):
                if id_ not in known:
                    problems.append(Problem(f"/{option}/{number}", f"there is no {what} {id_[:80]!r}", found=id_, among=known))
        if proposal.options.rulebook not in (None, rulebook.digest):
            problems.append(Problem("/rulebook", "that is not this host's rulebook, or not under this scenario", (rulebook.digest,)))
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
        before, after = outline(chosen), outline(then)
        ids = sorted(id_ for id_ in before.keys() | after.keys() if before.get(id_) != after.get(id_))
        if not ids and then.status == chosen.status:
            return []
        text = f"The law of {as_of} was applied, and the transaction is dated {day}: on that day the answer is {then.status.replace('_', ' ')}, and these stand otherwise."
        return [{"kind": "two_dates", "text": text, "ids": ids}]

    def compare(self, body: Any, now: dt.datetime) -> dict[str, Any]:
        """One proposal under several laws; the law as it is always comes first. Raises: ProposalError."""
        if not isinstance(body, dict) or set(body) - {"proposal", "columns"} or "proposal" not in body:
            raise ProposalError([Problem("", 'expected {"proposal": {…}, "columns": [{"as_of": …, "scenario": …, "known_on": …}, …]}')])
        columns = body.get("columns", [])
        if not isinstance(columns, list) or len(columns) > MAX_COLUMNS:
            raise ProposalError([Problem("/columns", f"expected a list of at most {MAX_COLUMNS} columns")])
        with _under("/proposal"):
            proposal = self.schema.load(body["proposal"])
        options = [self.schema.load_options(column, f"/columns/{number}") for number, column in enumerate(columns)]
        if self.laws.rulebook(proposal.host):
            with _under("/proposal"):
                self._check_options(replace(proposal, options=replace(proposal.options, rulebook=None)), self._widest(proposal.host))
        # Every column is read before any is answered: what is refused must not have cost a dozen answers.
        questions = [self.question(self.under(proposal, as_of=proposal.options.as_of), now)]
        for number, found in enumerate(options):
            with _under(f"/columns/{number}"):
                held = self.holder({**columns[number], "host": proposal.host}, now)
                facts = {name: value for name, value in body["proposal"].items() if name not in COLUMN}
                # Each law reads with its own catalogue.
                own = proposal if held is self else replace(held.schema.load(facts), options=proposal.options)
                question = held.question(held.under(own, **found), now)
                if question.rulebook is not None:
                    held._check_options(question.proposal, question.rulebook)
                questions.append(question)
        facts = self.laws.catalogue.facts
        answers = [question.held.answer_to(question, now).body for question in questions]
        counts = [partial(question.held.checks_on, question) for question in questions]
        return matrix(answers, lambda name: facts[name].question if name in facts else name, counts)

    def checks_on(self, question: Question, route: str) -> int:
        """How many checks a route would leave, were it open."""
        decision, _ = self._both(question.proposal, question.as_of)
        lister = decision.law.once(Lister)
        assessed = lister.assess(decision.codes, decision.attested)
        return next(lister.outstanding(found, assessed) for found in decision.law.routes if found.id == route)

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
            body = self.decide(case.proposal, noon, reasons=False, missing=missing).body
            found = mismatches(case.expect, body)
            if not BESIDE_TODAY.isdisjoint(case.expect):
                today = self.answer(self.under(self.schema.load(case.proposal)), noon, reasons=False, missing=False).body
                found += beside_mismatches(case.expect, beside(today, body))
            return found
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
        raise ProposalError([replace(problem, pointer=at + problem.pointer) for problem in error.problems], error.more) from None


def open_service(root: Path, archive: Path | None = None, cache: Cache | None = None) -> Service:
    """A service over a `config/` directory and an archive of bundles, whose worked cases have not been run. Raises: LawError, BundleError."""
    texts = read_files(root)
    laws = lawbooks.read(texts)
    bound, kept = bundle.bind(texts, laws), open_archive(archive, lambda laws, label: Service(laws, None, label))
    kept.hold(bound)
    return Service(laws, cache, bound.label, kept)


def _finish(question: Question, found: dict[str, Any], until: dt.date | None = None) -> Answer:
    proposal, rulebook = question.proposal, question.rulebook
    found["caveats"] = [*found["caveats"], *({"kind": "read_as", "text": one.text, "ids": [one.fact]} for one in proposal.read_as)]
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
        "service": question.held.version,
        **found,
    }
    return Answer(question.id, body)
