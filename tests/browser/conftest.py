"""A real headless Chromium, with script and without it. Where there is none the tests skip, with one loud line at the end."""

from __future__ import annotations

import shutil

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LOUD = "!!! NO CHROMIUM: the browser tests did not run. Install it (apt-get install chromium) and run them again. !!!"


def pytest_collection_modifyitems(items):
    for item in items:
        if CHROMIUM is None and "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason="no Chromium"))


def pytest_terminal_summary(terminalreporter):
    if CHROMIUM is None:
        terminalreporter.write_line(LOUD, red=True, bold=True)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    # A container's root has no sandbox to give; the pages are our own.
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-dev-shm-usage"]}


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
        page.set_default_timeout(20_000)
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
