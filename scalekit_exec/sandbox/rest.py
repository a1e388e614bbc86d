"""The HTTP/1.1 side: client tokens, transcoded calls, the consent page, control, and faults."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from scalekit_exec.sandbox import consent, control
from scalekit_exec.sandbox.desk import Call, Desk
from scalekit_exec.sandbox.http1 import Answer, BadRequestError, Connection, Request
from scalekit_exec.sandbox.refusal import NOT_FOUND, UNIMPLEMENTED, Refusal
from scalekit_exec.sandbox.transcoding import Route, Routes, dictionary, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from scalekit_exec.sandbox.faults import Fault
    from scalekit_exec.sandbox.protocol import Message

__all__ = ["Rest"]

_HUGE_BYTES = 64 << 20
_DRIP_SECONDS = 0.1
_PORTAL = (
    b"<!doctype html><html><head><title>Welcome to the guest network</title></head>"
    b"<body><form action='/login'>Please accept the terms of use</form></body></html>"
)


_OTHER_BODIES = {
    "html": Answer(200, _PORTAL, "text/html"),
    "empty": Answer(200),
    "null": Answer(200, b"null"),
    "garbage": Answer(200, b'{"connected_account": {"identifier": "mess", '),
}


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


class Rest:
    """Answers what comes over HTTP/1.1. Only a digest of the client secret is kept here."""

    def __init__(self, desk: Desk, client_id: str, client_secret: str) -> None:
        self._desk = desk
        self._id = _digest(client_id)
        self._secret = _digest(client_secret)
        self._routes = Routes(service.descriptor for service in desk.services)

    def serve(self, connection: Connection) -> None:
        """Answer request after request, until either side ends the connection."""
        while True:
            try:
                request = connection.read()
            except BadRequestError as error:
                text = f"{error}\n".encode()
                connection.send(Answer(400, text, "text/plain").encode(close=True))
                return
            if request is None or not self._one(connection, request):
                return

    def _one(self, connection: Connection, request: Request) -> bool:
        """Answer one request; tell whether the connection goes on."""
        call = Call(
            "rest",
            connection.number,
            request.method,
            request.path,
            request.headers.get("user-agent", ""),
            request.headers.get("authorization", ""),
        )
        fault, answer = self._route(request, call)
        close = request.headers.get("connection", "").lower() == "close"
        try:
            if fault is not None and fault.kind in _WIRE_FAULTS:
                _WIRE_FAULTS[fault.kind](connection, answer)
                return False
            reply = _replaced(fault) if fault is not None else None
            if reply is None:
                reply = answer()
        except Refusal as refusal:
            reply = _error(refusal)
        connection.send(reply.encode(close=close, bodiless=request.method == "HEAD"))
        return not close

    def _route(self, request: Request, call: Call) -> tuple[Fault | None, Callable[[], Answer]]:
        """Return what shall go wrong with a request and how it is answered if nothing does."""
        path = request.path
        if path.startswith(control.PATH):
            return None, lambda: self._control(request, call)
        if path.startswith(consent.PATH):
            # The path is the link, and whoever has the link can decide.
            self._desk.note("consent", _without_link(call))
            return None, lambda: consent.answer(self._desk.world, request)
        if path == "/verified":
            return None, consent.verified
        if path == "/oauth/token":
            self._desk.note("token", call)
            fault = self._desk.world.faults.take("token", "", "rest")
            return fault, lambda: self._token(request, fault)
        return self._call(request, call)

    def _call(self, request: Request, call: Call) -> tuple[Fault | None, Callable[[], Answer]]:
        route, variables, known = self._routes.find(request.method, request.path)
        if route is None:
            self._desk.note("other", call)
            fault = self._desk.world.faults.take("other", "", "rest")
            refusal = (
                Refusal(UNIMPLEMENTED, "Method Not Allowed", error_info=False)
                if known
                else Refusal(NOT_FOUND, "Not Found", error_info=False)
            )
            return fault, lambda: _error(refusal)
        try:
            message = route.request(variables, request.query, request.body)
        except Refusal as error:
            self._desk.note("other", call)
            refusal = error
            return None, lambda: _error(refusal)
        fault = self._desk.receive(route.method, message, call)
        return fault, lambda: self._transcoded(route, message, call, fault)

    def _transcoded(
        self,
        route: Route,
        message: Message,
        call: Call,
        fault: Fault | None,
    ) -> Answer:
        values = dictionary(self._desk.answer(route.method, message, call, fault))
        account = values.get("connected_account")
        if fault is not None and fault.kind == "unknown_fields":
            values["added_later"] = {"list": [1, None, "x"]}
            if account:
                account["added_later"] = "later"
        if fault is not None and fault.kind == "status_value" and account:
            account["status"] = fault.value
        return Answer(200, encode(values))

    def _token(self, request: Request, fault: Fault | None) -> Answer:
        if fault is not None:
            self._desk.before(fault)
        if request.method != "POST":
            return Answer(405, b"method not allowed\n", "text/plain", (("Allow", "POST"),))
        form = request.form()
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type")
        # Both are compared, so that the time does not tell which of them was wrong.
        id_fits = hmac.compare_digest(_digest(form.get("client_id", "")), self._id)
        secret_fits = hmac.compare_digest(_digest(form.get("client_secret", "")), self._secret)
        if not (id_fits and secret_fits):
            return _oauth_error(401, "invalid_client")
        token, lifetime = self._desk.world.issue_token()
        values: dict[str, object] = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime,
            "scope": "openid",
        }
        if fault is not None and fault.kind == "unknown_fields":
            values["added_later"] = {"list": [1, None, "x"]}
        return Answer(200, encode(values), headers=(("Cache-Control", "no-store"),))

    def _control(self, request: Request, call: Call) -> Answer:
        scheme, _, secret = call.authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(_digest(secret), self._secret):
            return Answer(401, b'{"message":"the bearer must be the sandbox\'s client secret"}')
        return control.answer(self._desk.world, request)


def _without_link(call: Call) -> Call:
    return Call(call.transport, call.connection, call.method, consent.PATH, call.user_agent)


def _oauth_error(status: int, code: str) -> Answer:
    body = {"error": code, "error_description": "the sandbox does not know these credentials"}
    return Answer(status, json.dumps(body).encode(), headers=(("Cache-Control", "no-store"),))


def _error(refusal: Refusal) -> Answer:
    return Answer(refusal.http_status, refusal.json(), headers=refusal.headers)


def _replaced(fault: Fault) -> Answer | None:
    """Return the whole answer that a fault puts in place of the right one, if it does."""
    if fault.kind == "status" and (fault.body is not None or fault.status < 400):
        headers = (("Retry-After", fault.retry_after),) if fault.retry_after else ()
        return Answer(fault.status, (fault.body or "").encode(), headers=headers)
    if fault.kind == "redirect":
        return Answer(fault.status or 302, headers=(("Location", fault.location),))
    if fault.kind == "rest_absent":
        return Answer(fault.status or 404, b"no such page\n", "text/plain")
    return _OTHER_BODIES.get(fault.kind)


def _drop(_connection: Connection, _answer: Callable[[], Answer]) -> None:
    """End the connection without an answer."""


def _hang(connection: Connection, _answer: Callable[[], Answer]) -> None:
    connection.hang()


def _right(answer: Callable[[], Answer]) -> Answer:
    try:
        return answer()
    except Refusal as refusal:
        return _error(refusal)


def _truncated(connection: Connection, answer: Callable[[], Answer]) -> None:
    reply = _right(answer)
    connection.send(reply.encode(close=False, length=len(reply.body) + 100))


def _drip(connection: Connection, answer: Callable[[], Answer]) -> None:
    connection.drip(_right(answer).encode(close=True), _DRIP_SECONDS)


def _huge(connection: Connection, _answer: Callable[[], Answer]) -> None:
    connection.send(Answer(200, b'{"connected_account":{"id":"').encode(close=True, length=None))
    block = b"a" * 65536
    for _ in range(_HUGE_BYTES // len(block)):
        if connection.closed.is_set():
            return
        connection.send(block)


def _bad_header(connection: Connection, answer: Callable[[], Answer]) -> None:
    reply = _right(answer)
    connection.send(reply.encode(close=True, first_line="HTTP/1.1 2OO\x00 Fine"))


_WIRE_FAULTS: dict[str, Callable[[Connection, Callable[[], Answer]], None]] = {
    "drop": _drop,
    "hang": _hang,
    "truncated": _truncated,
    "drip": _drip,
    "huge": _huge,
    "bad_header": _bad_header,
}
