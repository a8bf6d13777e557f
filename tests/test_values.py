"""Identifiers, money, dates, calendars and canonical JSON, with the examples of the field."""

from __future__ import annotations

import datetime as dt
import doctest
import importlib
from decimal import Decimal

import pytest
import rfc8785
import stdnum.isin
from hypothesis import given
from hypothesis import strategies as st

from passport_service import canonical, values
from passport_service.calendars import add_months, months_between
from passport_service.errors import MalformedError

from .shipped import SHIPPED
from .test_architecture import ORDER

GOOD = {
    "lei": ["HWUPKR0MPOU8FGXBT394", "G5GSEF7VJP5I7OUK5573", "213800D1EI4B9WTWWD28", "506700GE1G29325QX363"],
    # The last ones: a digital token, a country that is no more, an index of the Union, an international issue, a swap.
    "isin": [
        *("US0378331005", "US5949181045", "GB00BP6MXD84", "GB0002634946"),
        *("XTV15WLZJMF0", "AN8068571086", "EU0009658145", "XS0629626663", "EZ9724VTXK48"),
    ],
    "cusip": ["037833100"],
    "figi": ["BBG000B9XRY4"],
    "mic": ["XNAS", "XLON"],
    "dti": ["X9J9K872S", "20J63Z4N3", "4H95J0R2X"],
    "frn": ["122702", "730427", "1000000"],
    "crd": ["361", "142913"],
    "sec_file": ["8-12345", "801-54321"],
}
BAD = {
    "lei": ["HWUPKR0MPOU8FGXBT349", "hwupkr0mpou8fgxbt394", "HWUPKR0MPOU8FGXBT39", "HWUPKR0MPOU8FGXBT394 ", "HWUPKR0MPOU8FGXBT394\n", "01", "98"],
    "isin": ["US0378331006", "us0378331005", "US 0378331005", "٠٠٠٠٠٠٠٠٠٠٠٠", "US037833100", "US037833100A"],
    "cusip": ["037833101", "03783310", "03783310O", "037833100 "],
    "figi": ["BBG000B9XRY5", "BBA000B9XRY4", "bbg000b9xry4"],
    "mic": ["XNA", "xnas", "XNASX"],
    "dti": ["A9J9K872S", "X9J9K872", "09J9K872S", "x9j9k872s"],
    "frn": ["12345", "0122702", "12345678", "١٢٢٧٠٢", "122702\n"],
    "crd": ["CRD#361", "", "0361", "٣٦١"],
    "sec_file": ["12345", "8-", "8-1234567", "8-١٢٣", "8 - 12345"],
}


@pytest.mark.parametrize(("scheme", "text"), [(scheme, text) for scheme, texts in GOOD.items() for text in texts])
def test_a_genuine_identifier_is_taken_as_it_is(scheme, text):
    assert values.IDENTIFIERS[scheme](text) == text


@pytest.mark.parametrize(("scheme", "text"), [(scheme, text) for scheme, texts in BAD.items() for text in texts])
def test_a_wrong_identifier_is_refused(scheme, text):
    with pytest.raises(ValueError, match="not "):
        values.IDENTIFIERS[scheme](text)


@pytest.mark.parametrize(("digits", "body"), [("00", "E5EHLHXO17LM87G92M"), ("01", "529900T8BM49AURS27"), ("99", "0YKP3S6RP710ZQMBP2")])
def test_check_digits_of_an_lei_run_from_02_to_98_though_others_are_congruent(digits, body):
    assert int("".join(str(int(sign, 36)) for sign in body + digits)) % 97 == 1
    with pytest.raises(ValueError, match="its check digits are wrong"):
        values.IDENTIFIERS["lei"](body + digits)


@pytest.mark.parametrize(
    ("scheme", "text"),
    [("lei", "0" * 18 + "98"), ("isin", "US0000000002"), ("cusip", "0" * 9), ("figi", "BBG000000007"), ("sec_file", "8-00000"), ("sec_file", "0-0")],
)
def test_nothing_but_zeros_names_nothing_though_the_check_digit_agrees(scheme, text):
    with pytest.raises(ValueError, match="nothing but zeros"):
        values.IDENTIFIERS[scheme](text)


@pytest.mark.parametrize("prefix", sorted(values.ISIN_PREFIXES - values.COUNTRIES))
def test_the_prefixes_that_are_no_countries_begin_isins_too(prefix):
    text = prefix + "0A1B2C3D4"
    assert values.IDENTIFIERS["isin"](text + stdnum.isin.calc_check_digit(text)).startswith(prefix)


@pytest.mark.parametrize("prefix", ["UK", "XX", "AA", "QZ", "X1"])
def test_an_isin_under_a_prefix_that_nobody_numbers_under_is_refused(prefix):
    text = prefix + "0A1B2C3D4"
    with pytest.raises(ValueError, match="neither a country|not an ISIN"):
        values.IDENTIFIERS["isin"](text + stdnum.isin.calc_check_digit(text))


@pytest.mark.parametrize("text", ["US 0378331005", "us0378331005"])
def test_spaces_and_lower_case_are_refused_with_the_spelling_that_is_taken(text):
    with pytest.raises(ValueError, match="write it as US0378331005"):
        values.IDENTIFIERS["isin"](text)


