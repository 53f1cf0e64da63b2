"""A real Chromium, without a network of its own making, that looks at pages from disk; and what it complained about."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--window-size=1280,900",
)  # fmt: skip
WAIT_S = 60.0


class Page:
    """The browser on a page."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, path: Path, fragment: str = "") -> float:
        """Load a page and wait until its table stands; returns the seconds from the start of loading to that."""
        self.driver.get("about:blank")
        self.complaints()
        self.requests()
        begun = time.monotonic()
        self.driver.get(f"file://{path}{fragment}")
        self.until("document.documentElement.dataset.ready === 'yes' && document.querySelector('tr.client') !== null")
        return time.monotonic() - begun

    def until(self, condition: str) -> None:
        """Wait for a condition in JavaScript."""
        end = time.monotonic() + WAIT_S
        while not self.driver.execute_script(f"return {condition}"):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def texts(self, selector: str) -> list[str]:
        """The text of every element that fits."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.innerText)"
        return self.driver.execute_script(script, selector)

    def find(self, selector: str):
        return self.driver.find_element("css selector", selector)

    def complaints(self) -> list[str]:
        """What the console holds since it was asked last: errors, refusals of the content security policy."""
        return [one["message"] for one in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Every address that was asked for since it was asked last, the pages themselves among them."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.append(message["params"]["request"]["url"])
        return found

    def fetched(self) -> list[str]:
        """The requests that went, or would have gone, anywhere but to the page itself; `data:` stays within it."""
        return [url for url in self.requests()[1:] if not url.startswith("data:")]


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Chromium by its installed driver; skips where they are not there."""
    chromium, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver_path is None:
        pytest.skip("needs the programs chromium and chromedriver (Debian: chromium-driver)")
    os.environ.update(SE_OFFLINE="true", SE_AVOID_STATS="true")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(driver_path))
    try:
        yield Page(driver)
    finally:
        driver.quit()
