"""An amount that the law fixes or works out: in which unit, rounded how, and by what steps a reader can check it.

How a number is rounded is law data, mode and unit: no default of a library ever rounds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

from .catalogue import fact_of_type
from .facts import Catalogue
from .source import Node, Report
from .values import EXACT, Money, parse_decimal, parse_money, plain

# mode -> (how it rounds, in words); `none` goes with a fixed amount, and only with that
_MODES = {
    "half_up": (ROUND_HALF_UP, "rounded half up"),
    "half_even": (ROUND_HALF_EVEN, "rounded half to even"),
    "up": (ROUND_UP, "rounded up"),
    "down": (ROUND_DOWN, "rounded down"),
}

Terms = Mapping[str, Any]
Amount = tuple[str, Decimal]  # currency, number
Found = tuple[Amount | None, str | None]  # and how it comes about, or a sentence where there is none


def read_amount(node: Node, catalogue: Catalogue, report: Report) -> dict[str, Any]:
    """The terms of an amount as written; mistakes are reported."""
    keys = report.mapping(node, ("round",), ("percent", "of", "to", "money", "says", "when"))
    found: dict[str, Any] = {"says": report.text(keys["says"])} if "says" in keys else {}
    if ("money" in keys) == ("percent" in keys) or ("percent" in keys) != ("of" in keys):
        report.error(node, "an amount is `percent` `of` a money fact, or `money`")
        return {}
    if "money" in keys:
        if "to" in keys or ("round" in keys and keys["round"].value != "none"):
            report.error(keys.get("to", keys.get("round", node)), "a fixed amount is not rounded: `round: none`, and no `to`")
        return found | {"money": report.parse(keys["money"], parse_money), "round": "none"}
    mode = report.one_of(keys["round"], _MODES, "way of rounding") if "round" in keys else None
    if "to" not in keys:
        report.error(node, "missing 'to': the unit to which the amount is rounded, such as 0.01 GBP")
    unit = report.parse(keys["to"], parse_money) if "to" in keys else None
    share = report.parse(keys["percent"], parse_decimal)
    if unit and unit[0] <= 0:
        report.error(keys["to"], "a unit is more than nothing")
    if share is not None and share < 0:
        report.error(keys["percent"], "a percentage is not negative")
    fact = fact_of_type(keys["of"], catalogue.facts, ("money",), report)
    if fact and not fact.label:
        report.error(keys["of"], f"{fact.name} has no name in a sentence (`label`), so that no amount of it can be told")
    return found | {"percent": share, "of": report.text(keys["of"]), "round": mode, "to": unit}


def amount(terms: Terms, base: Money | None, catalogue: Catalogue) -> Found:
    """The amount, worked out of a fact that may not be known yet. In the currency of its unit: nothing is converted."""
    says = f"{terms['says']}." if "says" in terms else None
    if "money" in terms:
        number, currency = terms["money"]
        return (currency, number), says
    label = catalogue.facts[terms["of"]].label
    share = f"{plain(terms['percent'])} % of {label}"
    if base is None:
        return None, f"{share}; that amount is not known."
    unit, currency = terms["to"]
    if currency not in base:
        return None, f"{share}, worked out in {currency}; it is stated in {' and '.join(sorted(base))} only, and nothing is converted."
    mode, words = _MODES[terms["round"]]
    exact = EXACT.divide(EXACT.multiply(base[currency], terms["percent"]), 100)
    found = EXACT.multiply(EXACT.divide(exact, unit).to_integral_value(mode, EXACT), unit)
    rule = f"{share} ({_money(base[currency], unit, currency)}) = {_money(exact, unit, currency)}"
    if found != exact:
        rule += f", {words} to {_money(found, unit, currency)}" + ("" if _is_decimal(unit) else f", a multiple of {plain(unit)} {currency}")
    return (currency, found), f"{rule}. {says}" if says else rule


def in_words(terms: Terms, catalogue: Catalogue) -> str:
    """The terms of an amount without any number: what a page of the law shows."""
    if "money" in terms:
        return f"{plain(terms['money'][0])} {terms['money'][1]}"
    unit, currency = terms["to"]
    return (
        f"{plain(terms['percent'])} % of {catalogue.facts[terms['of']].label}, {_MODES[terms['round']][1]} to a multiple of {plain(unit)} {currency}"
    )


def _is_decimal(unit: Decimal) -> bool:
    """Whether a multiple of the unit is seen at a glance: 1, 0.1, 0.01."""
    return unit.normalize().as_tuple().digits == (1,)


def _money(number: Decimal, unit: Decimal, currency: str) -> str:
    """An amount with at least as many places as its unit: one spelling, however it was stated."""
    whole, _, places = plain(number).partition(".")
    wanted = len(plain(unit).partition(".")[2])
    places = places.ljust(wanted, "0")
    return f"{int(whole):,}{'.' if places else ''}{places} {currency}"
