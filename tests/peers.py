"""The same rules in other engines, each in the form that suits it, behind one face.

An engine is given what it likes best, made beforehand: that favours it. What it says is turned into our three values after the
clock has stopped.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import random
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from passport_service.conditions import All, Any_, Condition, Leaf, Not
from passport_service.index import Index
from passport_service.outcome import outcome
from passport_service.situation import situate

from . import synthetic

TRUE, FALSE, UNKNOWN = "true", "false", "unknown"
_SIGNS = {"exceeds": ">", "at_least": ">=", "below": "<", "at_most": "<="}
_OPPOSITE = {"exceeds": "at_most", "at_least": "below", "below": "at_least", "at_most": "exceeds"}


@dataclass(frozen=True)
class Asked:
    """Rules compiled. Shapes: `prepare` plain facts -> what is asked; `ask` that -> what the engine says; `read` what it says ->
    an outcome for each rule; `complains` what it says -> its own note that something went wrong.
    """

    prepare: Callable[[dict], Any]
    ask: Callable[[Any], Any]
    read: Callable[[Any], list[str]]
    complains: Callable[[Any], str] = lambda _: ""


@dataclass(frozen=True)
class Peer:
    """Units: `most` rules beyond which it takes too long to be measured here."""

    name: str
    form: str
    module: str
    package: str
    licence: str
    compile: Callable[[Sequence[Condition], Sequence[str]], Asked]
    most: int = 5000

    @property
    def version(self) -> str | None:
        return importlib.metadata.version(self.package) if importlib.util.find_spec(self.module) else None


def plain(facts: dict) -> dict[str, Any]:
    """Facts without our types: amounts are whole numbers of dollars, names have no group."""
    return {short(name): int(value["USD"]) if isinstance(value, dict) else value for name, value in facts.items()}


def short(name: str) -> str:
    return name.partition(".")[2]


# -- conditions in other words --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Language:
    """Shapes: `join` our connectives; `one`, `many`, `number` templates of a leaf: fact, then value."""

    conjunction: str
    disjunction: str
    negation: str
    one: str
    many: str
    number: str
    quote: str = "'"

    def write(self, condition: Condition) -> str:
        match condition:
            case All(parts):
                return self.conjunction.join(f"({self.write(part)})" for part in parts)
            case Any_(parts):
                return self.disjunction.join(f"({self.write(part)})" for part in parts)
            case Not(part):
                return f"{self.negation}({self.write(part)})"
            case Leaf(fact=fact, operator="in", value=values):
                quoted = [f"{self.quote}{value}{self.quote}" for value in values]
                template = self.one if len(quoted) == 1 else self.many
                return template.format(fact=short(fact), value=", ".join(quoted))
            case Leaf(fact=fact, operator=operator, value=(amount, _)):
                return self.number.format(fact=short(fact), sign=_SIGNS[operator], value=amount)
        raise TypeError(f"not a condition of the synthetic law: {condition!r}")


ZEN = _Language(" and ", " or ", "not ", "{fact} == {value}", "{fact} in [{value}]", "{fact} {sign} {value}")
SCRIPT = _Language("&&", "||", "!", "i.{fact} === {value}", "[{value}].includes(i.{fact})", "i.{fact} {sign} {value}")
CEL = _Language("&&", "||", "!", "{fact} == {value}", "{fact} in [{value}]", "{fact} {sign} {value}")
CERBOS = _Language("&&", "||", "!", "R.attr.{fact} == {value}", "R.attr.{fact} in [{value}]", "R.attr.{fact} {sign} {value}")
CEDAR = _Language("&&", "||", "!", "context.{fact} == {value}", "[{value}].contains(context.{fact})", "context.{fact} {sign} {value}", '"')


def said(found: Sequence[Any]) -> list[str]:
    """Outcomes of plain answers; a mistake that stands in the place of an answer is told as such."""
    return [TRUE if value is True else FALSE if value is False else UNKNOWN if value is None else "error" for value in found]


def among(held: set[int], count: int) -> list[str]:
    """Outcomes where only what holds is named."""
    return [TRUE if number in held else FALSE for number in range(count)]


def _text(facts: dict) -> bytes:
    return json.dumps(facts).encode()


# -- zen-engine -----------------------------------------------------------------------------------------------------------


def _zen_expression(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    import zen

    compiled = zen.compile_expression("[" + ", ".join(map(ZEN.write, rules)) + "]")
    return Asked(_text, compiled.evaluate, said)


def _zen_nodes(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    expressions = [{"id": str(number), "key": f"r{number}", "value": ZEN.write(rule)} for number, rule in enumerate(rules)]
    decision = _zen_graph({"type": "expressionNode", "content": {"expressions": expressions}})
    return Asked(_text, decision.evaluate, lambda found: said([found["result"][f"r{number}"] for number in range(len(rules))]))


def _zen_function(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    source = f"export const handler = async (i) => ({{r: [{', '.join(map(SCRIPT.write, rules))}]}});"
    decision = _zen_graph({"type": "functionNode", "content": {"source": source}})
    return Asked(_text, decision.evaluate, lambda found: said(found["result"]["r"]))


def _zen_table(rules: Sequence[Condition], facts: Sequence[str]) -> Asked:
    """A row for each way in which a rule may hold, a column for each fact; every row that holds is collected."""
    names = [short(name) for name in facts]
    rows = []
    for number, rule in enumerate(rules):
        for way in _ways(rule):
            cells = dict.fromkeys(names, "")
            for leaf, positive in way:
                cells[short(leaf.fact)] = _cell(leaf, positive)
            rows.append({"_id": f"{number}-{len(rows)}", **cells, "rule": str(number)})
    inputs = [{"id": name, "name": name, "field": name} for name in names]
    outputs = [{"id": "rule", "name": "rule", "field": "rule"}]
    content = {"hitPolicy": "collect", "inputs": inputs, "outputs": outputs, "rules": rows}
    decision = _zen_graph({"type": "decisionTableNode", "content": content})
    return Asked(_text, decision.evaluate, lambda found: among({row["rule"] for row in found["result"]}, len(rules)))


def _ways(rule: Condition) -> list[list[tuple[Leaf, bool]]]:
    """The clauses of a rule of the synthetic law: tests, of which the last has alternatives."""
    match rule:
        case All((*tests, Any_(alternatives))):
            return [[(leaf, True) for leaf in dict.fromkeys((*tests, way))] for way in alternatives]
        case Not(Leaf() as leaf):
            return [[(leaf, False)]]
        case Leaf():
            return [[(rule, True)]]
    raise TypeError(f"not a rule of the synthetic law: {rule!r}")


def _cell(leaf: Leaf, positive: bool) -> str:
    if leaf.operator == "in":
        values = ", ".join(f"'{value}'" for value in leaf.value)
        return values if positive else f"$ not in [{values}]"
    return f"{_SIGNS[leaf.operator if positive else _OPPOSITE[leaf.operator]]} {leaf.value[0]}"


def _zen_graph(node: dict) -> Any:
    import zen

    place = {"position": {"x": 0, "y": 0}}
    ends = [{"id": kind, "type": f"{kind}Node", "name": kind, **place} for kind in ("input", "output")]
    edges = [{"id": source + target, "sourceId": source, "targetId": target, "type": "edge"} for source, target in (("input", "n"), ("n", "output"))]
    text = json.dumps({"nodes": [ends[0], {"id": "n", "name": "n", **place, **node}, ends[1]], "edges": edges})
    return zen.ZenEngine().create_decision(zen.ZenDecisionContent(text))


# -- Cedar and CEL --------------------------------------------------------------------------------------------------------


def _cedar(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    """One `permit` for each rule; the policies that determined the answer are the rules that hold."""
    import cedarpy

    policies, entities = _policies(rules)
    who = {"principal": 'Firm::"f"', "action": 'Action::"trade"', "resource": 'Token::"t"'}
    return Asked(
        lambda facts: who | {"context": json.dumps(facts)},
        lambda request: cedarpy.is_authorized(request, policies, entities),
        lambda found: among({int(id_) for id_ in found.diagnostics.id_annotations_by_reason.values()}, len(rules)),
        lambda found: " (noted)" if found.diagnostics.errors else "",
    )


def cedar_batch(rules: Sequence[Condition], facts: Sequence[dict]) -> tuple[Callable[[], list[Any]], Callable[[Any], list[str]]]:
    """All proposals in one call, and how to read each answer."""
    import cedarpy

    single, (policies, entities) = _cedar(rules, ()), _policies(rules)
    requests = [single.prepare(one) for one in facts]
    return lambda: cedarpy.is_authorized_batch(requests, policies, entities), single.read


def _policies(rules: Sequence[Condition]) -> tuple[Any, Any]:
    import cedarpy

    text = (f'@id("{number}") permit(principal, action, resource) when {{ {CEDAR.write(rule)} }};' for number, rule in enumerate(rules))
    return cedarpy.PolicySet.from_str("\n".join(text)), cedarpy.Entities.from_json_str("[]")


def _cel(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    """A program for each rule, and one context for them all."""
    import cel

    programs = [cel.compile(CEL.write(rule)) for rule in rules]

    def ask(facts: dict) -> list[Any]:
        context, found = cel.Context(facts), []
        for program in programs:
            try:
                found.append(program.execute(context))
            except RuntimeError as error:  # of this program alone
                found.append(error)
        return found

    return Asked(dict, ask, said)


def _cel_list(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    import cel

    return Asked(dict, cel.compile("[" + ", ".join(map(CEL.write, rules)) + "]").execute, said)


# -- ours, and all of them ------------------------------------------------------------------------------------------------


def _ours(rules: Sequence[Condition], _: Sequence[str]) -> Asked:
    """Our index as one more engine, from plain facts."""
    own = synthetic.catalogue()
    index = Index(own, rules, {})
    return Asked(lambda case: case, lambda case: index.evaluate(situate(own, case)), lambda found: outcomes(found.codes, index))


def outcomes(codes: bytes, index: Index) -> list[str]:
    return [outcome(codes[place]).value for place in index.place]


OURS = Peer("ours", "the index", "passport_service", "passport-service", "", _ours)
ZEN_BEST, ZEN_TABLE = ("zen, expression", "zen, nodes", "zen, function"), "zen, table"
PEERS = (
    Peer(ZEN_BEST[0], "zen-engine, one compiled expression that gives a list", "zen", "zen-engine", "MIT", _zen_expression),
    Peer(ZEN_BEST[1], "zen-engine, a decision with an expression for each rule", "zen", "zen-engine", "MIT", _zen_nodes),
    Peer(ZEN_BEST[2], "zen-engine, a decision with a JavaScript function", "zen", "zen-engine", "MIT", _zen_function, 200),
    Peer(ZEN_TABLE, "zen-engine, a decision table, hit policy collect", "zen", "zen-engine", "MIT", _zen_table),
    Peer("Cedar", "cedarpy, one policy for each rule, parsed once", "cedarpy", "cedarpy", "Apache-2.0", _cedar),
    Peer("CEL", "CEL in Rust, one program for each rule, one context", "cel", "common-expression-language", "Apache-2.0", _cel),
    Peer("CEL, list", "CEL in Rust, one program that gives a list", "cel", "common-expression-language", "Apache-2.0", _cel_list, 1000),
)


def held(peer: Peer, count: int = 1000, copies: int = 3) -> float:
    """Megabytes that compiled rules take in this process, once they have answered. What the engine itself takes is no part of it."""
    rng = random.Random(synthetic.SEED)
    rules, names = [synthetic.rule(rng) for _ in range(count)], list(synthetic.catalogue().facts)
    cases = [case if peer is OURS else plain(case) for case in (synthetic.facts(rng, 0.0) for _ in range(50))]
    few = peer.compile(rules[:2], names)
    few.ask(few.prepare(cases[0]))
    before, kept = _resident(), []
    for _ in range(copies):  # so that what lay free before counts for less
        kept.append(peer.compile(rules, names))
        for case in cases:
            kept[-1].ask(kept[-1].prepare(case))
    return (_resident() - before) / copies


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    print(held(next(peer for peer in (OURS, *PEERS) if peer.name == sys.argv[1])))
