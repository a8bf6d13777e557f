"""What a decision may become when one more fact is learnt: the three promises of the design, as sentences about what breaks them.

1. Learning a fact only ever settles: of conditions, of routes, of rows.
2. `checks_required` and `clear` mean that no circumstance still unknown can stop the trade, except a special case listed under `only_if`.
3. `blocked` means that no fact still unknown can open it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import reduce
from operator import and_

from passport_service.compiler import Law
from passport_service.conditions import Condition, Leaf, Ref, leaves
from passport_service.decision import Decision
from passport_service.explain import explain
from passport_service.facts import Fact
from passport_service.outcome import MAY, MUST, ORDINARY, SPECIAL, STOP, outcome
from passport_service.proposal import Options

GO = ("checks_required", "clear")

# What a row may become, by what it is. A row that is not named here may become anything.
EVIDENCE = {
    "not_required": (),
    "recognised": (),
    "failed": (),
    "left_to_home": ("recognised",),
    "satisfied": ("recognised", "left_to_home"),
    "required": ("satisfied", "recognised", "left_to_home"),
    "only_if": ("not_required",),
}
# An answer that is the firm's own choice, or a special case, may also make a row fail, or ask a question that was none before.
CHOICE = EVIDENCE | {row: (*EVIDENCE[row], "failed", "undetermined") for row in ("satisfied", "required")}
SPECIAL_CASE = {row: found for row, found in CHOICE.items() if row != "only_if"}

# The readings of what is unknown under which a condition may hold after a fact is learnt only if it did before.
NEVER_MORE = {
    "circumstance": MAY | ORDINARY | STOP | SPECIAL,
    "choice": MAY | ORDINARY,  # a term or an arrangement
    "special": MAY | SPECIAL,
}


def kind_of(fact: Fact) -> str:
    """Whose a fact is: nobody's to choose, the firm's to choose, or a special case."""
    if fact.exceptional:
        return "special"
    return "circumstance" if fact.klass == "circumstance" else "choice"


def broken_promises(before: Decision, facts: Collection[Fact], after: Decision, prefer: Sequence[str] = ()) -> list[str]:
    """Which promises a decision broke when these facts were learnt, in words; none when all three hold."""
    if before.codes == after.codes and before.verdict is after.verdict:
        return []
    kinds = {kind_of(fact) for fact in facts}
    return [
        *_of_conditions(before, kinds, after),
        *_of_routes(before, kinds, after),
        *_of_rows(before, kinds, after),
        *_of_status(before, facts, after, prefer),
    ]


def _of_conditions(before: Decision, kinds: Collection[str], after: Decision) -> Iterator[str]:
    for name, old in before.evaluation.definitions.items():
        new = after.evaluation.definitions[name]
        if old != new and (old & MUST and not new & MUST or new & MAY and not old & MAY):
            yield f"the definition {name[0]} was {outcome(old)} and is {outcome(new)}"
    count = len(before.codes)
    old, new = int.from_bytes(before.codes, "little"), int.from_bytes(after.codes, "little")
    never_more = int.from_bytes(bytes([reduce(and_, map(NEVER_MORE.get, kinds))]) * count, "little")
    never_less = int.from_bytes(bytes([MUST]) * count, "little")
    if wrong := new & ~old & never_more | old & ~new & never_less:
        for number, bits in enumerate(wrong.to_bytes(count, "little")):
            if bits & MUST:
                yield f"{before.law.owners[number]} was TRUE and is no longer"
            elif bits & MAY:
                yield f"{before.law.owners[number]} was FALSE and is no longer"
            elif bits:
                yield f"{before.law.owners[number]} may hold under a reading ({bits}) under which it could not"


def _of_routes(before: Decision, kinds: Collection[str], after: Decision) -> Iterator[str]:
    was = {(found.route.id, found.activity): found for leg in before.legs for found in leg.candidates}
    for leg in after.legs:
        for now in leg.candidates:
            old = was.get((now.route.id, now.activity))
            if old is None or old is now:
                continue
            name = f"{now.route.id} {now.activity}".strip()
            if old.status not in ("undetermined", now.status):
                yield f"the route {name} was {old.status} and is {now.status}"
            if old.dead and not now.dead:
                yield f"the route {name} was dead and is not"
            if old.live and not now.live and kinds == {"circumstance"}:
                yield f"the route {name} was live, and a circumstance makes it {'dead' if now.dead else 'doubtful'}"


def _of_rows(before: Decision, kinds: Collection[str], after: Decision) -> Iterator[str]:
    allowed = SPECIAL_CASE if "special" in kinds else CHOICE if "choice" in kinds else EVIDENCE
    for old in before.items:
        now = after.listed.by_id.get(old.id)
        if now is None or now is old or now.routes != old.routes:
            continue
        if now.status != old.status and now.status not in allowed.get(old.status, (now.status,)):
            yield f"{old.id} was {old.status} and is {now.status}"
        if kinds == {"circumstance"} and now.is_check and not old.is_check:
            yield f"{old.id} was no check, and a circumstance makes it one"


def _of_status(before: Decision, facts: Collection[Fact], after: Decision, prefer: Sequence[str]) -> Iterator[str]:
    # Whoever prefers a route chose its checks: they come as soon as it opens.
    preferred = any(found.route.id in prefer and found not in before.plan for found in after.plan)
    kinds, then = {kind_of(fact) for fact in facts}, dict(after.activities)
    pairs = [("the answer", before.status, after.status)]
    pairs += [(f"the answer for {activity}", status, then[activity]) for activity, status in before.activities if activity in then]
    for what, old, new in pairs:
        if old == new:
            continue
        if old == "blocked":
            yield f"{what} was blocked and is {new}"
        elif old == "not_covered" and new != "blocked":  # of the activities that are covered, one may turn out blocked
            yield f"{what} was not covered and is {new}"
        elif old in GO and new not in GO or old == "clear":
            if preferred and new in GO:
                continue
            if kinds == {"circumstance"}:
                yield f"{what} was {old}, and a circumstance makes it {new}"
            elif "choice" not in kinds:
                yield from (f"{what} was {old} and is {new}: {text}" for text in _unannounced(before, after))


def _unannounced(before: Decision, after: Decision) -> Iterator[str]:
    """What a special case changed although the answer had not listed it, or although the case turned out not to hold."""
    rows = explain(before, None, Options(), before.law.rulebook.head.covers_from, False, False)["only_if"]
    # One special case may follow from another: an uncovered short sale is a short sale.
    learnt = after.situation.known.keys() - before.situation.known.keys()
    cases = {found.only_if for name in learnt if (found := after.law.catalogue.facts[name]).exceptional}
    announced = {row["id"] for row in rows if any(case in row["if"] for case in cases)}
    was = {(found.route.id, found.activity): found for leg in before.legs for found in leg.candidates}
    for leg in after.legs:
        for now in leg.candidates:
            old = was.get((now.route.id, now.activity))
            if old is not None and old.live and old in before.plan and not now.live:
                for id_ in {*now.stopped_by, *now.doubted_by}:
                    if id_ not in announced:
                        yield f"{id_} stops {now.route.id}, and was not listed under only_if"
    for item in after.items:
        old = before.listed.by_id.get(item.id)
        if old is not None and item.is_check and not old.is_check and item.id not in announced:
            yield f"{item.id} is a check, and was not listed under only_if"
    if not _turned_out(learnt, before, after):
        yield f"none of these turned out to be a special case: {', '.join(sorted(learnt))}"


def _turned_out(learnt: Iterable[str], before: Decision, after: Decision) -> bool:
    """Whether a test of these facts, or of what is derived from them, is TRUE or still open where a requirement applies or fails by it.

    The requirement may be one of the plan that the special case upset: by what it adds there, another route may have become the better one.
    """
    readers = {*learnt}
    for derived in after.law.catalogue.derived.values():
        if not readers.isdisjoint(derived.inputs):
            readers.add(derived.name)
    rows = (*before.items, *after.items)
    read = [leaf for item in rows for leaf in _leaves(after.law, item.requirement.stop_condition, item.requirement.version.applies_when)]
    return any(after.situation.leaf(leaf) & MAY for leaf in read if leaf.fact in readers)


def _leaves(law: Law, *conditions: Condition) -> Iterator[Leaf]:
    for condition in conditions:
        for leaf, _ in leaves(condition):
            if isinstance(leaf, Ref):
                yield from _leaves(law, law.definition(leaf.definition))
            else:
                yield leaf
