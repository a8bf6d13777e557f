"""Gunicorn over an application that is made already, so that a law that does not load is a message and not a traceback.

Other law is loaded in the master, beside the one that serves: on SIGHUP, or when its directory changes. Only when it is whole
and its worked cases pass do new workers start with it; the old ones finish what they have begun.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import Application
from gunicorn.arbiter import Arbiter

from .app import FAILED, count_reload, now
from .errors import LawError, PassportError
from .metrics import forget
from .settings import Settings, fingerprint, gunicorn_file

log = logging.getLogger("passport.server")
# Objects made before the youngest are looked at, and how often the older ones are. What a worker remembers is many objects and no circles
# of them: to look at all of it takes half a second, so that is done seldom.
COLLECT = (10_000, 10, 50)
SHOWN = 20  # mistakes that are told of a law that does not load


class _Server(Application):
    """Shapes: `make` makes an application of the law as it is now, or raises PassportError."""

    def __init__(self, make: Callable[[], Flask], app: Flask, settings: Settings):
        self.make, self.app, self.settings = make, app, settings
        super().__init__(prog="passport serve")

    def load_config(self) -> None:
        self.load_config_from_file(str(gunicorn_file()))
        self.cfg.set("bind", [f"{self.settings.host}:{self.settings.port}"])
        self.cfg.set("workers", self.settings.workers)
        self.cfg.set("post_worker_init", _started)
        self.cfg.set("child_exit", _ended)

    def load(self) -> Flask:
        return self.app

    def reload(self) -> None:
        """Other law, if it loads; else the same, with the reason. The workers that start next have it."""
        super().reload()
        try:
            self.app = self.callable = self.make()
            _settle()
            count_reload(self.app, "loaded")
        except (PassportError, OSError) as error:
            found = [str(problem) for problem in error.problems] if isinstance(error, LawError) else [str(error)]
            log.error("the law does not load, so the old one goes on; %d mistake(s):\n%s", len(found), "\n".join(found[:SHOWN]))
            count_reload(self.app, "refused")
            self.app.config[FAILED] = {"at": now().isoformat(timespec="seconds"), "mistakes": len(found), "first": found[:SHOWN]}

    def run(self) -> None:
        _Master(self).run()


def _settle() -> None:
    """Other law has come: what it replaces goes, and the collector is kept off the rest, so that workers go on sharing its memory."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _started(worker: Any) -> None:
    """In each new worker: threads do not survive a fork, so what asks Redis starts here and not with the first request."""
    gc.set_threshold(*COLLECT)
    cache = worker.app.app.extensions["passport"].cache
    if cache.store is not None:
        cache.store.wait(0)


def _ended(_master: Any, worker: Any) -> None:
    forget(worker.pid)


class _Master(Arbiter):
    """Looks now and then whether the directory of the law has changed."""

    def __init__(self, app: _Server):
        super().__init__(app)
        self._settings = app.settings
        self._seen = self._loaded = fingerprint(app.settings.config)
        self._looks = 0

    def manage_workers(self) -> None:
        super().manage_workers()
        self._looks += 1  # gunicorn comes by once a second
        if self._settings.watch and self._looks >= self._settings.watch:
            self._looks = 0
            self._look()

    def _look(self) -> None:
        found = fingerprint(self._settings.config)
        # Only what has come to rest is loaded: a directory may be half written.
        if found == self._seen != self._loaded:
            self._loaded = found
            log.warning("the law in %s has changed; it is being loaded", self._settings.config)
            self.reload()
        self._seen = found

    def reload(self) -> Any:
        self._loaded = self._seen = fingerprint(self._settings.config)
        super().reload()


def run(make: Callable[[], Flask], app: Flask, settings: Settings) -> None:
    """Serves until told to stop. What is loaded stays, so the collector, which may be off by now, never looks through it."""
    gc.freeze()
    gc.enable()
    _Server(make, app, settings).run()
