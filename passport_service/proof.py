"""A law is served once its worked cases have passed; that they have, for this law under this code, is remembered.

The proof is an empty file whose name is a digest of every rulebook, every case, the code and the Python that ran them. Whoever
can write it can change the code as well, so it needs no seal.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress

from .service import Service
from .settings import code_digest, proofs_directory


def prove(service: Service, again: bool = False) -> bool:
    """Runs the worked cases, unless (and not `again`) they are known to pass; whether they ran. Raises: LawError."""
    about = f"{service.cases_digest()} {code_digest()} {sys.version}"
    directory = proofs_directory()
    proof = directory / hashlib.sha256(about.encode()).hexdigest() if directory else None
    # Where nothing can be read or written, the cases run every time: slower, and just as right.
    with suppress(OSError):
        if proof and proof.exists() and not again:
            return False
    service.check_cases()
    with suppress(OSError):
        if proof:
            proof.parent.mkdir(parents=True, exist_ok=True)
            proof.touch()
    return True
