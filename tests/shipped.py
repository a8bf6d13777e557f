"""The law we ship, loaded once for all tests, and random facts over its catalogue."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from passport_service import laws
from passport_service.conditions import Leaf, leaves
from passport_service.service import Service

from .places import CONFIG, ROOT  # noqa: F401 (for those who need the law as well)
from .worlds import consistent

SHIPPED = Service(laws.load(CONFIG))
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def _operands() -> dict[str, list]:
    """Every value that some rule compares a fact with: random facts that keep away from thresholds try nothing."""
    found: dict[str, list] = {}
    for rulebook in SHIPPED.laws.rulebooks.values():
        for provision in rulebook.provisions():
            for version in provision.versions:
                for name in ("when", "opens_when", "applies_when", "failed_when", "satisfied_when"):
                    condition = getattr(version, name, None)
                    for leaf, _ in leaves(condition) if condition is not None else ():
                        if isinstance(leaf, Leaf):
                            found.setdefault(leaf.fact, []).append(leaf.value)
    for bound in SHIPPED.laws.catalogue.bounds:  # what bounds a fact settles its thresholds too
        low, high = found.get(bound.low, []), found.get(bound.high, [])
        found[bound.low], found[bound.high] = [*low, *high], [*high, *low]
    for derived in SHIPPED.laws.catalogue.derived.values():
        for name in derived.inputs if derived.function in ("days", "business_days", "months") else ():
            unit = 30 if derived.function == "months" else 1
            steps = {sign * unit * number for number in found.get(derived.name, []) for sign in (1, -1)}
            found.setdefault(name, []).extend(NOW.date() + dt.timedelta(days=step) for step in sorted(steps))
    return found


OPERANDS = _operands()


def random_value(rng: random.Random, fact):
    """A value near one that some rule compares it with, within the fact's bounds."""
    found = _near_a_threshold(rng, fact)
    return found if isinstance(found, dict) or fact.minimum is None or fact.maximum is None else min(max(found, fact.minimum), fact.maximum)


def _near_a_threshold(rng: random.Random, fact):
    operands = OPERANDS.get(fact.name, [])
    match fact.type:
        case "yes_no":
            return rng.random() < 0.5
        case "choice":
            return rng.choice(list(fact.values))
        case "set":
            known = list(fact.values) or [value for value in operands if isinstance(value, str)] or ["FINRA"]
            return frozenset(rng.sample(known, min(len(known), rng.choice([0, 1, 1, 2]))))
        case "country":
            return rng.choice(["GB", "US", "CH", "FR", *(value for value in operands if isinstance(value, str))])
        case "code":
            return rng.choice([value for value in operands if isinstance(value, str)] or ["OTHER"])
        case "money":
            amount, currency = rng.choice([value for value in operands if value != ()] or [(Decimal(1000), "USD")])
            return {currency: max(Decimal(0), amount + rng.choice([0, 0, 1, -1, 10**6]))}
        case "integer":
            return rng.choice([value for value in operands if isinstance(value, int)] or [1]) + rng.choice([-1, 0, 1])
        case "decimal":
            return rng.choice([value for value in operands if isinstance(value, Decimal)] or [Decimal(1)]) + rng.choice(
                [Decimal("-0.01"), Decimal(0), Decimal("0.01")]
            )
        case "date":
            return rng.choice([value for value in operands if isinstance(value, dt.date)] + [NOW.date()]) + dt.timedelta(
                days=rng.choice([-31, -1, 0, 1, 30])
            )
    return {
        "lei": "HWUPKR0MPOU8FGXBT394",
        "isin": "US0378331005",
        "cusip": "037833100",
        "figi": "BBG000B9XRY4",
        "mic": "XNAS",
        "dti": "X9J9K872S",
        "frn": "122702",
        "crd": "361",
    }.get(fact.scheme, "8-12345")


def random_facts(rng: random.Random, host: str, fixed=None) -> dict:
    """A value for most facts, contradicting nothing; `fixed` ones stay as they are."""
    catalogue = SHIPPED.laws.catalogue
    fixed = dict(fixed or {})
    found = {fact.name: random_value(rng, fact) for fact in catalogue.given() if rng.random() < 0.85}
    found |= {
        "registration.home": "GB" if host == "US" else "US",
        "transaction.date": rng.choice([dt.date(2026, 11, 23), dt.date(2027, 10, 11), dt.date(2028, 5, 9), dt.date(2031, 9, 18)]),
        "transaction.activities": frozenset(
            rng.sample(list(catalogue.activities), rng.choice([1, 1, 2])) + ["deal_as_principal"][: rng.choice([0, 1])]
        ),
    }
    found |= fixed
    while True:
        kept = consistent(catalogue, found)
        lost = {name: value for name, value in fixed.items() if name not in kept}
        if not lost:
            return kept
        # A random fact ruled a fixed one out: give it up with its group's other random facts.
        found = {name: value for name, value in found.items() if name in fixed or rng.random() < 0.5}
