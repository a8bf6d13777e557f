"""Gunicorn over an application that is made already, so that a law that does not load is a message and not a traceback.

Other law is loaded in the master, beside the one that serves: on SIGHUP, or when its directory changes. Only when it is whole
and its worked cases pass do new workers start with it; the old ones finish what they have begun.
"""

from __future__ import annotations

import gc
import logging
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Flask
from gunicorn.app.base import Application
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from .app import FAILED, now
from .errors import LawError
from .metrics import Metrics
from .settings import Settings, SettingsError, fingerprint, gunicorn_file

log = logging.getLogger("passport.server")
# Objects made before the youngest are looked at, and how often the older ones are. What a worker remembers is many objects and no circles
# of them: to look at all of it takes half a second, so that is done seldom.
COLLECT = (10_000, 10, 50)
SHOWN = 20  # mistakes that are told of a law that does not load
GENERATIONS = 4  # of workers that may live at once: those of the law before are still finishing when other law comes


def processes(workers: int) -> int:
    """How many processes count numbers at the same time at most: the workers, and the master."""
    return workers * GENERATIONS + 1


def place_for_signs_of_life() -> str | None:
    """The directory of the file with which a worker shows that it lives; None for that of the system. Raises: SettingsError where there is none."""
    for place in ("/dev/shm", None):  # the first is memory: no disk is slow or full there
        with suppress(OSError), tempfile.TemporaryFile(dir=place):
            return place
    raise SettingsError("each worker needs room for an empty file, and neither /dev/shm nor the directory for temporary files (TMPDIR) can hold one")


class _Log(Logger):
    """What gunicorn says goes where all else goes: a line of JSON on standard error, which never keeps anybody waiting."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Server(Application):
    """Shapes: `make` makes an application of the law as it is now, or raises PassportError."""

    def __init__(self, make: Callable[[], Flask], app: Flask, settings: Settings, metrics: Metrics):
        self.make, self.app, self.settings, self.metrics = make, app, settings, metrics
        super().__init__(prog="passport serve")

    def load_config(self) -> None:
        self.load_config_from_file(str(gunicorn_file()))
        self.cfg.set("bind", [f"{self.settings.host}:{self.settings.port}"])
        self.cfg.set("workers", self.settings.workers)
        self.cfg.set("logger_class", _Log)
        self.cfg.set("pre_fork", self._before_worker)
        self.cfg.set("post_fork", self._worker_begins)
        self.cfg.set("post_worker_init", self._worker_is_ready)
        self.cfg.set("worker_exit", self._worker_ends)
        self.cfg.set("child_exit", self._worker_ended)

    def load(self) -> Flask:
        return self.app

    def reload(self) -> None:
        """Other law, if it loads; else the same, with the reason. The workers that start next have it."""
        super().reload()
        try:
            self.app = self.callable = self.make()
            _settle()
            self.metrics.reloads.inc("loaded")
        except Exception as error:  # whatever is wrong with other law, the one that serves goes on
            found = [str(problem) for problem in error.problems] if isinstance(error, LawError) else [str(error) or type(error).__name__]
            log.error("the law does not load, so the old one goes on; %d mistake(s):\n%s", len(found), "\n".join(found[:SHOWN]))
            self.metrics.reloads.inc("refused")
            self.app.config[FAILED] = {"at": now().isoformat(timespec="seconds"), "mistakes": len(found), "first": found[:SHOWN]}

    def run(self) -> None:
        _Master(self).run()

    def _before_worker(self, master: Arbiter, worker: Any) -> None:
        worker.slot = self.metrics.counts.free({other.slot for other in master.WORKERS.values()})

    def _worker_begins(self, _master: Arbiter, worker: Any) -> None:
        self.metrics.counts.enter(worker.slot)

    def _worker_is_ready(self, _worker: Any) -> None:
        """Threads do not survive a fork, so what asks Redis and what sends traces start here, and not with the first request."""
        gc.set_threshold(*COLLECT)
        tracing = self.app.extensions["passport.tracing"]
        if tracing is not None:
            tracing.begin()
        cache = self.app.extensions["passport"].cache
        if cache.store is not None:
            cache.store.wait(0)

    def _worker_ends(self, _master: Arbiter, _worker: Any) -> None:
        tracing = self.app.extensions["passport.tracing"]
        if tracing is not None:
            tracing.end()

    def _worker_ended(self, _master: Arbiter, worker: Any) -> None:
        """In the master, which has seen it end."""
        self.metrics.counts.leave(worker.slot)


def _settle() -> None:
    """Other law has come: what it replaces goes, and the collector is kept off the rest, so that workers go on sharing its memory."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class _Master(Arbiter):
    """Looks now and then whether the directory of the law has changed."""

    def __init__(self, app: _Server):
        super().__init__(app)
        self._settings = app.settings
        self._seen = self._loaded = fingerprint(app.settings.config)
        self._looks = 0
        self._replaced = 0  # workers up to this age have the law before

    def manage_workers(self) -> None:
        """Gunicorn counts workers; here only those count that have the law as it is, since some may not have been started when it came."""
        for _ in range(self.num_workers - sum(worker.age > self._replaced for worker in self.WORKERS.values())):
            self.spawn_worker()
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

    def spawn_worker(self) -> Any:
        """A worker, or none when the system has no room for one (files, processes): those that live go on, and it is tried again in a second."""
        try:
            self.cfg.set("worker_tmp_dir", place_for_signs_of_life())
            return super().spawn_worker()
        except (OSError, SettingsError) as error:
            if os.getpid() != self.pid:
                raise
            log.error("no worker can be started: %s", error)
            return None

    def reload(self) -> Any:
        self._loaded = self._seen = fingerprint(self._settings.config)
        self._replaced = self.worker_age
        super().reload()


def run(make: Callable[[], Flask], app: Flask, settings: Settings, metrics: Metrics) -> None:
    """Serves until told to stop. What is loaded stays, so the collector, which may be off by now, never looks through it."""
    gc.freeze()
    gc.enable()
    _Server(make, app, settings, metrics).run()
