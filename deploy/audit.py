"""`make audit`: what the image installs, as a bill of materials, and which of it has known faults.

`python deploy/audit.py BIN` writes build/sbom.json (CycloneDX) from requirements.lock, which needs no network, and asks the Python
package index about each locked package, which does. Exit codes: 0 no known fault, 1 known faults or a tool that failed, 0 with a
line that says so when nobody could be asked (1 with AUDIT_OFFLINE=fail, for a pipeline that must not pass unasked).
"""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path

LOCK, BUILD = Path("requirements.lock"), Path("build")
AWAY = ("ConnectionError", "ConnectTimeout", "Max retries exceeded", "Connection refused", "Name or service not known", "Temporary failure in name",
        "Failed to resolve", "ProxyError", "SSLError", "ReadTimeout", "Could not connect", "403 Client Error")  # fmt: skip


def sbom(tools: Path) -> int:
    """Writes the components of the lock, with their hashes, as parts of this service; the number of them."""
    target = BUILD / "sbom.json"
    command = [tools / "cyclonedx-py", "requirements", LOCK, "--output-reproducible", "--of", "JSON", "-o", target]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    found, us = json.loads(target.read_text()), configparser.ConfigParser(interpolation=None)
    us.read("setup.cfg")
    name, version = us["metadata"]["name"], us["metadata"]["version"]
    found["metadata"]["component"] = {"type": "application", "bom-ref": name, "name": name, "version": version}
    target.write_text(json.dumps(found, indent=1) + "\n")
    return len(found["components"])


def faults(tools: Path) -> list[str] | None:
    """What is known of the locked versions, a line each; None when nobody could be asked. Raises: SystemExit with what the tool said."""
    target = BUILD / "audit.json"
    target.unlink(missing_ok=True)
    command = [tools / "pip-audit", "--requirement", LOCK, "--require-hashes", "--disable-pip", "--format", "json", "--output", target]
    done = subprocess.run([*command, "--progress-spinner", "off", "--timeout", "10"], stderr=subprocess.PIPE, text=True)
    if not target.exists():
        if any(word in done.stderr for word in AWAY):
            return None
        raise SystemExit(f"audit: pip-audit failed:\n{done.stderr}")
    found = json.loads(target.read_text())["dependencies"]
    skipped = [row["name"] for row in found if "skip_reason" in row]
    if len(skipped) == len(found):
        return None  # an index that holds packages and knows nothing of faults: a mirror
    if skipped:
        raise SystemExit(f"audit: not looked up: {', '.join(skipped)}")
    return [f"{row['name']} {row['version']}: {fault['id']}, mended in {', '.join(fault['fix_versions']) or 'no version yet'}"
            for row in found for fault in row["vulns"]]  # fmt: skip


def main() -> int:
    tools = Path(sys.argv[1])
    BUILD.mkdir(exist_ok=True)
    print(f"audit: {BUILD / 'sbom.json'} lists {sbom(tools)} components of {LOCK}")
    found = faults(tools)
    if found is None:
        print("audit: NOT LOOKED UP: no source of known faults can be reached from here; nothing is said about them")
        return 1 if os.environ.get("AUDIT_OFFLINE") == "fail" else 0
    print("\n".join(f"audit: {line}" for line in found) or "audit: no known fault in any locked package")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
