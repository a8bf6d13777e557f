"""What would it be today? An answer given earlier beside the answer of today's law, and what makes them differ, cited.

Today's law date is today on the host's calendar, or the receipt's own law date where that is still to come: a trade that
lies ahead is judged by the law of its day as it is now known. What is compared is what a firm acts on: statuses, the plan,
who must do what by when; not reasons, review dates or how a provision was read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from . import canonical
from .cases import requirement_statuses
from .conditions import Condition
from .errors import ProposalError
from .placement import uses
from .proposal import as_json
from .publish import version_json
from .rulebook import Provision, Rulebook
from .schemas import COLUMN
from .sentences import changed_words
from .service import Service
from .values import parse_date

Body = Mapping[str, Any]
_SECTIONS = ("checks", "duties", "others", "recognised", "left_to_home", "satisfied", "only_if")
_ACTED_ON = ("do", "evidence", "deadline", "amount", "due", "stops", "party", "by", "if")
_UNSAID = ("provenance", "correction")  # a review changes nothing that anyone must do


def today(payload: Body, held: Service | None, current: Service, now: dt.datetime, reasons: bool = True) -> dict[str, Any]:
    """The answer today, and what makes it differ. `held` is the service over the receipt's own law, where that is held.

    Shapes: `rows` are the routes and requirements that stand otherwise; `provisions` the changes of law behind them;
    `facts` what the two laws make of the same proposal. Without `reasons` what is still to be asked is left out.
    """
    then = payload["decision"]
    stated, days = _stated(payload, current, now)
    try:
        proposal = current.schema.load(stated)
        proposal = current.under(proposal, proposal.options.scenario)
        answer = current.answer(proposal, now, reasons=False, missing=reasons).body
    except ProposalError as error:
        return _cannot_be_asked(then, days, error)
    rows = _rows(then, answer)
    before = held.laws.rulebook(then["host"], then["scenario"]) if held else None
    after = current.laws.rulebook(then["host"], then["scenario"])
    provisions = _behind(before, after, days, {row["id"] for row in rows}) if before and after and rows else []
    asked = {row["fact"] for row in then["missing"]}
    found = {
        "differs": bool(rows) or then["status"] != answer["status"] or _plan(then) != _plan(answer),
        "status": {"then": then["status"], "now": answer["status"]},
        "plan": {"then": _plan(then), "now": _plan(answer)},
        "law_date": {"then": days[0].isoformat(), "now": days[1].isoformat()},
        "rulebook": {"then": then["rulebook"], "now": answer["rulebook"]},
        "valid_until": answer["valid_until"],
        "rows": rows,
        "provisions": provisions,
        "facts": _facts(payload, held, proposal),
        "missing": [{"fact": row["fact"], "question": row["question"]} for row in answer["missing"] if row["fact"] not in asked],
        "problems": [],
    }
    return found | {"says": _sentence(found)}


def _stated(payload: Body, current: Service, now: dt.datetime) -> tuple[dict[str, Any], tuple[dt.date, dt.date]]:
    """The proposal to be asked today, and the law dates (then, now)."""
    proposal, host = payload["proposal"], payload["decision"]["host"]
    rulebook = current.laws.rulebook(host)
    here = now.astimezone(ZoneInfo(rulebook.head.timezone if rulebook else "UTC")).date()
    then = parse_date(payload["law_date"])
    day = max(then, here)
    kept = {name: value for name, value in proposal.items() if name not in COLUMN or name == "scenario"}
    return kept | {"as_of": day.isoformat()}, (then, day)


def _cannot_be_asked(then: Body, days: tuple[dt.date, dt.date], error: ProposalError) -> dict[str, Any]:
    problems = [found.as_json() for found in error.problems]
    first = error.problems[0]
    return {
        "differs": True,
        "status": {"then": then["status"], "now": None},
        "plan": {"then": _plan(then), "now": []},
        "law_date": {"then": days[0].isoformat(), "now": days[1].isoformat()},
        "rulebook": {"then": then["rulebook"], "now": None},
        "valid_until": None,
        "rows": [],
        "provisions": [],
        "facts": [],
        "missing": [],
        "problems": problems,
        "says": f"Today the question must be asked otherwise: {first.pointer or '/'}: {first.detail}.",
    }


# -- what stands otherwise --------------------------------------------------------------------------------------------------


def _plan(body: Body) -> list[str]:
    return sorted({row["route"] for row in body["plan"]})


def _rows(then: Body, now: Body) -> list[dict[str, Any]]:
    """Every route and requirement that stands otherwise, routes first."""
    before, after = _standing(then), _standing(now)
    rows = []
    for id_ in sorted(before.keys() | after.keys()):
        one, other = before.get(id_), after.get(id_)
        # What does not apply asks no more than what does not exist, and neither does a closed route.
        words = {row["status"] if row else "not_in_this_law" for row in (one, other)}
        if words <= {"not_in_this_law", "not_required", "closed"}:
            continue
        changed = [name for name in ("status", *_ACTED_ON) if (one or {}).get(name) != (other or {}).get(name)]
        if changed:
            rows.append(_row(id_, one, other, changed))
    return sorted(rows, key=lambda row: (row["kind"] != "route", "status" not in row["changed"], row["id"]))


def _row(id_: str, one: Body | None, other: Body | None, changed: list[str]) -> dict[str, Any]:
    last: Body = other or one or {}
    named: Body = last if last["title"] else (one or {})
    values = {name: {"then": (one or {}).get(name), "now": (other or {}).get(name)} for name in changed if name != "status"}
    return {
        "kind": last["kind"],
        "id": id_,
        "title": named.get("title"),
        "then": one["status"] if one else "not_in_this_law",
        "now": other["status"] if other else "not_in_this_law",
        "changed": changed,
        "values": values if one and other else {},
        "cite": named.get("cite"),
    }


def _standing(body: Body) -> dict[str, dict[str, Any]]:
    """Every route and requirement of an answer with its status and what is acted on."""
    found: dict[str, dict[str, Any]] = {}
    planned = {row["route"] for row in body["plan"]}
    for row in body["routes"]:
        word = "planned" if row["id"] in planned else "live" if row["live"] else "stopped" if row["stopped_by"] else row["status"]
        if row["id"] not in found or word in ("planned", "live"):  # a route that serves two activities is told by its better half
            found[row["id"]] = {"kind": "route", "status": word, "title": row["title"], "cite": row["cite"]}
    rows = {row["id"]: row for section in reversed(_SECTIONS) for row in body[section]}
    for id_, statuses in requirement_statuses(body).items():
        row = rows.get(id_, {})
        found[id_] = {"kind": "requirement", "status": statuses[0], "title": row.get("title"), "cite": row.get("cite")}
        found[id_] |= {name: row[name] for name in _ACTED_ON if name in row}
    return found


# -- the changes of law behind it ----------------------------------------------------------------------------------------------


def _behind(before: Rulebook, after: Rulebook, days: tuple[dt.date, dt.date], ids: set[str]) -> list[dict[str, Any]]:
    """The provisions that changed and bear on these ids: their own, and the definitions and recognitions they rest on."""
    changes = _changes(_Held(before), _Held(after), *days)
    bearing = ids | {name for book in (before, after) for name in _rests_on(book, ids)}
    found = [dict(change) for change in changes if change["id"] in bearing]
    # A change may work through the plan or a derived fact; then every one of them is named rather than none.
    found = found or [dict(change) for change in changes]
    return sorted(found, key=lambda change: (change["id"] not in ids, change["kind"], change["id"]))


class _Held:
    """A rulebook as the key of a memory: two of the same digest are the same law."""

    def __init__(self, rulebook: Rulebook):
        self.rulebook = rulebook

    @cached_property
    def by_id(self) -> dict[str, Provision]:
        return {provision.id: provision for provision in self.rulebook.provisions()}

    def __hash__(self) -> int:
        return hash(self.rulebook.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and self.rulebook.digest == other.rulebook.digest


@lru_cache(maxsize=64)  # a book of receipts asks the same few questions thousands of times
def _changes(before: _Held, after: _Held, then: dt.date, now: dt.date) -> tuple[Mapping[str, Any], ...]:
    """Every provision that stands otherwise: amended since, or of another version because its date has come."""
    old, new, same = before.by_id, after.by_id, before == after
    found = []
    for id_ in sorted(old.keys() | new.keys()):
        was, as_was_written = _said(before, id_, then), _said(before, id_, now)
        is_ = as_was_written if same else _said(after, id_, now)
        if was != is_:
            amended = as_was_written != is_
            found.append(_change(id_, old.get(id_), new.get(id_), (then, now), amended))
    return tuple(found)


def _change(id_: str, old: Provision | None, new: Provision | None, days: tuple[dt.date, dt.date], amended: bool) -> dict[str, Any]:
    was, is_ = old.at(days[0]) if old else None, new.at(days[1]) if new else None
    shown = is_ or was
    how = "begins" if was is None else "ends" if is_ is None else "changes"
    return {
        "id": id_,
        "kind": (new or old).kind.removesuffix("s"),
        "cause": "amendment" if amended else "date",
        "how": how,
        "from": shown.begins.isoformat() if is_ else None,
        "title": shown.title or shown.says,
        "standing": shown.standing,
        "cite": {"text": shown.cite.text, "url": shown.cite.url},
    }


def _said(held: _Held, id_: str, day: dt.date) -> bytes | None:
    provision = held.by_id.get(id_)
    version = provision.at(day) if provision else None
    return None if version is None else _written(held, id_, version.begins)


@lru_cache(maxsize=4096)
def _written(held: _Held, id_: str, begins: dt.date) -> bytes:
    """All that a version says but for how it was read."""
    version = held.by_id[id_].at(begins)
    return canonical.dump({name: value for name, value in version_json(version).items() if name not in _UNSAID})


@lru_cache(maxsize=1024)
def _reads(rulebook: _Held, id_: str) -> frozenset[str]:
    """Every definition that a provision rests on, in any version, also through other definitions."""
    provision = rulebook.by_id.get(id_)
    conditions = [value for version in provision.versions for value in _conditions(version)] if provision else []
    return frozenset(name for condition in conditions for name in uses(rulebook.rulebook.definitions, condition))


def _conditions(version: Any) -> Iterator[Condition]:
    for name in type(version).__dataclass_fields__:
        value = getattr(version, name)
        if isinstance(value, Condition):
            yield value


def _rests_on(rulebook: Rulebook, ids: set[str]) -> set[str]:
    """The definitions that these provisions read, and the recognitions of them with the definitions those read."""
    of_them = {found.id for found in rulebook.recognitions.values() if any(not ids.isdisjoint(version.requirements) for version in found.versions)}
    return of_them | {name for id_ in ids | of_them for name in _reads(_Held(rulebook), id_)}


def _facts(payload: Body, held: Service | None, proposal: Any) -> list[dict[str, Any]]:
    """Facts that the two laws make otherwise of the same proposal: derived by another rule or calendar, or ruled out."""
    now = proposal.situation.catalogue
    if held is None or (held.laws.catalogue.text, held.laws.catalogue.calendars) == (now.text, now.calendars):
        return []
    try:
        before = held.schema.load(payload["proposal"]).situation.known
    except ProposalError:
        return []
    after = proposal.situation.known
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [
        {
            "fact": name,
            "then": _plain(before.get(name)),
            "now": _plain(after.get(name)),
            "text": changed_words(now if name in now.facts else held.laws.catalogue, name, before.get(name), after.get(name)),
        }
        for name in names
    ]


def _plain(value: Any) -> Any:
    return None if value is None else as_json(value)


# -- in words -----------------------------------------------------------------------------------------------------------------


def _sentence(found: Body) -> str:
    then, now = (str(found["status"][side]).replace("_", " ") for side in ("then", "now"))
    if not found["differs"]:
        return f"The answer is the same today: {now}."
    what = f"Today it is {now} and not {then}" if then != now else f"It is still {now}, with {_count(found['rows'])} otherwise"
    causes = [_cause(change) for change in found["provisions"][:3]]
    more = len(found["provisions"]) - len(causes)
    why = "; ".join(causes) + (f"; and {more} more changes" if more > 0 else "")
    lines = "; ".join(f"{row['id']} was {row['then'].replace('_', ' ')}, is {row['now'].replace('_', ' ')}" for row in found["rows"][:3])
    return f"{what}. {('Because ' + why) if why else lines}.".replace("..", ".")


def _count(rows: list[Any]) -> str:
    return "one line" if len(rows) == 1 else f"{len(rows)} lines"


def _cause(change: Body) -> str:
    verb = {"begins": "was added", "ends": "was repealed", "changes": "was amended"} if change["cause"] == "amendment" else {
        "begins": "has begun", "ends": "has ended", "changes": "has another version in force"
    }  # fmt: skip
    since = f" from {change['from']}" if change["from"] else ""
    return f"{change['id']} ({change['cite']['text']}) {verb[change['how']]}{since}"
