"""A client of the service over HTTP: asks, streams batches, compares, has receipts issued and verified.

It stands on the standard library alone, so that a firm that only asks installs nothing but this package, and importing it
loads neither the law nor the web framework. Everything the service does is a pure function of what it is sent, so every call
may be repeated: a refusal for now (429, 502, 503, 504) or a lost connection is tried again, after as long as the service says,
or else after a random time that doubles.
"""

from __future__ import annotations

import datetime as dt
import http.client
import ipaddress
import json
import random
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlsplit

from . import __version__
from .errors import PassportError, Problem

T = TypeVar("T")
Status = Literal["not_covered", "blocked", "undetermined", "checks_required", "clear"]
Detail = Literal["full", "summary"]
Body = Mapping[str, Any]

TOGETHER = 64  # lines of a batch that go out in one request: the service itself answers so many at a time
_AGAIN = frozenset({429, 502, 503, 504})
_LOST = (OSError, http.client.HTTPException)  # the connection failed, timed out, or broke off within an answer
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 8.0  # seconds
_JSON, _NDJSON, _JOSE = "application/json", "application/x-ndjson", "application/jose+json"


class ClientError(PassportError):
    """The root of what a caller of this client may catch."""


class UnreachableError(ClientError):
    """No answer came, however often it was tried."""


class UnreadableError(ClientError):
    """An answer came that is none of the service's: a proxy's page, perhaps, or the wrong address."""


class RefusedError(ClientError):
    """The service refused: a problem by RFC 9457. `name` is the last part of its type, such as `invalid-proposal`."""

    def __init__(self, status: int, body: Body, line: int | None = None):
        self.status, self.body, self.line = status, body, line
        self.name = str(body.get("type", "")).rpartition("/")[2]
        self.title, self.detail = str(body.get("title", "")), str(body.get("detail", ""))
        self.request_id: str | None = body.get("request_id")
        self.problems = tuple(
            Problem(row["pointer"], row["detail"], tuple(row.get("allowed", ())), row.get("did_you_mean")) for row in body.get("errors", ())
        )
        told = "; ".join(f"{problem.pointer or '/'}: {problem.detail}" for problem in self.problems) or self.detail
        super().__init__(f"{status} {self.title}: {told}" + (f" (request {self.request_id})" if self.request_id else ""))


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision. `body` is the whole of it as the contract describes it; what a flow turns on has a name of its own."""

    body: Body

    def __bool__(self) -> bool:
        # `if decision:` would take a refusal for a yes.
        raise TypeError("a decision is neither true nor false; compare its status")

    @property
    def id(self) -> str:
        return self.body["id"]

    @property
    def status(self) -> Status:
        return self.body["status"]

    @property
    def summary(self) -> str:
        return self.body["summary"]

    @property
    def checks(self) -> list[Body]:
        """What must be done before the trade, in the order in which it falls due."""
        return self.body["checks"]

    @property
    def missing(self) -> list[Body]:
        """The facts to ask for next, the one that settles most first."""
        return self.body["missing"]

    @property
    def routes(self) -> list[str]:
        """The ids of the routes planned, one for each leg and activity."""
        return [row["route"] for row in self.body["plan"]]

    @property
    def valid_until(self) -> dt.date | None:
        """The first later day on which something that the answer read begins, ends or is due for review."""
        day = self.body["valid_until"]
        return dt.date.fromisoformat(day) if day else None

    def lapsed(self, today: dt.date) -> bool:
        """Whether it is time to ask again."""
        return self.valid_until is not None and today >= self.valid_until


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of a receipt, step by step. Shapes: `body` as POST /v1/receipts/verify gives it."""

    body: Body

    def __bool__(self) -> bool:
        raise TypeError("a verification is neither true nor false; ask whether it is authentic or verified")

    @property
    def authentic(self) -> bool:
        """The issuer said this, then."""
        return self.body["authentic"] is True

    @property
    def verified(self) -> bool:
        """Authentic, and the law of its bundle gives the same bytes."""
        return self.body["verified"] is True

    @property
    def stopped_at(self) -> Body | None:
        """The first step that did not pass: its `name`, `status` (failed or cannot) and what it `says`."""
        return next((step for step in self.body["steps"] if step["status"] != "passed"), None)


