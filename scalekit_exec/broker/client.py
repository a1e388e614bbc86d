"""Asking the broker of the launch that we run in.

On the path of a launch inside another, so it imports little; no proxy is ever asked.
"""

from __future__ import annotations

from scalekit_exec import owners
from scalekit_exec.broker import messages, wire
from scalekit_exec.environment import AUTH, URL
from scalekit_exec.errors import Failure, ScalekitExecError, raise_failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.broker.messages import Given, Held
    from scalekit_exec.broker.wire import Address, Answer
    from scalekit_exec.clock import Deadline

__all__ = ["ask_environment", "ask_services", "ask_token", "find"]


def find(environ: Mapping[str, str]) -> Address | None:
    """Return the broker that the environment names; None where it names none on this machine."""
    return wire.address(environ.get(URL, ""), environ.get(AUTH, ""))


def ask_token(to: Address, named: str, deadline: Deadline) -> Given:
    """Return the bare token for `NAME` or `NAME@IDENTIFIER`.

    Raises the error that the broker tells of; ScalekitExecError `broker` where there is none that
    takes our bearer, or it speaks another language; `timed-out`.
    """
    answer = _exchange(to, wire.target(wire.TOKEN, named), deadline)
    try:
        return messages.read_token(answer)
    except ValueError:
        raise _nonsense() from None


def ask_environment(to: Address, named: str, deadline: Deadline) -> Held:
    """Return what the launch around us maps of `NAME` or `NAME@IDENTIFIER`; raises as above."""
    answer = _exchange(to, wire.target(wire.ENVIRONMENT, named), deadline)
    try:
        return messages.read_environment(answer)
    except ValueError:
        raise _nonsense() from None


def ask_services(to: Address, deadline: Deadline) -> list[tuple[str, str, str]]:
    """Return service, connection and identifier of all that is served; raises as above."""
    answer = _exchange(to, wire.SERVICES, deadline)
    try:
        return messages.read_services(answer)
    except ValueError:
        raise _nonsense() from None


def _nonsense() -> ScalekitExecError:
    return ScalekitExecError(
        "broker",
        "the broker of the launch around this one gave an answer that makes no sense here",
        "it may be of another version of scalekit-exec than this one",
    )


def _exchange(to: Address, target: str, deadline: Deadline) -> Answer:
    try:
        data = _send(to, wire.write_request(target, to), deadline)
    except TimeoutError:
        failure = Failure(
            "timed-out",
            f"no answer from the broker within {deadline.seconds:g} s",
            "give it longer with --timeout SECONDS",
        )
        raise_failures([failure])
        raise  # never reached
    except OSError:
        raise ScalekitExecError(
            "broker",
            "the broker of the launch around this one does not answer",
            "it ends with the command of that launch: start that one again, with --serve",
        ) from None
    try:
        answer = wire.read_answer(data)
    except ValueError:
        raise _nonsense() from None
    if answer.status != 200:
        raise_failures([messages.read_failure(answer)])
    return answer


def _send(to: Address, request: bytes, deadline: Deadline) -> bytes:
    import socket

    data = b""
    with socket.create_connection((to.host, to.port), timeout=_left(deadline)) as connection:
        _check_owner(to)
        connection.sendall(request)
        while len(data) <= wire.LONGEST_ANSWER:
            connection.settimeout(_left(deadline))
            more = connection.recv(65536)
            if not more:
                break
            data += more
    return data


def _check_owner(to: Address) -> None:
    """Refuse a port that another user listens on now: what outlives a launch may still name it.

    Raises ScalekitExecError `broker`.
    """
    found = owners.of_listener(to.port)
    if found is not None and not owners.are_ours(found):
        raise ScalekitExecError(
            "broker",
            "the port of the broker that this environment names is not ours",
            "the launch around this one has ended, or is another user's (sudo, su): "
            "start one as this user, with --serve",
        )


def _left(deadline: Deadline) -> float:
    left = deadline.remaining()
    if left <= 0:
        raise TimeoutError
    return left
