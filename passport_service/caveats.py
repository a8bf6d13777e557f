"""What a reader should know of an answer beside the checks: what it rests on, how far it may be trusted, what stands in the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from .canonical import Row
from .compiler import STAFF
from .conditions import value_text
from .decision import Decision
from .outcome import MAY, MUST
from .proposal import Options
from .reasons import Walker
from .rulebook import Version
from .values import dti_check_fails

Caveat = dict[str, Any]  # kind, text, and the ids or facts it is about


def caveats(decision: Decision, other: Decision | None, options: Options, as_of: dt.date, walker: Walker) -> list[Caveat]:
    """The caveats of a decision. `other` is the same decision with or without staff positions."""
    return _Caveats(decision, other, options, as_of, walker).found()


class _Caveats:
    def __init__(self, decision: Decision, other: Decision | None, options: Options, as_of: dt.date, walker: Walker):
        self.decision, self.other, self.options, self.as_of, self.walker = decision, other, options, as_of, walker

    def found(self) -> list[Caveat]:
        memo, key = self.decision.law.memo, ("caveats", self.decision.verdict, self.as_of, self.options.prefer)
        settled = memo.get(key)
        if settled is None:
            settled = memo.keep(key, [Row(found) for found in (*self._stop_caveats(), *self._trust_caveats(), *self._notices())])
        found = [*settled, *self._staff_caveats(), *self._identifiers(), *self._horizons(), *self._authorities()]
        return sorted(found, key=lambda caveat: (caveat["kind"], caveat["ids"], caveat["text"]))

    def _staff_caveats(self) -> Iterable[Caveat]:
        decision, other = self.decision, self.other
        if other is not None and (_plan_ids(decision) != _plan_ids(other) or decision.status != other.status):
            relied, strict = (decision, other) if self.options.rely_on_staff_positions else (other, decision)
            ids = sorted(self._staff_ground(relied, strict))
            words = f"{other.status.replace('_', ' ')}{_by_plan(other)}"
            if self.options.rely_on_staff_positions:
                yield _caveat(
                    STAFF, f"This answer rests on staff positions, which bind neither the authority nor a court. Without them: {words}.", ids
                )
            else:
                yield _caveat(STAFF, f"Staff positions are left out of account, as asked. With them: {words}.", ids)
        checks = sorted(item.id for item in decision.items if item.outstanding and item.requirement.version.standing == STAFF)
        if checks:
            yield _caveat(STAFF, "These requirements state a position of staff.", checks)

    def _staff_ground(self, relied: Decision, strict: Decision) -> set[str]:
        """The staff positions by which the two readings differ: routes of either plan, legs, and requirements that stand otherwise."""
        law, before = relied.law, {item.id: item.status for item in strict.items}
        planned = [candidate for candidate in relied.plan if candidate.route.id not in {other.route.id for other in strict.plan}]
        ids = {candidate.route.id for candidate in planned if candidate.route.version.standing == STAFF}
        conditions = [candidate.condition for candidate in planned] or [c.condition for leg in relied.legs for c in leg.candidates]
        conditions += [condition for condition, _ in law.legs.values()]
        for item in relied.items:
            if before.get(item.id) != item.status:
                conditions += [item.requirement.version.applies_when, item.requirement.stop_condition]
        named = {name for condition in conditions for name in law.staff_definitions(condition)}
        return ids | {name for name in named if self.walker.code(law.definitions[name].when) & MAY}

    def _stop_caveats(self) -> Iterable[Caveat]:
        stopped = sorted(item.id for item in self.decision.items if "settlement" in item.may_stop and item.status == "failed")
        if stopped:
            yield _caveat("settlement_stopped", "The trade may be agreed, but it cannot settle as proposed.", stopped)
        live = {c.route.id for leg in self.decision.legs for c in leg.live}
        refused = sorted(set(self.options.prefer) - live)
        if refused:
            yield _caveat("preference", "These preferred routes are not open here, so they were not chosen.", refused)
        planned = {c.route.id for c in self.decision.plan}
        if self.decision.legs and not self.decision.plan and live:
            yield _caveat(
                "exclusive_routes",
                "Each of these routes is open, but they exclude each other, or another question has no route yet.",
                sorted(live - planned),
            )

    def _trust_caveats(self) -> Iterable[Caveat]:
        listed: dict[str, Version] = {c.route.id: c.route.version for c in self.decision.plan}
        listed |= {item.id: item.requirement.version for item in self.decision.items if item.outstanding}
        not_read = sorted(id_ for id_, version in listed.items() if version.provenance.read == "not_read")
        if not_read:
            yield _caveat(
                "not_read", "Nobody has re-read the text of these provisions for this rulebook; check them before relying on them.", not_read
            )
        overdue = sorted(id_ for id_, version in listed.items() if version.provenance.review_by <= self.as_of)
        if overdue:
            yield _caveat("review_overdue", "On this law date the review of these provisions is overdue.", overdue)
        attested = sorted(
            item.id for item in self.decision.items if item.status == "satisfied" and not self.decision.codes[item.requirement.satisfied] & MUST
        )
        if attested:
            yield _caveat("attested", "The firm says that it holds this evidence; it was attested, not verified.", attested)

    def _notices(self) -> Iterable[Caveat]:
        routes = {c.route.id for c in self.decision.plan}
        for id_, version, place in self.decision.law.notices:
            if self.decision.codes[place] & MUST and (version.on_routes is None or routes & set(version.on_routes)):
                yield _caveat("notice", version.says, [id_])

    def _identifiers(self) -> Iterable[Caveat]:
        known = self.decision.situation.known
        for name in self.decision.law.catalogue.token_identifiers:
            value = known.get(name)
            if value is not None and dti_check_fails(value):
                yield _caveat(
                    "identifier",
                    f"The check character of {name} {value_text(value)} does not fit. Some genuine identifiers fail; look it up.",
                    [name],
                )

    def _horizons(self) -> Iterable[Caveat]:
        situation, catalogue = self.decision.situation, self.decision.law.catalogue
        for name, calendar in catalogue.counting.items():
            derived = catalogue.derived[name]
            if name not in situation.known and all(source in situation.known for source in derived.inputs) and self.decision.law.told_apart(name):
                yield _caveat(
                    "horizon",
                    f"The calendar of {calendar.title} ends on {calendar.horizon.isoformat()}, so {derived.says} cannot be counted.",
                    sorted(catalogue.stated_behind(name)),
                )

    def _authorities(self) -> Iterable[Caveat]:
        """The home authority that the law asks about, where it is none that is known here: it may be real all the same."""
        situation, catalogue = self.decision.situation, self.decision.law.catalogue
        for name, derived in catalogue.derived.items():
            if derived.function == "known_authority" and name not in situation.known and self.decision.law.told_apart(name):
                stated, country = (situation.known.get(source) for source in derived.inputs)
                text = catalogue.authorities.unknown_text(stated, country)
                if text is not None:
                    yield _caveat("authority", f"{text}, so what rests on the home registration stays open.", [derived.inputs[0]])


def _plan_ids(decision: Decision) -> list[tuple[str, str, str]]:
    return sorted((c.leg, c.activity, c.route.id) for c in decision.plan)


def _by_plan(decision: Decision) -> str:
    routes = ", ".join(sorted({c.route.id for c in decision.plan}))
    return f" by {routes}" if routes else ""


def _caveat(kind: str, text: str, ids: list[str]) -> dict[str, Any]:
    return {"kind": kind, "text": text, "ids": ids}
