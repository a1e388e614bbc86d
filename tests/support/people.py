"""A person who opens a link and decides, without a browser: what a click sends."""

from __future__ import annotations

import http.client
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from tests.support.sandboxes import SandboxHandle

__all__ = ["Page", "click", "fetch"]


@dataclass
class Page:
    """What a browser got."""

    status: int
    body: str
    location: str = ""


def fetch(
    sandbox: SandboxHandle, url: str, form: dict[str, str] | None = None, host: str | None = None
) -> Page:
    """Fetch a page of the emulator's, or of a loopback server's."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=sandbox.ca_file)
        connection = http.client.HTTPSConnection(parts.netloc, context=context, timeout=10)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = {"Host": host} if host else {}
    try:
        if form is None:
            connection.request("GET", path, headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", path, urlencode(form), headers)
        response = connection.getresponse()
        body = response.read().decode()
        return Page(response.status, body, response.headers.get("Location", ""))
    finally:
        connection.close()


def click(sandbox: SandboxHandle, link: str, decision: str = "allow") -> Page:
    """Open a magic link and decide; return the page that the decision led to, redirects followed.

    A loopback page that leads to the link may be given in its place.
    """
    page = fetch(sandbox, link)
    while page.location:
        link = page.location
        page = fetch(sandbox, link)
    found = re.search(r'name="csrf" value="([^"]+)"', page.body)
    assert found, page
    page = fetch(sandbox, link, {"csrf": found.group(1), "decision": decision})
    while page.location:
        page = fetch(sandbox, page.location)
    return page
