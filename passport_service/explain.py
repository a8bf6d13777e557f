"""A decision in words and as JSON: what to do, why, under which provision, how sure we are, and what else to know."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from . import amounts, deadlines
from .canonical import Row
from .caveats import caveats
from .compiler import CompiledRequirement
from .conditions import Condition
from .decision import Candidate, Decision
from .grounds import Grounds, Telling
from .listing import Item, recognitions
from .missing import missing_facts, missing_json
from .outcome import MAY, MUST, ORDINARY
from .proposal import Options
from .provenance import Provenance
from .reasons import NO_REASONS, Because, Reason, Walker, reasons_json
from .rulebook import Citation, Version
from .sentences import joined
from .values import plain

PARTY_WORDS = {
    "firm": "the firm",
    "chaperone": "the chaperoning broker-dealer",
    "us_broker_dealer": "the US broker-dealer",
    "uk_firm": "the UK-authorised firm",
    "transfer_agent": "the transfer agent",
    "withholding_agent": "the withholding agent",
}


def explain(
    decision: Decision, other: Decision | None, options: Options, as_of: dt.date, reasons: bool = True, missing: bool = True
) -> dict[str, Any]:
    """The answer's body but for its address, dates and versions. `other` is the decision with or without staff positions.

    Worked cases need neither reasons nor, mostly, missing facts, which are the dear part of an answer.
    """
    explainer = _Explainer(decision, other, options, as_of, reasons)
    grounds = Grounds(decision, options, as_of, reasons, missing)
    told = grounds.told()
    if told is None:
        told = explainer.telling(missing)
        grounds.keep(told)
    return explainer.retold(told)


def party_words(party: str) -> str:
    return PARTY_WORDS.get(party, f"the {party.replace('_', ' ')}")


def cite_json(cite: Citation) -> dict[str, Any]:
    return {"text": cite.text, "url": cite.url}


def provenance_json(found: Provenance) -> dict[str, Any]:
    reading = found.read_in
    where = reading and {"text": reading.text.title, "at": reading.at, "version": reading.text.version.isoformat(), "url": reading.text.url}
    return {
        "read": found.read,
        "confidence": found.confidence,
        "reviewed_on": found.reviewed_on.isoformat(),
        "review_by": found.review_by.isoformat(),
        "read_in": where,
    }


class _Explainer:
    def __init__(self, decision: Decision, other: Decision | None, options: Options, as_of: dt.date, reasons: bool = True):
        self.decision, self.other, self.options, self.as_of, self.reasons = decision, other, options, as_of, reasons
        self.walker = Walker(decision.law, decision.situation, decision.evaluation.states)
        self.memo = decision.law.memo

    @cached_property
    def stopping(self) -> list[CompiledRequirement]:
        """The requirements that stop something."""
        codes = self.decision.codes
        return [found for found in self.decision.law.requirements if found.stop is not None and codes[found.stop] & MUST]

    def _row(self, key: tuple[Any, ...], make: Callable[[], dict[str, Any]]) -> Row:
        """A row of the answer, written once for each state of all that it says."""
        return self.memo.get(key) or self.memo.keep(key, Row(make()))

    def telling(self, missing: bool) -> Telling:
        """The answer's lists, and which of their rows show or compute with the values of facts."""
        body, varying = self._answer(missing), []
        for name, (tell, subjects) in self._rows().items():
            rows = body[name] = []
            for subject in subjects:
                before = self.walker.shown
                rows.append(tell(self, subject))
                if self.walker.shown != before:
                    varying.append((name, len(rows) - 1, tell, subject))
        return Telling(body, tuple(varying))

    def retold(self, telling: Telling) -> dict[str, Any]:
        """The same lists as the values of this proposal have them."""
        body = {**telling.body, "caveats": [*telling.body["caveats"]]}
        for name in {name for name, *_ in telling.varying}:
            body[name] = [*body[name]]
        for name, place, tell, subject in telling.varying:
            body[name][place] = tell(self, subject)
        return body

    def _answer(self, missing: bool) -> dict[str, Any]:
        decision = self.decision
        counts = decision.listed.counts
        return {
            "status": decision.status,
            "summary": summary(counts),
            "activities": [{"activity": activity, "status": status} for activity, status in decision.activities],
            "plan": [{"leg": c.leg, "activity": c.activity or None, "route": c.route.id, "outstanding": c.outstanding} for c in decision.plan],
            "only_if": self._only_if(),
            "not_required": decision.listed.not_required,
            "caveats": caveats(decision, self.other, self.options, self.as_of, self.walker),
            "counts": counts,
            "missing": [Row(missing_json(row)) for row in missing_facts(decision, self.walker)] if missing else [],
        }

    def _rows(self) -> dict[str, tuple[Callable[[_Explainer, Any], Row], Iterable[Any]]]:
        """The lists whose rows have reasons: how to tell a row, and of what."""
        of = self.decision.listed.sections
        return {
            "routes": (_Explainer._route, self._by_route()),
            **{name: (_Explainer._requirement, of[name]) for name in ("checks", "duties", "others")},
            **{name: (_Explainer._covered, of[name]) for name in ("recognised", "left_to_home")},
            "satisfied": (_Explainer._satisfied, of["satisfied"]),
        }

    # -- lists ----------------------------------------------------------------------------------------------------------

    def _by_route(self) -> list[tuple[Candidate, tuple[str, ...]]]:
        """The candidates of one route that stand alike, for the same reasons, make one row."""
        rows: dict[tuple[Any, ...], list[Candidate]] = {}
        for leg in self.decision.legs:
            for candidate in leg.candidates:
                key = (candidate.leg, candidate.route.id, candidate.status, candidate.stopped_by, candidate.doubted_by)
                turns_on = (self._because(candidate.condition)[0], self._way(candidate), self._unsettled(candidate))
                rows.setdefault((*key, *turns_on), []).append(candidate)
        return [(found[0], tuple(sorted(one.activity for one in found if one.activity))) for found in rows.values()]

    def _way(self, candidate: Candidate) -> int:
        """What would have to be other for a dead route to be open; a closed one is not opened by a change that leaves it stopped."""
        if not candidate.dead or not self.reasons:
            return 0
        stopping = (one for one in self.stopping if one.bears_on(candidate.route.id))
        return self.walker.way(
            candidate.condition, [one.stop_condition for one in stopping if "trade" in (one.version.stops_firm, one.version.stops_other)]
        )

    def _unsettled(self, candidate: Candidate) -> frozenset[str]:
        return self.walker.unknown(candidate.condition, MAY) if candidate.status == "undetermined" else frozenset()

    def _route(self, found: tuple[Candidate, tuple[str, ...]]) -> Row:
        candidate, activities = found
        why, opens, missing = self._because(candidate.condition), self.walker.openers(self._way(candidate)), self._unsettled(candidate)
        key = (candidate, activities, why, opens, missing)
        return self._row(key, lambda: self._route_json(candidate, activities, why, opens, sorted(missing)))

    def _route_json(
        self, candidate: Candidate, activities: Iterable[str], why: Because, opens: tuple[Reason, ...], missing: list[str]
    ) -> dict[str, Any]:
        version = candidate.route.version
        return {
            "id": candidate.route.id,
            "leg": candidate.leg,
            "title": version.title,
            "headline": version.headline,
            "activities": list(activities),
            "status": candidate.status,
            "live": candidate.live,
            "dead": candidate.dead,
            "stopped_by": list(candidate.stopped_by),
            "doubted_by": list(candidate.doubted_by),
            "outstanding": candidate.outstanding,
            **self._head(version),
            "why": self._why(why),
            "would_open_if": reasons_json(opens),
            "missing": missing,
            "not_with": list(version.not_with),
        }

    def _requirement(self, item: Item) -> Row:
        deadline, amount = self._deadline(item), self._amount(item)
        why = self._because(item.requirement.stop_condition if item.status == "failed" else item.requirement.version.applies_when)
        missing = self._open_facts(item)
        key = (item, deadline, amount, why, missing)
        return self._row(key, lambda: self._requirement_json(item, deadline, amount, why, sorted(missing)))

    def _requirement_json(self, item: Item, deadline: deadlines.Found, amount: amounts.Found, why: Because, missing: list[str]) -> dict[str, Any]:
        version = item.requirement.version
        doing = version.do if item.party == "firm" else f"See that {party_words(item.party)} does this: {version.do}"
        return {
            "id": item.id,
            "title": version.title,
            "status": item.status,
            "topic": version.topic,
            "routes": list(item.routes),
            "stops": item.stops,
            "duty_on": version.duty_on,
            "party": item.party,
            "due": version.due,
            "do": doing,
            "evidence": list(version.evidence),
            "deadline": dict(zip(("date", "at", "rule"), deadline[0], strict=True)) if deadline[0] else None,
            "deadline_note": deadline[1],
            "amount": [{"amount": plain(amount[0][1]), "currency": amount[0][0]}] if amount[0] else None,
            "amount_note": amount[1],
            **self._head(version),
            "why": self._why(why),
            "missing": missing,
        }

    def _head(self, version: Version) -> dict[str, Any]:
        """What every row says of the version behind it; made once, and shared by all its rows."""
        key = ("head", self.decision.law.relied, id(version))
        return self.memo.get(key) or self.memo.keep(
            key,
            {
                "cite": cite_json(version.cite),
                "says": version.says,
                "standing": version.standing,
                "provenance": provenance_json(version.provenance),
            },
        )

    def _because(self, condition: Condition) -> Because:
        return self.walker.because(condition) if self.reasons else NO_REASONS

    def _why(self, because: Because) -> list[dict[str, Any]]:
        return reasons_json(self.walker.told(because))

    def _open_facts(self, item: Item) -> frozenset[str]:
        if item.status != "undetermined":
            return frozenset()
        return self.walker.unknown(item.requirement.version.applies_when, MAY) | self.walker.unknown(item.requirement.stop_condition, MAY)

    def _covered(self, item: Item) -> Row:
        codes = self.decision.codes
        modes = ("replaced", "relied_on") if item.status == "recognised" else ("by_absence",)
        by = next(found for found in recognitions(item.requirement, item.routes) if codes[found.when] & MUST and found.version.mode in modes)
        why = self._because(by.condition)
        return self._row(
            (item, by.id, why),
            lambda: {
                "id": item.id,
                "title": item.requirement.version.title,
                "by": by.id,
                "mode": by.version.mode,
                **self._head(by.version),
                "why": self._why(why),
            },
        )

    def _satisfied(self, item: Item) -> Row:
        by_facts = bool(self.decision.codes[item.requirement.satisfied] & MUST)
        why = self._because(item.requirement.version.satisfied_when) if by_facts else NO_REASONS
        return self._row(
            (item, by_facts, why),
            lambda: {
                "id": item.id,
                "title": item.requirement.version.title,
                "by": "facts" if by_facts else "attested",
                "cite": cite_json(item.requirement.version.cite),
                "why": self._why(why),
            },
        )

    def _only_if(self) -> list[Row]:
        rows = []
        for item in self.decision.items:
            if item.status == "only_if" or item.special_stop:
                condition = item.requirement.version.applies_when if item.status == "only_if" else item.requirement.stop_condition
                cases = self.walker.special_cases(condition)
                rows.append(self._row(("only if", item, cases), lambda item=item, cases=cases: self._special(item, cases)))
        return rows

    def _special(self, item: Item, cases: Iterable[str]) -> dict[str, Any]:
        version, facts = item.requirement.version, self.decision.law.catalogue.facts
        special = " or ".join(sorted({facts[name].only_if for name in cases}))
        fails = "fails" if item.stops == "nothing" else f"stops the {item.stops}"
        text = f"only if {special}" if item.status == "only_if" else f"{fails} only if {special}"
        return {"id": item.id, "title": version.title, "if": text, "cite": cite_json(version.cite), "party": item.party, "due": version.due}

    # -- deadlines and amounts --------------------------------------------------------------------------------------------

    def _step(self, steps: Iterable[Any], places: Iterable[int]) -> tuple[Mapping[str, Any] | None, str | None]:
        """The first item whose `when` is TRUE, with the special cases in which an earlier one counts; or none, and why it cannot be told."""
        facts, special = self.decision.law.catalogue.facts, set[str]()
        for step, place in zip(steps, places, strict=True):
            code = self.decision.codes[place]
            if code & MUST:
                return step.what, f"Another day counts if {' or '.join(sorted(special))}." if special else None
            if code & MAY and step.what.get("special") and not code & ORDINARY:
                special |= {facts[name].only_if for name in self.walker.special_cases(step.when)}
            elif code & MAY:
                questions = [f"“{facts[name].question}”" for name in sorted(self.walker.unknown(step.when, MAY))]
                return None, f"It depends on {f'the answer to {joined(questions)}' if questions else 'what the law leaves open'}."
        return None, None

    def _deadline(self, item: Item) -> deadlines.Found:
        what, note = self._step(item.requirement.version.deadlines, item.requirement.deadlines)
        if what is None:
            return None, note
        law = self.decision.law
        told, why = deadlines.last_day(what, self.walker.known(what["after"]), law.catalogue, law.rulebook.head.timezone)
        if told is not None and note is not None:
            day, at, rule = told
            told = day, at, f"{rule.removesuffix('.')}. {note}"
        return told, why

    def _amount(self, item: Item) -> amounts.Found:
        what, note = self._step(item.requirement.version.amounts, item.requirement.amounts)
        if what is None:
            return None, note
        return amounts.amount(what, self.walker.known(what["of"]) if "of" in what else None, self.decision.law.catalogue)


def summary(counts: Mapping[str, Any], words: Callable[[str], str] = party_words) -> str:
    """The counts as a sentence; `words` names the parties.

    >>> summary({"requirements": 3, "not_required": 2, "only_if": 0, "undetermined": 0, "recognised": 0, "left_to_home": 0,
    ...           "failed": 0, "satisfied": 0, "required": 1, "by_party": {"firm": 1}})
    '3 requirements: 2 do not apply, 1 remains: 1 for the firm.'
    """
    phrases = (
        ("not_required", "does not apply", "do not apply"),
        ("only_if", "only in special cases", "only in special cases"),
        ("recognised", "is recognised", "are recognised"),
        ("left_to_home", "is left to home supervision", "are left to home supervision"),
        ("satisfied", "is in place", "are in place"),
    )
    parts = [f"{counts[key]} {one if counts[key] == 1 else many}" for key, one, many in phrases if counts[key]]
    left = counts["undetermined"] + counts["failed"] + counts["required"]
    if left:
        owed = ", ".join(f"{number} for {words(party)}" for party, number in counts["by_party"].items())
        parts.append(f"{left} {'remains' if left == 1 else 'remain'}: {owed}")
    return f"{counts['requirements']} requirements: {', '.join(parts) or 'none'}."
