"""The value of a derived fact from the values of its inputs: one function for each derivation of the closed list."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .calendars import end_of, later, months_between
from .facts import Catalogue, Derived
from .values import EXACT


def compute(derived: Derived, values: Sequence[Any], catalogue: Catalogue) -> Any:
    """The value; None where the inputs, though known, give none."""
    options, calendars = derived.options, catalogue.calendars
    match derived.function:
        case "days":
            return (values[1] - values[0]).days
        case "business_days":
            return calendars[options["calendar"]].between(*values)
        case "months":
            return months_between(*values, started=options.get("count") == "started")
        case "date_plus":
            return later(values[0], options, calendars.get(options.get("calendar", "")))
        case "month_end":
            return end_of("month", values[0])
        case "sum":
            return _add(values, 1)
        case "difference":
            return _add(values, -1)
        case "ratio":
            return _ratio(*values)
        case "among":
            return values[0] in values[1]
        case "known_authority":
            return catalogue.authorities.grants_registration(*values) or None  # one that is not known may be real all the same
    raise TypeError(derived.function)


def _add(values: Sequence[Any], sign: int) -> Any:
    if isinstance(values[0], dict):
        shared = sorted(set.intersection(*(set(value) for value in values)))
        return {currency: _add([value[currency] for value in values], sign) for currency in shared} or None
    if isinstance(values[0], int):
        return values[0] + sign * sum(values[1:])
    found = values[0]
    for value in values[1:]:
        found = EXACT.add(found, value) if sign > 0 else EXACT.subtract(found, value)
    return found


def _ratio(of: Any, to: Any) -> Decimal | None:
    """Per cent. None where nothing can be divided.

    Facts and thresholds have at most 8 places, so two that differ do so within the digits of `EXACT`: no comparison rests on a rounding.
    """
    if isinstance(of, dict):
        shared = sorted(set(of) & set(to))
        return _ratio(of[shared[0]], to[shared[0]]) if len(shared) == 1 else None
    return EXACT.divide(EXACT.multiply(Decimal(of), 100), Decimal(to)) if to else None
