"""A real headless Chromium, with script and without it. Where there is none the tests skip, and the last line of the run says why."""

from __future__ import annotations

import pytest

from ..conftest import CHROMIUM
from ..patience import PATIENCE

MILLISECONDS = 1000 * PATIENCE


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    # A container's root has no sandbox to give; the pages are our own.
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "timeout": MILLISECONDS, "args": ["--no-sandbox", "--disable-dev-shm-usage"]}


@pytest.fixture
def open_page(browser, server):
    """Opens a page of the service. Shapes: (path, script, scheme, width) -> page; whatever the console says fails the test."""
    contexts, said = [], []

    def opened(path="/", script=True, scheme="light", width=1280):
        context = browser.new_context(
            java_script_enabled=script, color_scheme=scheme, viewport={"width": width, "height": 900}, base_url=server, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        assert context.cookies() == [], "no cookie is needed, so none is set"
        context.close()
    # A page that answers 4xx is told on the console too; that is no fault of the page.
    assert [text for text in said if "Failed to load resource" not in text] == []