@pytest.mark.parametrize("text", ["1e5", "1.", ".5", "NaN", "Infinity", "1,000", "٣", "1" * 19, "1.123456789", "--1", "+1", ""])
def test_a_decimal_is_plain(text):
    with pytest.raises(ValueError, match="plain decimal"):
        values.parse_decimal(text)


@pytest.mark.parametrize("text", ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "20260101", "2026-01-01T00:00:00", "2026-W01-1"])
def test_a_date_is_a_day_of_the_calendar(text):
    with pytest.raises(ValueError, match="not a d"):
        values.parse_date(text)


@pytest.mark.parametrize("name", ORDER)
def test_examples_in_docstrings_hold(name):
    found = doctest.testmod(importlib.import_module(f"passport_service.{name}"))
    assert found.failed == 0


# -- canonical JSON ------------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127, min_codepoint=32), max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
def test_canonical_bytes_are_those_of_rfc_8785(value):
    assert canonical.dump(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b'{"a": 1.5}', "not an integer"),
        (b'{"a": NaN}', "not JSON"),
        (b'{"a": -Infinity}', "not JSON"),
        (b'{"a": 1e3}', "not an integer"),
        (b"[" * 9 + b"]" * 9, "levels deep"),
        (b"[" * 100000, "levels deep"),
        (b'{"a"', "Not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a": 1' + b"0" * 30 + b"}", "more than 18 digits"),
        (b"", "Not JSON"),
    ],
)
def test_json_that_would_be_read_two_ways_is_refused(body, says):
    with pytest.raises(MalformedError, match=says):
        canonical.load(body)


def test_brackets_inside_strings_are_no_depth():
    assert canonical.load(b'{"a": "[[[[[[[[[[[[\\"[[[["}') == {"a": '[[[[[[[[[[[["[[[['}


def test_a_body_of_quotes_after_backslashes_is_read_in_linear_time():
    """It broke off after a backslash, and every quote was tried as the beginning of it: three seconds for 20 KB."""
    with pytest.raises(MalformedError, match="Not JSON"):
        canonical.load(b'"\\' * 500_000)


# -- dates ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2026-12-10", 3, "2027-03-10"),
        ("2026-08-31", 6, "2027-02-28"),
        ("2026-03-15", -1, "2026-02-15"),
    ],
)
def test_a_later_month_without_that_day_ends_on_its_last(start, months, expected):
    assert add_months(dt.date.fromisoformat(start), months) == dt.date.fromisoformat(expected)


@pytest.mark.parametrize(
    ("start", "end", "complete", "started"),
    [
        ("2025-10-01", "2026-09-30", 11, 12),
        ("2025-10-01", "2026-10-01", 12, 12),
        ("2025-10-01", "2026-10-02", 12, 13),
        ("2026-01-31", "2026-02-28", 1, 1),
        ("2026-10-01", "2026-10-01", 0, 0),
        ("2026-10-02", "2026-10-01", -1, 0),
    ],
)
def test_months_gone_by_and_months_begun(start, end, complete, started):
    days = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
    assert (months_between(*days), months_between(*days, started=True)) == (complete, started)


@given(st.dates(dt.date(2000, 1, 1), dt.date(2050, 1, 1)), st.integers(0, 60))
def test_months_between_undoes_adding_months(start, months):
    end = add_months(start, months)
    assert months_between(start, end) == months or end.day < start.day


@pytest.mark.parametrize(
    ("calendar", "start", "end", "days"),
    [
        ("us_federal", "2026-10-20", "2026-10-21", 1),
        ("us_federal", "2026-10-20", "2026-10-22", 2),
        ("us_federal", "2026-11-25", "2026-11-27", 1),  # Thanksgiving between
        ("nyse", "2026-04-02", "2026-04-06", 1),  # Good Friday between
        ("us_federal", "2026-04-02", "2026-04-06", 2),  # which is no federal holiday
        ("uk", "2026-12-24", "2026-12-29", 1),  # Christmas, and Boxing Day observed on the Monday
        ("uk", "2026-12-29", "2026-12-24", -1),
    ],
)
def test_business_days_follow_the_calendar(calendar, start, end, days):
    assert SHIPPED.laws.catalogue.calendars[calendar].between(dt.date.fromisoformat(start), dt.date.fromisoformat(end)) == days


def test_beyond_its_horizon_a_calendar_says_nothing():
    for calendar in SHIPPED.laws.catalogue.calendars.values():
        assert calendar.between(calendar.horizon, calendar.horizon + dt.timedelta(days=1)) is None
        assert calendar.plus(calendar.horizon, 1) is None


def test_plain_has_one_spelling_for_one_number():
    assert {values.plain(Decimal(text)) for text in ("5", "5.0", "5.00", "005")} == {"5"}
    assert [values.plain(Decimal(text)) for text in ("100", "-0", "0.50", "1E+2")] == ["100", "0", "0.5", "100"]


@given(st.text('[]{}",:\\ a1', max_size=60))
def test_depth_is_counted_as_a_reader_sign_by_sign_counts_it(text):
    depth, deepest, in_string, escaped = 0, 0, False, False
    for sign in text:
        if in_string:
            escaped, in_string = sign == "\\" and not escaped, sign != '"' or escaped
        elif sign == '"':
            in_string = True
        else:
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(sign, 0)
            deepest = max(deepest, depth)
    try:
        canonical.load(text.encode())
        told = ""
    except MalformedError as error:
        told = str(error)
    assert ("levels deep" in told) == (deepest > canonical.MAX_DEPTH)
