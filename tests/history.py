"""`make history` records the law as it stands, so that a later change of what stood already is seen.

History never changes but under `correction:`; an amendment only adds versions. `tests/history.json` holds a digest of every
version recorded; recording again adds the new ones and those corrected.

What a deadline or an amount has to say now although it always meant it is left out of the digest: that nothing moves or is
rounded, the calendar of the host's head, and the remark told with it. So saying it changes no history, and changing it does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from passport_service import canonical
from passport_service.publish import version_json

from .shipped import SHIPPED

PATH = Path(__file__).with_name("history.json")


def versions() -> dict[str, tuple[str, str | None]]:
    """ "id from" -> (digest of the version, why it was corrected)."""
    found = {}
    for rulebook in SHIPPED.laws.rulebooks.values():
        for provision in rulebook.provisions():
            for version in provision.versions:
                # How it was read, and the few words of its way, are no law.
                said = {name: value for name, value in version_json(version).items() if name not in ("correction", "provenance", "headline")}
                for terms in (*said.get("deadlines", ()), *said.get("amounts", ())):
                    _leave_out_what_goes_without_saying(terms, rulebook.head.calendar)
                found[f"{provision.id} {version.begins}"] = (canonical.digest(said)[7:23], version.correction)
    return found


def _leave_out_what_goes_without_saying(terms: dict[str, Any], calendar: str) -> None:
    terms.pop("says", None)
    for name, usual in (("roll", "none"), ("round", "none"), ("calendar", calendar)):
        if terms.get(name) == usual:
            del terms[name]


def recorded() -> dict[str, str]:
    return json.loads(PATH.read_text()) if PATH.exists() else {}


if __name__ == "__main__":
    now = {name: digest for name, (digest, _) in versions().items()}
    PATH.write_text(json.dumps(dict(sorted({**recorded(), **now}.items())), indent=0) + "\n")
    print(f"{len(now)} versions recorded in {PATH.name}")
