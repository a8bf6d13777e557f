"""History never changes except under `correction:`."""

from __future__ import annotations

from .history import recorded, versions


def test_no_version_that_stood_already_has_changed_or_gone():
    now = versions()
    for name, digest in recorded().items():
        assert name in now, f"{name} is gone: repeal is a version, never a deletion"
        found, correction = now[name]
        assert found == digest or correction, (
            f"{name} was changed. An amendment adds a version; a mistake is mended under `correction: {{reason, on}}` and recorded by `make history`."
        )


def test_every_version_is_recorded():
    assert set(versions()) == set(recorded()), "run `make history` and look at what it adds"
