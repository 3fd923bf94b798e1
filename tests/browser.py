"""A headless browser for tests of pages."""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
OVERFLOWING = """() => [...document.querySelectorAll("*")]
.filter(element => element.getBoundingClientRect().right > innerWidth + 1)
.map(element => `${element.tagName}#${element.id}.${element.className}`)"""


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium with a microphone that plays a beep."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


def elements_wider_than_the_page(page: "Page") -> list[str]:
    """Elements that reach beyond the right edge of the window."""
    found: list[str] = page.evaluate(OVERFLOWING)
    return found
