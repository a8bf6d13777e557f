"""Which facts may stand where: the rules that keep the promises of a decision, checked when the law loads.

Routes open on circumstances and terms; arrangements are checks. An exceptional fact may make a requirement apply or
fail, and excuses nothing. What rests on a staff position may not stand under `not`. A term or an arrangement that a
circumstance may rule out is tested as it is, not turned round, wherever that could stop a trade: a test of a fact that
cannot apply is FALSE, so its reverse would be TRUE by a circumstance alone. All of it through definitions too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from .conditions import NEGATIVE, All, Any_, Condition, Constant, Leaf, Not, Ref, leaves
from .facts import ACTIVITIES, Catalogue
from .rulebook import Provision, RecognitionVersion
from .source import Node, Report

# What a rulebook calls it that home supervises this business, and that the home registration stands at all.
GOOD_STANDING, IN_FORCE = "home_in_good_standing", "home_registration_in_force"
# place -> (may read an arrangement, may read an exceptional fact, the place in words)
_PLACES = {
    "route": ("no", "no", "in a route"),
    "leg": ("no", "no", "in the need of a leg"),
    "role": ("no", "no", "in a role"),
    "applies": ("no", "positive", "in `applies_when`"),
    "applies, and may fail": ("no", "positive", "in `applies_when`"),
    "failed": ("positive", "positive", "in `failed_when`"),
    "satisfied": ("yes", "yes", ""),
    "recognition": ("yes", "no", "in a recognition"),
    "step": ("yes", "yes", ""),
    "notice": ("yes", "yes", ""),
    "definition": ("yes", "yes", ""),  # judged where it is used
}
# place -> the sign under which a test that comes out FALSE may stop a trade: a recognition stands under `not` in the stop
_STOPPED_BY_FALSE = {"leg": False, "applies, and may fail": False, "failed": False, "recognition": True}
# Who asks says these: what they rule out is ruled out from the start.
_QUESTION = ("registration.home", ACTIVITIES)


def check_placement(catalogue: Catalogue, report: Report, definitions: Mapping[str, Provision], conditions: Iterable[tuple[str, Condition]]) -> None:
    """Reports every fact that stands where one of its class may not."""
    if _check_circles(report, definitions):
        return
    check = _Check(catalogue, report, definitions)
    for place, condition in conditions:
        check.condition(place, condition)


def uses(definitions: Mapping[str, Provision], condition: Condition) -> set[str]:
    """Every definition that a condition reads, in any version, also through other definitions."""
    found: set[str] = set()
    pending = [leaf.definition for leaf, _ in leaves(condition) if isinstance(leaf, Ref)]
    while pending:
        name = pending.pop()
        if name in found or name not in definitions:
            continue
        found.add(name)
        for version in definitions[name].versions:
            pending += [leaf.definition for leaf, _ in leaves(version.when) if isinstance(leaf, Ref)]
    return found


def check_standing(report: Report, definitions: Mapping[str, Provision], node: Node, recognition: RecognitionVersion, of_firm: bool) -> None:
    """Nothing is left to a home supervisor who does not supervise this business, nor a duty of the firm replaced where its registration does not stand.

    What is replaced bears on a route that asks by itself whether the registration covers the activity.
    """
    names = {"by_absence": (GOOD_STANDING,), "replaced": (GOOD_STANDING, IN_FORCE) if of_firm else ()}.get(recognition.mode, ())
    if names and not recognition.repealed and not rests_on(definitions, recognition.when, names):
        whose = ", of a duty of the firm," if recognition.mode == "replaced" else ""
        report.error(node, f"`{recognition.mode}`{whose} rests on {' or '.join(names)}, whichever way it comes to hold")


def rests_on(
    definitions: Mapping[str, Provision], condition: Condition, names: Collection[str], positive: bool = True, within: tuple[str, ...] = ()
) -> bool:
    """Whether a condition can hold only where one of these definitions does, whichever way it comes to hold; in every version of what it reads."""
    match condition:
        case Constant(holds):
            return holds is not None and holds is not positive  # it never holds
        case Not(part):
            return rests_on(definitions, part, names, not positive, within)
        case All(parts) | Any_(parts):
            found = [rests_on(definitions, part, names, positive, within) for part in parts]
            return any(found) if isinstance(condition, All) is positive else all(found)
        case Ref(definition=name) if name in names:
            return positive
        case Ref(definition=name) if name in definitions and name not in within:
            versions = definitions[name].versions
            return all(rests_on(definitions, version.when, names, positive, (*within, name)) for version in versions)
    return False


def _check_circles(report: Report, definitions: Mapping[str, Provision]) -> bool:
    graph, nodes = {}, {}
    for name, provision in definitions.items():
        refs = [leaf for version in provision.versions for leaf, _ in leaves(version.when) if isinstance(leaf, Ref)]
        graph[name] = {ref.definition for ref in refs}
        nodes |= {(name, ref.definition): ref.node for ref in refs}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]  # each needs the one before it
        report.error(nodes[circle[1], circle[0]], f"definitions go round in a circle: {' -> '.join(reversed(circle))}")
        return True
    return False


class _Check:
    def __init__(self, catalogue: Catalogue, report: Report, definitions: Mapping[str, Provision]):
        self.catalogue, self.report, self.definitions = catalogue, report, definitions

    def condition(self, place: str, condition: Condition, positive: bool = True, at: Node | None = None) -> None:
        for leaf, sign in leaves(condition, positive):
            if isinstance(leaf, Leaf):
                self._leaf(place, leaf, sign, at or leaf.node)
                continue
            for version in self.definitions[leaf.definition].versions if leaf.definition in self.definitions else ():
                # A recognition takes a stop away, so it stands under `not` there.
                if version.standing == "staff_position" and (not sign or place == "recognition"):
                    self.report.error(
                        at or leaf.node, f"{leaf.definition} rests on a staff position and may not stand under `not`, nor excuse a duty"
                    )
                self.condition(place, version.when, sign, at or leaf.node)

    def _ruled_out_by(self, name: str) -> set[str]:
        """The circumstances that may rule out a term or an arrangement, or one that a fact is derived from."""
        fact, derived = self.catalogue.facts[name], self.catalogue.derived.get(name)
        if derived is not None:
            return set().union(*map(self._ruled_out_by, derived.inputs))
        return set() if fact.klass == "circumstance" or fact.exceptional else self._guarding(name)

    def _guarding(self, name: str) -> set[str]:
        found: set[str] = set()
        guard = self.catalogue.facts[name].asked_when
        for leaf, _ in leaves(guard) if guard is not None else ():
            if isinstance(leaf, Leaf) and leaf.fact not in _QUESTION:
                own = {leaf.fact} if self.catalogue.facts[leaf.fact].klass == "circumstance" else set()
                found |= own | self._guarding(leaf.fact)
        return found

    def _leaf(self, place: str, leaf: Leaf, positive: bool, node: Node | None) -> None:
        fact = self.catalogue.facts.get(leaf.fact)
        if fact is None or node is None:
            return
        arrangement, exceptional, where = _PLACES[place]
        turned = not positive or leaf.operator in NEGATIVE
        says_no = (leaf.value is False) is positive if isinstance(leaf.value, bool) else False
        if fact.klass == "arrangement" and arrangement != "yes" and (arrangement == "no" or says_no):
            how = "as a bare no: not yet arranged is a check, not a failure" if arrangement == "positive" else f"{where}: it is a check"
            self.report.error(node, f"{fact.name} is an arrangement and may not stand {how}")
        if _STOPPED_BY_FALSE.get(place) is positive and (why := sorted(self._ruled_out_by(fact.name))):
            self.report.error(
                node, f"{fact.name} is ruled out by a circumstance ({', '.join(why)}), which may not stop a trade: test it without `not`"
            )
        if fact.exceptional and exceptional != "yes" and (exceptional == "no" or turned or says_no):
            how = "under `not`, as no, or turned round" if exceptional == "positive" else where
            self.report.error(node, f"{fact.name} is exceptional and may not stand {how}: it never excuses anything")
