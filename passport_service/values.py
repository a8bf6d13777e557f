"""The values a fact can take: reading them from text and checking identifiers. Knows no fact by name."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

import stdnum.cusip
import stdnum.figi
import stdnum.isin
import stdnum.lei

Money = Mapping[str, Decimal]  # one amount for each currency that the caller stated; nothing is converted
EXACT = Context(prec=100)  # amounts have at most 26 digits: products and sums of them fit, and where a quotient does not, the rest decides nothing

COUNTRIES = frozenset(
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO "
    "FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE "
    "JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO "
    "MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW "
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM "
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW".split()
)
# ISO 6166:2021, 4.1: the prefix is a code of ISO 3166, a reserved one among them; XS, EZ or ZZ; or what the registration authority
# (ANNA) has determined. Of the reserved codes only those stand here under which securities were numbered: a country's securities keep
# their numbers when the country goes (AN8068571086). UK is reserved too, and no agency numbers under it: it is a slip for GB.
ISIN_PREFIXES = COUNTRIES | {
    *("EU", "AN", "CS", "SU", "YU", "ZR"),  # the European Union, and countries that were
    *("XS", "EZ", "ZZ"),  # international issues, derivatives over the counter, other referential instruments
    *("XA", "XB", "XC", "XD", "XF"),  # agencies that number where a country has none, and numbers of one bank alone
    "XK",  # Kosovo
    "XT",  # digital tokens
    *("QS", "QT", "QW"),  # numbers for the meantime: in France, in Switzerland, in Germany
}
CURRENCIES = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
    "RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX "
    "USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG".split()
)
_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,8})?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
AUTHORITY_NAME = re.compile(r"[A-Za-z0-9À-ɏ][A-Za-z0-9À-ɏ .,:;&'’()/_-]{0,99}")  # a code, or a name as people write it
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}", re.ASCII)


def parse_decimal(text: str) -> Decimal:
    """A plain decimal of at most 18 digits before and 8 after the point. Raises: ValueError."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError('not a plain decimal number such as "2.5"')
    return Decimal(text)


def parse_integer(text: str) -> int:
    """A whole number. Raises: ValueError."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def parse_date(text: str) -> dt.date:
    """A calendar day as YYYY-MM-DD. Raises: ValueError."""
    if not _DATE.fullmatch(text):
        raise ValueError("not a date as YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError("not a day of the calendar") from None


def parse_money(text: str) -> tuple[Decimal, str]:
    """An amount as the law writes it, "250000 USD". Raises: ValueError."""
    amount, _, currency = text.partition(" ")
    if currency not in CURRENCIES:
        raise ValueError('not an amount with its currency, such as "250000 USD"')
    return parse_decimal(amount), currency


def parse_country(text: str) -> str:
    """An ISO 3166-1 alpha-2 code. Raises: ValueError."""
    if text not in COUNTRIES:
        raise ValueError("not a country code of ISO 3166-1 alpha-2 such as GB or US")
    return text


def parse_code(text: str) -> str:
    """An open code such as an authority's name. Raises: ValueError."""
    if not _CODE.fullmatch(text):
        raise ValueError("not a short code of letters, digits and _ . : -")
    return text


