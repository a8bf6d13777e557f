"""What would each answer to a missing fact do? Found by trying its answers on the index, one by one.

What an answer does to a route or a requirement turns on what that reads, and on the values of the fact's companions. So the
answers are tried once for each state of these, and what they do is remembered.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from .clauses import Dimension
from .compiler import CompiledRequirement
from .conditions import All, Condition, value_text
from .decision import Decision
from .facts import ACTIVITIES, Fact, Guard
from .listing import requirement_status
from .outcome import MAY, MUST
from .plan import Candidate
from .reasons import Walker
from .sentences import either, value_words
from .situation import learn

Consequences = tuple[tuple[str, str, str], ...]  # (if, then, the answer in the words of a page)
Codes = Sequence[int] | None  # None: the answer would contradict what is stated


class Trial:
    """Tries answers to one fact at a time."""

    def __init__(self, decision: Decision, walker: Walker):
        self.decision, self.law, self.walker = decision, decision.law, walker
        candidates = [candidate for leg in decision.legs for candidate in leg.candidates]
        self.routes = [found for found in candidates if found.status == "undetermined" or decision.activities_unknown]
        self.open = {found.route.id for found in candidates if found.status == "open"}
        self.items = decision.listed.by_id
        self.requirements = [item.requirement for item in decision.listed.undetermined]
        self.asked = tuple([(leg.name, leg.activity) for leg in decision.legs])
        possible = self._possible_routes({})
        self.stranded = self._stranded(possible)
        # What else the worth of an answer turns on: which routes are left to the requirements that only some routes bring.
        limited = tuple([found.id for found in self.requirements if found.version.on_routes is not None])
        self.ground = (frozenset(possible), limited, decision.attested)

    def answers(self, fact: Fact, ids: set[str]) -> tuple[Consequences, int]:
        """What each kind of answer would do, in words, and how many open questions an answer settles in the mean (times 100)."""
        tried = _Tried(self, fact)
        what = ("answers", tried.key, frozenset(ids), self.decision.listed.listing, self.asked, self.ground)
        return self.walker.remembered(what, tried.read, lambda: self._answers(tried, ids))

    def values(self, fact: Fact) -> list[Any]:
        """One value for each answer that the law tells apart; none where that cannot be said of the fact by itself."""
        tried, dimensions = _Tried(self, fact), self.law.told_apart(fact.name)
        if len(dimensions) != 1 or fact.type not in ("choice", "country", "code"):
            return [answer.value for answer in tried.asked]
        return list({dimensions[0].state(answer.value): answer.value for answer in tried.asked}.values())

    def _answers(self, tried: _Tried, ids: set[str]) -> tuple[Consequences, int]:
        fact, possible = tried.fact, tried.possible
        if fact == ACTIVITIES and self.decision.activities_unknown:
            return self._activities(tried, possible)
        effects: dict[tuple[tuple[str, str], ...], list[Answer]] = {}
        columns = list(self._effects(tried, ids))
        for number, answer in enumerate(tried.asked):
            if possible[number]:
                effects.setdefault(tuple([(id_, words[number]) for id_, words in columns if words[number]]), []).append(answer)
        consequences = tuple(
            [_consequence(answers, "; ".join([f"{id_} {word}" for id_, word in found])) for found, answers in effects.items() if found]
        )
        return consequences, _mean([score for score, can in zip(self._scores(tried), possible, strict=True) if can])

    def _activities(self, tried: _Tried, possible: Sequence[bool]) -> tuple[Consequences, int]:
        """Naming the activities settles which routes are asked about at all: all those of other activities fall away."""
        texts, scores, settled = (
            [],
            [],
            dict(zip([answer.test for answer in tried.asked], zip(self._scores(tried), possible, strict=True), strict=True)),
        )
        for activity in self.law.rulebook.head.activities:
            own = {found.route.id for found in self.routes if found.activity == activity}
            then = f"asks about {', '.join(sorted(own))}" if own else "no route"
            texts.append(_consequence([_includes(self.law.catalogue.facts[ACTIVITIES], activity)], then))
            others = sum(found.activity not in ("", activity) for found in self.routes)
            score, can = settled[f"includes {activity}"]
            scores.append(others + (score if can else 0))
        return tuple(texts), _mean(scores)

    # -- how much an answer settles ------------------------------------------------------------------------------------------

    def _scores(self, tried: _Tried) -> list[int]:
        """How many open questions each answer settles; a requirement on routes that are all closed is settled too."""
        readers = self.walker.reach.readers(tried.fact)
        read = [
            (found, tried.words(found.route.opens[found.activity])) for found in self.routes if found.route.id in readers and self._place(found) >= 0
        ]
        statuses = [(found.id, tried.statuses(found)) for found in self.requirements if found.id in readers]
        scores = []
        for number in range(len(tried.asked)):
            now = {found: words[number] for found, words in read}
            routes = sum([word != "undetermined" for found, word in now.items() if self._was_open(found)])
            stranded = self.stranded
            if "closed" in now.values():
                stranded = self._stranded(self._possible_routes(now))
            settled = sum([found[number] != "undetermined" and id_ not in stranded for id_, found in statuses])
            scores.append(routes + settled + len(stranded))
        return scores

    def _place(self, found: Candidate) -> int:
        return found.route.opens[found.activity][1]

    def _was_open(self, found: Candidate) -> bool:
        return _word(self.decision.codes, self._place(found)) == "undetermined"

    def _possible_routes(self, now: dict[Candidate, str]) -> set[str]:
        """The routes that are not closed, as things stand or with what an answer makes of some."""
        codes = self.decision.codes
        still = {
            found.route.id for found in self.routes if self._place(found) >= 0 and (now.get(found) or _word(codes, self._place(found))) != "closed"
        }
        return still | self.open

    def _stranded(self, possible: set[str]) -> frozenset[str]:
        """Undetermined requirements all of whose routes are closed."""
        limited = [(found.id, found.version.on_routes) for found in self.requirements if found.version.on_routes is not None]
        return frozenset(id_ for id_, routes in limited if possible.isdisjoint(routes))

    # -- what it does --------------------------------------------------------------------------------------------------------

    def _effects(self, tried: _Tried, ids: set[str]) -> Iterator[tuple[str, Sequence[str]]]:
        """What becomes of the questions that the fact bears on. Shapes: an id with a word for each answer, "" for no change."""
        readers = ids & self.walker.reach.readers(tried.fact)
        for found in self.routes:
            if found.route.id in readers and self._was_open(found):
                yield found.route.id, [_CHANGE.get(word, "") for word in tried.words(found.route.opens[found.activity])]
        for name, leg in self.law.legs.items():
            if name in readers and _word(self.decision.codes, leg[1]) == "undetermined":
                yield name, [_NEED.get(word, "") for word in tried.words(leg)]
        for id_ in sorted(readers & self.items.keys()):
            before = self.items[id_].status
            yield id_, ["" if status == before else status.replace("_", " ") for status in tried.statuses(self.items[id_].requirement)]


def _consequence(answers: Sequence[Answer], then: str) -> tuple[str, str, str]:
    return " or ".join([answer.test for answer in answers]), then, either([answer.words for answer in answers])


_CHANGE = {"open": "open", "closed": "closed"}
_NEED = {"open": "needed", "closed": "not needed"}


class _Tried:
    """The answers to one fact, with what each makes of a condition or a requirement."""

    def __init__(self, trial: Trial, fact: Fact):
        self.trial, self.law, self.walker, self.fact = trial, trial.law, trial.walker, fact.name
        known = self.walker.situation.known
        authorities = tuple(self.law.catalogue.authorities_to_try(fact.name, known))
        # What is remembered is remembered with all that the tried answers turn on beside the states.
        self.values = (authorities, *[_hashable(known.get(name)) for name in self.law.catalogue.companions(fact.name)])
        key = ("guards", self.law.relied, fact.name)
        stated = self.walker.situation.stated.keys()
        guards, self._together = self.law.memo.get(key) or self.law.memo.keep(key, self._guards())
        self.key = (fact.name, self.values, tuple([not stated.isdisjoint(guard.facts) for guard in guards]))
        key = ("readers", self.law.relied, fact.name)
        self.read = self.law.memo.get(key) or self.law.memo.keep(key, self._read())
        key = ("answers", self.law, fact.name)
        self.asked: list[Answer] = self.law.memo.get(key) or self.law.memo.keep(key, self._answers(fact))
        if authorities:
            self.asked = [
                Answer(f"is one of {', '.join(authorities)}", either([value_words(fact, one) for one in authorities]), authorities[0]),
                *self.asked,
            ]
        self._codes: list[Codes] | None = None

    def _answers(self, fact: Fact) -> list[Answer]:
        if fact.name == ACTIVITIES and self.trial.decision.activities_unknown:
            return [_includes(fact, activity) for activity in self.law.rulebook.head.activities]
        return list(_answers(self.law.told_apart(fact.name), fact))

    def _read(self) -> Condition:
        """All that learning the fact may change, as one condition."""
        reach = self.walker.reach
        return All((self._together, *[reach.conditions[id_] for id_ in sorted(reach.readers(self.fact))]))

    def codes(self) -> list[Codes]:
        """The codes for each answer."""
        if self._codes is None:
            self._codes = [self._learnt(answer.value) for answer in self.asked]
        return self._codes

    def _learnt(self, value: Any) -> Codes:
        situation = self.walker.situation
        if isinstance(value, dict):  # a further amount does not take back the one stated
            value = {**situation.known.get(self.fact, {}), **value}
        learnt = learn(situation, self.fact, value)
        return None if learnt is None else self.law.reevaluate(self.trial.decision.evaluation, *learnt)

    @cached_property
    def possible(self) -> tuple[bool, ...]:
        """Which answers contradict nothing: that turns on the guards that read the fact, and on whether what they guard is stated."""
        return self.walker.remembered(("possible", self.key), self._together, lambda: tuple([codes is not None for codes in self.codes()]))

    def _guards(self) -> tuple[list[Guard], Condition]:
        """The guards that learning the fact may turn, and all of them as one condition."""
        catalogue = self.law.catalogue
        moved = {self.fact, *catalogue.companions(self.fact)} | {catalogue.exists.get(self.fact.partition(".")[0], self.fact)}
        guards = {id(guard): guard for name in sorted(moved) for guard in catalogue.following(name)[0]}
        return list(guards.values()), All(tuple([guard.when for guard in guards.values()]))

    def words(self, condition: tuple[Condition, int]) -> list[str]:
        """What a condition would come to; "" for an answer that contradicts."""
        what = ("words", self.fact, self.values, self.possible)
        return self.walker.remembered(what, condition[0], lambda: ["" if codes is None else _word(codes, condition[1]) for codes in self.codes()])

    def statuses(self, requirement: CompiledRequirement) -> list[str]:
        """Which status a requirement would have; "" for an answer that contradicts."""
        item, attested = self.trial.items[requirement.id], self.trial.decision.attested

        def work() -> list[str]:
            return ["" if codes is None else requirement_status(requirement, codes, attested, item.routes) for codes in self.codes()]

        return self.walker.remembered(("statuses", self.fact, self.values, self.possible, item.routes, item.id in attested), requirement.whole, work)


def _word(codes: Sequence[int], place: int) -> str:
    code = codes[place]
    return "open" if code & MUST else "undetermined" if code & MAY else "closed"


def _mean(scores: Sequence[int]) -> int:
    return sum(scores) * 100 // len(scores) if scores else 0


def _hashable(value: Any) -> Any:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


# -- the answers worth trying: one for each state that some rule tells apart -----------------------------------------------


class Answer(NamedTuple):
    """An answer to try, or one that stands for others. Shapes: `test` as the rulebooks would say it; `words` what comes after “the answer is”."""

    test: str
    words: str
    value: Any


def _is(fact: Fact, value: Any) -> Answer:
    return Answer(f"is {value_text(value)}", value_words(fact, value), value)


def _includes(fact: Fact, activity: str) -> Answer:
    return Answer(f"includes {activity}", f"one that includes {value_words(fact, activity)}", frozenset([activity]))


def _answers(dimensions: Sequence[Dimension], fact: Fact) -> Iterator[Answer]:
    match fact.type:
        case "yes_no":
            yield from (_is(fact, True), _is(fact, False))
        case "choice":
            yield from (_is(fact, value) for value in fact.values)
        case "set":
            members = sorted({dimension.key[1] for dimension in dimensions if dimension.key[1]} or set(fact.values))
            yield from (Answer(f"is only {member}", f"only {value_words(fact, member)}", frozenset([member])) for member in members)
            if fact.name != ACTIVITIES:
                yield Answer("is empty", "none", frozenset())
        case "country" | "code":
            yield from (_is(fact, value) for value in sorted({atom for dimension in dimensions for atom in dimension.atoms if isinstance(atom, str)}))
            yield Answer("is another", "another", "another")
        case "money" | "integer" | "decimal" | "date":
            # One that is read only through derived facts has no thresholds of its own: none of its answers stands for others.
            yield from _intervals(dimensions, fact)


def _intervals(dimensions: Sequence[Dimension], fact: Fact) -> Iterator[Answer]:
    for dimension in dimensions:
        currency = dimension.key[1]
        for low, high, value in _ranges(dimension.cuts, fact.type):
            test = " and ".join([f"{bound} {value_text(end)}" for bound, end in (low, high) if bound])
            words = " and ".join([f"{bound} {value_words(fact, (end, currency) if currency else end)}" for bound, end in (low, high) if bound])
            yield Answer(f"is {test} {currency}".rstrip(), words, {currency: value} if currency else value)


def _ranges(cuts: Sequence[tuple[Any, int]], type_: str) -> Iterator[tuple[tuple[str, Any], tuple[str, Any], Any]]:
    """Each interval between thresholds: (words, threshold) of its two ends, "" where it has none, and a value in it."""
    step: Any = dt.timedelta(days=1) if type_ == "date" else 1 if type_ == "integer" else Decimal("0.01")
    date = type_ == "date"

    def upper(cut: tuple[Any, int]) -> tuple[str, Any]:
        return "before" if date else "at most" if cut[1] else "below", cut[0]

    first, after = cuts[0]
    yield ("", None), upper(cuts[0]), first if after else first - step
    for number, (threshold, beyond) in enumerate(cuts):
        low = "on or after" if date else "more than" if beyond else "at least"
        high = upper(cuts[number + 1]) if number + 1 < len(cuts) else ("", None)
        yield (low, threshold), high, threshold + step if beyond else threshold
