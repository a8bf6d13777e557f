"""Gunicorn over an application that is made already, so that a law that does not load is a message and not a traceback."""

from __future__ import annotations

from flask import Flask
from gunicorn.app.base import Application

from .settings import Settings


class _Server(Application):
    def __init__(self, app: Flask, settings: Settings):
        self.app, self.settings = app, settings
        super().__init__(prog="passport serve")

    def load_config(self) -> None:
        self.load_config_from_file(str(self.settings.config / "gunicorn.conf.py"))
        self.cfg.set("bind", [f"{self.settings.host}:{self.settings.port}"])
        self.cfg.set("workers", self.settings.workers)

    def load(self) -> Flask:
        return self.app


def run(app: Flask, settings: Settings) -> None:
    """Serves until told to stop."""
    _Server(app, settings).run()