def plain(number: Decimal) -> str:
    """A decimal without exponent or needless zeros: one spelling for one number.

    >>> plain(Decimal("3000000.00")), plain(Decimal("0.50"))
    ('3000000', '0.5')
    """
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of identifier: its form as a regular expression, and what is wrong beyond the form, in words. Calling it gives the text as it is.

    One instrument has one spelling: nothing is stripped, and lower case is another form. Raises: ValueError.
    """

    form: str
    name: str
    fault: Callable[[str], str] = lambda text: ""

    def __call__(self, text: str) -> str:
        if not re.fullmatch(self.form, text, re.ASCII):
            tidy = text.replace(" ", "").upper() if len(text) < 40 else text
            hint = f"; write it as {tidy}" if tidy != text and re.fullmatch(self.form, tidy, re.ASCII) else ""
            raise ValueError(f"not {self.name}{hint}")
        fault = self.fault(text)
        if fault:
            raise ValueError(f"not {self.name}: {fault}")
        return text


_WRONG_DIGIT = "its check digit is wrong"
# Zeros all through satisfy most check digits and name nothing: they are what systems write for "none".
_ZEROS = "nothing but zeros names nothing"


@lru_cache(4096)  # the same instruments and firms come again
def _lei_fault(text: str) -> str:
    # Check digits of ISO 7064 MOD 97-10 run from 02 to 98: 00, 01 and 99 are congruent to three of these, and never issued.
    if not "02" <= text[18:] <= "98" or not stdnum.lei.is_valid(text):
        return "its check digits are wrong"
    return "" if text[:18].strip("0") else _ZEROS


@lru_cache(4096)
def _isin_fault(text: str) -> str:
    if text[:2] not in ISIN_PREFIXES:
        return f"{text[:2]} is neither a country nor another prefix of ISO 6166"
    if stdnum.isin.calc_check_digit(text[:-1]) != text[-1]:
        return _WRONG_DIGIT
    return "" if text[2:11].strip("0") else _ZEROS


@lru_cache(4096)
def _cusip_fault(text: str) -> str:
    if not stdnum.cusip.is_valid(text):
        return _WRONG_DIGIT
    return "" if text.strip("0") else _ZEROS


@lru_cache(4096)
def _figi_fault(text: str) -> str:
    if text[:2] in ("BS", "BM", "GG", "GB", "GH", "KY", "VG"):
        return "it begins as an ISIN does"
    if not stdnum.figi.is_valid(text):
        return _WRONG_DIGIT
    return "" if text[3:11].strip("0") else _ZEROS


# Law: none; ISO 17442, 6166, 10383, 24165, the FIGI standard of the Object Management Group, and the registers' own forms.
# A failing DTI check character is a notice, not an error.
IDENTIFIERS: Mapping[str, Scheme] = {
    "lei": Scheme(r"[0-9A-Z]{18}[0-9]{2}", "a legal entity identifier of 20 characters (ISO 17442)", _lei_fault),
    "isin": Scheme(r"[A-Z]{2}[0-9A-Z]{9}[0-9]", "an ISIN of 12 characters (ISO 6166)", _isin_fault),
    "cusip": Scheme(r"[0-9A-Z*@#]{8}[0-9]", "a CUSIP of 9 characters", _cusip_fault),
    "figi": Scheme(r"[B-DF-HJ-NP-TV-Z]{2}G[0-9B-DF-HJ-NP-TV-Z]{8}[0-9]", "a FIGI of 12 characters", _figi_fault),
    "mic": Scheme(r"[A-Z0-9]{4}", "a market identifier code of 4 characters (ISO 10383)"),
    "dti": Scheme(r"[1-9B-DF-HJ-NP-TV-XZ][0-9B-DF-HJ-NP-TV-XZ]{8}", "a digital token identifier of 9 characters (ISO 24165)"),
    "frn": Scheme(r"[1-9][0-9]{5,6}", "an FCA firm reference number of 6 or 7 digits"),
    "crd": Scheme(r"[1-9][0-9]{0,9}", "a CRD number of up to 10 digits, without prefix"),
    "sec_file": Scheme(
        r"[0-9]{1,3}-[0-9]{1,6}", "an SEC file number such as 8-12345", lambda text: "" if text.partition("-")[2].strip("0") else _ZEROS
    ),
}
_DTI_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"


def dti_check_fails(text: str) -> bool:
    """Whether the last character of a digital token identifier is not its check character (ISO 7064 MOD 31,30).

    Bitcoin's genuine identifier fails its own check, so this can only ever be a notice.

    >>> dti_check_fails("X9J9K872S"), dti_check_fails("4H95J0R2X")
    (False, True)
    """
    product = 30
    for sign in text[:-1]:
        product = ((product + _DTI_ALPHABET.index(sign)) % 30 or 30) * 2 % 31
    return _DTI_ALPHABET[(31 - product) % 30] != text[-1]
