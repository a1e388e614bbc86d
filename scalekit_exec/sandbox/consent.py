"""The page behind a magic link: who asks for what, Allow and Deny.

It loads nothing from anywhere and runs no script. The decision is a POST with the link's own token,
so that no other page can make it.
"""

from __future__ import annotations

import hmac
import secrets
import time
from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from scalekit_exec.model import ACTIVE, PENDING_VERIFICATION
from scalekit_exec.sandbox.account import STATIC_FIELDS
from scalekit_exec.sandbox.http1 import Answer, Request
from scalekit_exec.sandbox.services import account_for_link, agree
from scalekit_exec.sandbox.world import CUSTOM, MagicLink, World

__all__ = ["PATH", "answer", "verified"]

PATH = "/magic_link/"

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1c1e21}"
    "main{max-width:26rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px;"
    "box-shadow:0 1px 4px #0003}h1{font-size:1.25rem;margin:0 0 1rem}"
    "code{overflow-wrap:anywhere}label{display:block;margin:.75rem 0}"
    "input{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}"
    "button{font:inherit;padding:.5rem 1.25rem;margin:1rem .5rem 0 0;border-radius:8px;"
    "border:1px solid #888;background:#fff}button.yes{background:#1a6b3c;color:#fff;border:0}"
    "small{color:#5b6168}"
)


def _page(status: int, title: str, content: str, form_targets: str = "'none'") -> Answer:
    nonce = secrets.token_urlsafe(12)
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><style nonce="{nonce}">{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}"
        "<p><small>This is the sandbox of scalekit-exec. No real account is involved.</small></p>"
        "</main></body></html>"
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {form_targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return Answer(
        status,
        body.encode(),
        "text/html; charset=utf-8",
        (
            ("Content-Security-Policy", policy),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ),
    )


def _form_targets(link: MagicLink) -> str:
    """Return where the form may lead: browsers hold a redirect after a POST to this list too."""
    if not link.user_verify_url:
        return "'self'"
    target = urlsplit(link.user_verify_url)
    host = target.netloc.rpartition("@")[2]
    if not host or not all(c.isalnum() or c in ".-:[]" for c in host):
        return "'self'"
    return f"'self' {target.scheme}://{host}"


def _question(world: World, link: MagicLink) -> Answer:
    account = account_for_link(world, link)
    inputs = "".join(
        f'<label>{escape(name)} <input name="{escape(name)}" autocomplete="off" '
        'placeholder="leave empty for a made-up value"></label>'
        for name in STATIC_FIELDS.get(account.authorization_type, ())
    )
    content = (
        f"<p>Let <strong>{escape(link.key.identifier)}</strong> use the connection "
        f"<code>{escape(link.key.connection_name)}</code> "
        f"({escape(account.provider)})?</p>"
        f'<form method="post"><input type="hidden" name="csrf" value="{escape(link.csrf)}">'
        f'{inputs}<button class="yes" name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny">Deny</button></form>'
    )
    return _page(200, f"Authorize {link.key.connection_name}", content, _form_targets(link))


def _decide(world: World, link: MagicLink, request: Request) -> Answer:
    form = request.form()
    given = form.get("csrf", "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, link.csrf.encode()):
        return _page(403, "Not from this page", "<p>Open the link again and decide there.</p>")
    decision = form.get("decision")
    if decision not in ("allow", "deny"):
        return _page(400, "No decision", "<p>Choose Allow or Deny.</p>")
    with world.change():
        if link.used:
            return _gone("This link has been used")
        link.used = True
    if decision == "allow":
        return _allow(world, link, form)
    if link.user_verify_url:
        # As RFC 6749 section 4.1.2.1 tells a client of a denial.
        return _redirect(link, ("error", "access_denied"))
    return _page(200, "Denied", "<p>Nothing was changed. You can close this page.</p>")


def _allow(world: World, link: MagicLink, form: dict[str, str]) -> Answer:
    if world.verification != CUSTOM:
        agree(world, link, form, ACTIVE)
        return _page(200, "Authorized", "<p>Done. You can close this page.</p>")
    if not link.user_verify_url:
        text = "<p>user_verify_url not configured for verification redirect</p>"
        return _page(400, "failed_to_exchange", text)
    agree(world, link, form, PENDING_VERIFICATION)
    link.request_id = secrets.token_urlsafe(24)
    return _redirect(link, ("auth_request_id", link.request_id))


def _redirect(link: MagicLink, told: tuple[str, str]) -> Answer:
    target = urlsplit(link.user_verify_url)
    query = parse_qsl(target.query, keep_blank_values=True)
    query.append(told)
    if link.state:
        query.append(("state", link.state))
    url = urlunsplit(target._replace(query=urlencode(query)))
    return Answer(303, headers=(("Location", url), ("Cache-Control", "no-store")))


def _gone(title: str) -> Answer:
    return _page(410, title, "<p>Ask for a new one where you got this from.</p>")


def answer(world: World, request: Request) -> Answer:
    """Answer a request for a link's page, or the decision that was made on it."""
    link = world.link(request.path.removeprefix(PATH))
    if link is None:
        return _page(404, "Unknown link", "<p>Ask for a new one where you got this from.</p>")
    if link.used:
        return _gone("This link has been used")
    if link.expires_at <= time.time():
        return _gone("This link has expired")
    if request.method == "POST":
        return _decide(world, link, request)
    if request.method == "GET":
        return _question(world, link)
    return Answer(405, b"method not allowed\n", "text/plain", (("Allow", "GET, POST"),))


def verified() -> Answer:
    """Answer the page to which a verification sends the browser on."""
    return _page(200, "Authorized", "<p>Done. You can close this page.</p>")
