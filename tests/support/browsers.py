"""A real browser, driven by the WebDriver protocol itself: headless Chromium and its driver."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Browser", "installed", "running_browser"]

# Without these it looks for its maker's servers at every start.
ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--window-size=600,500",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def installed() -> bool:
    """Tell whether browser and driver are there."""
    return bool(shutil.which("chromedriver") and shutil.which("chromium"))


@dataclass
class Browser:
    """One window."""

    address: str

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.address + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["value"]

    def open(self, url: str) -> None:
        self.call("POST", "/url", {"url": url})

    @property
    def url(self) -> str:
        return str(self.call("GET", "/url"))

    @property
    def text(self) -> str:
        return str(self.call("GET", f"/element/{self.find('body')}/text"))

    def until(self, text: str) -> str:
        """Wait until the page says this; a click returns before the page that it leads to."""
        end = time.monotonic() + 20
        page = ""
        while text not in page:
            assert time.monotonic() < end, page
            try:
                page = self.text
            except urllib.error.HTTPError as gone:  # between two pages there is no body
                gone.close()
                time.sleep(0.05)
        return page

    def find(self, selector: str) -> str:
        found = self.call("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[ELEMENT])

    def click(self, button: str) -> None:
        """Click the button with this text."""
        path = f"//button[text()='{button}']"
        found = self.call("POST", "/element", {"using": "xpath", "value": path})
        self.call("POST", f"/element/{found[ELEMENT]}/click", {})

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start driver and browser; both end with the block."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as folder:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert driver.stdout is not None
        try:
            port = ""
            for line in driver.stdout:
                if b"started successfully on port" in line:
                    port = line.decode().strip().rstrip(".").rpartition(" ")[2]
                    break
            base = f"http://127.0.0.1:{port}/session"
            options = {"args": [*ARGUMENTS, f"--user-data-dir={folder}"]}
            capabilities = {"acceptInsecureCerts": True, "goog:chromeOptions": options}
            session = Browser(base).call(
                "POST", "", {"capabilities": {"alwaysMatch": capabilities}}
            )
            browser = Browser(f"{base}/{session['sessionId']}")
            yield browser
            browser.call("DELETE", "")
        finally:
            driver.terminate()
            driver.wait()
            driver.stdout.close()
