"""Packs a directory of law into one file for a Kubernetes ConfigMap: `python deploy/law_archive.py config law.tar.xz`.

The same law gives the same bytes, so a ConfigMap named by their digest is the law's name as well. Refuses what a ConfigMap cannot hold.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import sys
import tarfile
from pathlib import Path

LIMIT = 1024 * 1024  # bytes of data in one ConfigMap (kubernetes.io/docs/concepts/configuration/configmap)
LAW = ("facts.yaml", "authorities.yaml", "calendars", "rulebooks", "scenarios")


def pack(directory: Path) -> bytes:
    """The YAML of the law as a tar file, compressed. Raises: OSError when a part of it is not there."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in _files(directory):
            content = path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(directory).as_posix())
            entry.size, entry.mode = len(content), 0o444
            archive.addfile(entry, io.BytesIO(content))
    return lzma.compress(held.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def _files(directory: Path) -> list[Path]:
    (directory / LAW[0]).stat()  # not a directory of law: said here, and not by a pod that does not start
    return sorted(path for name in LAW for place in [directory / name] for path in ([place] if place.is_file() else place.rglob("*.yaml")))


def main() -> int:
    source, target = map(Path, sys.argv[1:3])
    try:
        packed = pack(source)
    except OSError as error:
        print(f"law-archive: {error}", file=sys.stderr)
        return 1
    share = f"{len(packed)} bytes, {len(packed) * 100 // LIMIT} % of what a ConfigMap holds"
    if len(packed) > LIMIT:
        print(f"law-archive: the law packs to {share}; use components/law-image instead", file=sys.stderr)
        return 1
    target.write_bytes(packed)
    print(f"{target}: {share}\nsha256:{hashlib.sha256(packed).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