def with_facts(proposal: Body, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The proposal with more facts, each named by its path as `missing` names it. The proposal given stays as it is.

    >>> with_facts({"host": "US", "client": {"kind": "bank"}}, {"client.location": "US", "staff.in_host": "none"})
    {'host': 'US', 'client': {'kind': 'bank', 'location': 'US'}, 'staff': {'in_host': 'none'}}
    """
    found = dict(proposal)
    for name, value in facts.items():
        group, _, member = name.partition(".")
        found[group] = {**found.get(group, {}), member: value}
    return found


class Client:
    """One service. It may be shared by threads; each call in progress has a connection of its own, kept for the next.

    Units: `timeout` seconds for each wait on the network; `patience` seconds of waiting between tries in one call, in all.
    Raises: ValueError for an address that is none, or where `key` would travel unencrypted; from every call RefusedError,
    UnreachableError or UnreadableError.
    """

    def __init__(
        self,
        address: str,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float = 60.0,
        tries: int = 6,
        tls: ssl.SSLContext | None = None,
        key_in_clear: bool = False,
    ):
        found = urlsplit(address)
        if found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment or found.username:
            raise ValueError(f"{address!r} is no address such as https://passport.example")
        if key and found.scheme == "http" and not key_in_clear and not _is_loopback(found.hostname):
            raise ValueError("the key would travel unencrypted: use https, or say key_in_clear=True where something else protects it")
        self._host, self._port, self._path = found.hostname, found.port, found.path.rstrip("/")
        self._tls = (tls or ssl.create_default_context()) if found.scheme == "https" else None
        self._headers = {"User-Agent": f"passport-client/{__version__}"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._timeout, self._patience, self._tries = timeout, patience, tries
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._closed = threading.Event()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes idle connections, and ends the waiting of calls in progress."""
        self._closed.set()
        while self._idle:
            self._idle.pop().close()

    # -- what may be asked ------------------------------------------------------------------------------------------------

    def decide(self, proposal: Body, detail: Detail = "full") -> Decision:
        """The answer to one proposal."""
        return Decision(self._json("POST", f"/v1/decisions?detail={detail}", _dump(proposal)))

    def decision(self, id_: str, detail: Detail = "full") -> Decision:
        """An answer by its id, while the service keeps it; RefusedError 404 when it no longer does."""
        return Decision(self._json("GET", f"/v1/decisions/{quote(id_, safe='')}?detail={detail}"))

    def decide_all(self, proposals: Iterable[Body], detail: Detail = "full", together: int = TOGETHER) -> Iterator[Decision | RefusedError]:
        """An answer for each proposal, in order, as they come; a refusal of one stands in its place and the rest go on.

        Reads `together` proposals at a time, so neither they nor the answers need fit in memory. A connection that breaks is
        taken up again behind the last whole answer. Each refusal's `line` counts the proposals from 1.
        """
        rest, answered = iter(proposals), 0
        while lines := [_dump(proposal) + b"\n" for proposal in islice(rest, together)]:
            for row in self._lines(f"/v1/decisions/batch?detail={detail}", lines):
                answered += 1
                refused = "status" in row and isinstance(row["status"], int)
                yield RefusedError(row["status"], row, answered) if refused else Decision(row)

    def compare(self, proposal: Body, columns: Iterable[Body] = ()) -> Body:
        """One proposal under several laws, differences first. Shapes: each column names `as_of`, `scenario` or `rulebook`."""
        return self._json("POST", "/v1/comparisons", _dump({"proposal": proposal, "columns": [*columns]}))

    def issue(self, proposal: Body) -> bytes:
        """A receipt: the answer, signed. Keep the bytes exactly as they come."""
        return self._ask(_whole, "POST", "/v1/receipts", _dump(proposal), accept=_JOSE)

    def verify(self, receipt: bytes) -> Verification:
        """Whether a receipt holds, and what the answer would be today. A receipt that does not hold is no error."""
        kind = _JOSE if receipt[:1] == b"{" else "application/jose"
        return Verification(self._json("POST", "/v1/receipts/verify", receipt, kind))

    def get(self, path: str) -> Body:
        """Any other resource that is read: `/v1/facts`, `/v1/rulebooks/US`, `/v1/requirements/US-BD-12`, `/.well-known/jwks.json`."""
        return self._json("GET", path)

    # -- how it is asked --------------------------------------------------------------------------------------------------

    def _json(self, method: str, path: str, body: bytes | None = None, kind: str = _JSON) -> Any:
        return self._ask(lambda response: _read(_whole(response)), method, path, body, kind, accept="application/json, */*;q=0.1")

    def _ask(
        self, read: Callable[[http.client.HTTPResponse], T], method: str, path: str, body: bytes | None = None, kind: str = _JSON, accept: str = _JSON
    ) -> T:
        waits = _Waits(self._tries, self._patience, self._closed)
        while True:
            try:
                connection, response = self._send(method, path, body, kind, accept)
                try:
                    found = read(response)
                except BaseException:
                    connection.close()
                    raise
                self._keep(connection, response)
                return found
            except _LOST as error:
                waits.wait(UnreachableError(f"no answer from {self._host}: {error or type(error).__name__}"))
            except _LaterError as later:
                waits.wait(later.refused, later.after)

    def _lines(self, path: str, lines: list[bytes]) -> Iterator[Any]:
        """The row for each line. What was answered is not sent again."""
        waits = _Waits(self._tries, self._patience, self._closed)
        while lines:
            try:
                connection, response = self._send("POST", path, b"".join(lines), _NDJSON, _NDJSON)
                try:
                    for _ in range(len(lines)):
                        row = response.readline()
                        if not row.endswith(b"\n"):
                            raise http.client.IncompleteRead(row)
                        found = _read(row)
                        del lines[0]
                        waits = _Waits(self._tries, self._patience, self._closed)
                        yield found
                    response.read()
                except BaseException:  # a caller who wants no more answers too
                    connection.close()
                    raise
                self._keep(connection, response)
            except _LOST as error:
                waits.wait(UnreachableError(f"no answer from {self._host}: {error or type(error).__name__}"))
            except _LaterError as later:
                waits.wait(later.refused, later.after)

    def _send(
        self, method: str, path: str, body: bytes | None, kind: str, accept: str
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """The beginning of a good answer. Raises: RefusedError, _LaterError, or one of _LOST."""
        headers = self._headers | {"Accept": accept} | ({"Content-Type": kind} if body is not None else {})
        while True:
            connection, used = self._connection()
            try:
                connection.request(method, self._path + path, body, headers)
                response = connection.getresponse()
                if response.status == 200:
                    return connection, response
                refused, after = _refusal(response), _after(response)
            except (ConnectionError, http.client.BadStatusLine):
                connection.close()
                if used:  # the service closes connections that were idle for long; that is no failure
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            self._keep(connection, response)
            raise _LaterError(refused, after) if refused.status in _AGAIN else refused

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was used before."""
        try:
            return self._idle.pop(), True
        except IndexError:
            pass
        if self._tls is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls), False
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout), False

    def _keep(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if response.will_close or not response.isclosed() or self._closed.is_set():
            connection.close()
        else:
            self._idle.append(connection)


class _LaterError(Exception):
    """The service refuses for now. Units: `after` seconds, where it says so."""

    def __init__(self, refused: RefusedError, after: float | None):
        self.refused, self.after = refused, after


class _Waits:
    """How often and how long one call may wait. Units: seconds."""

    def __init__(self, tries: int, patience: float, closed: threading.Event):
        self._left, self._patience, self._next, self._closed = tries - 1, patience, _FIRST_WAIT, closed

    def wait(self, error: ClientError, after: float | None = None) -> None:
        """Waits before the next try. Raises: the error, when there is none left or it would come too late."""
        # Random, so that callers who were refused together do not come back together.
        seconds = random.uniform(self._next / 2, self._next) + (after or 0.0)
        if self._left <= 0 or seconds > self._patience or self._closed.is_set():
            raise error from None
        self._left, self._patience, self._next = self._left - 1, self._patience - seconds, min(self._next * 2, _LONGEST_WAIT)
        if self._closed.wait(seconds):
            raise error from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _whole(response: http.client.HTTPResponse) -> bytes:
    return response.read()


def _read(content: bytes) -> Any:
    try:
        found = json.loads(content)
    except ValueError:
        raise UnreadableError("the answer is not JSON; is this the address of the service?") from None
    if not isinstance(found, dict):
        raise UnreadableError("the answer is JSON, but no object; is this the address of the service?")
    return found


def _refusal(response: http.client.HTTPResponse) -> RefusedError:
    content = response.read()
    try:
        body = json.loads(content)
        return RefusedError(response.status, body)
    except (ValueError, TypeError, AttributeError, KeyError):  # what stands between us and the service speaks otherwise
        return RefusedError(response.status, {"title": response.reason, "detail": "The refusal is none of the service's own."})


def _after(response: http.client.HTTPResponse) -> float | None:
    """Seconds to wait by Retry-After, a number or a date; a date is compared with the sender's own clock."""
    stated = response.headers.get("Retry-After", "").strip()
    if stated.isascii() and stated.isdigit():
        return float(stated)
    try:
        return max(0.0, (parsedate_to_datetime(stated) - parsedate_to_datetime(response.headers["Date"])).total_seconds())
    except (TypeError, ValueError):
        return None
