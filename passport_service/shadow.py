"""Another rulebook beside the one that answers: put to the same questions, compared, and never told to a caller.

So that an operator sees what a new rulebook would change, on real questions, before it answers any.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from .errors import PassportError
from .proposal import Proposal
from .service import Service

log = logging.getLogger("passport.shadow")
WAITING = 100  # questions that may wait; beyond it they are passed over


class Shadow:
    """Compares in a thread of its own. Shapes: `count` is told same, different, failed or passed_over."""

    def __init__(self, service: Service, count: Callable[[str], None]):
        self.service, self.count = service, count
        self._pid: int | None = None
        self._lock = threading.Lock()

    def compare(self, proposal: Proposal, body: Mapping[str, Any], now: dt.datetime) -> None:
        """Some time soon, if there is room."""
        with self._lock:
            if self._pid != os.getpid():  # threads do not survive a fork
                self._queue: queue.Queue[tuple[Proposal, Mapping[str, Any], dt.datetime]] = queue.Queue(WAITING)
                threading.Thread(target=self._work, name="passport-shadow", daemon=True).start()
                self._pid = os.getpid()
        try:
            self._queue.put_nowait((proposal, body, now))
        except queue.Full:
            self.count("passed_over")

    def _work(self) -> None:
        while True:
            self.count(self._compared(*self._queue.get()))

    def _compared(self, proposal: Proposal, body: Mapping[str, Any], now: dt.datetime) -> str:
        try:
            other = self.service.answer(self.service.under(proposal, proposal.options.scenario), now, reasons=False, missing=False).body
        except PassportError:
            return "failed"
        except Exception as error:
            log.exception("the shadow rulebook failed", exc_info=error)
            return "failed"
        mine, theirs = outline(body), outline(other)
        if mine == theirs:
            return "same"
        changed = sorted(id_ for id_ in mine.keys() | theirs.keys() if mine.get(id_) != theirs.get(id_))
        log.info("decision %s would be %s instead of %s; changed: %s", body["id"], other["status"], body["status"], ", ".join(changed[:20]))
        return "different"


def outline(body: Mapping[str, Any]) -> dict[str, str]:
    """What two answers are compared by: the status, the plan, and how each requirement stands."""
    found = {"status": body["status"]} | {row["route"]: "planned" for row in body["plan"]}
    for section in ("checks", "duties", "others"):
        found |= {row["id"]: row["status"] for row in body[section]}
    for section in ("recognised", "left_to_home", "satisfied"):
        found |= {row["id"]: section for row in body[section]}
    return found
