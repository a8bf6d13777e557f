"""Where the law we ship stands: apart from `shipped`, so that naming it does not load it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = Path(os.environ.get("PASSPORT_CONFIG") or ROOT / "config")
