"""`make history` records the law as it stands, so that a later change of what stood already is seen.

History never changes but under `correction:`; an amendment only adds versions. `tests/history.json` holds a digest of every
version recorded; recording again adds the new ones and those corrected.
"""

from __future__ import annotations

import json
from pathlib import Path

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
                found[f"{provision.id} {version.begins}"] = (canonical.digest(said)[7:23], version.correction)
    return found


def recorded() -> dict[str, str]:
    return json.loads(PATH.read_text()) if PATH.exists() else {}


if __name__ == "__main__":
    now = {name: digest for name, (digest, _) in versions().items()}
    PATH.write_text(json.dumps(dict(sorted({**recorded(), **now}.items())), indent=0) + "\n")
    print(f"{len(now)} versions recorded in {PATH.name}")
