"""What must hold of every launch that is refused, in one function."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.launches import CHILD, Done, Folder
from tests.support.servers import ACCESS_TOKEN, SERVICE_TOKEN, Server

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping

    from tests.support.certificates import Authority

__all__ = ["SECRET", "refused_by", "refuses", "uses"]

# A client secret that no other text holds, for launches whose server does not check it.
SECRET = "test_client-secret-5b07ee"
HIDDEN = (SERVICE_TOKEN, ACCESS_TOKEN, "1//refresh")
FAILURE_KEYS = {
    *("service", "connection_name", "identifier", "code"),
    *("status", "link", "expires_at", "message"),
}


def refuses(
    folder: Folder,
    *words: str,
    code: str,
    names: Iterable[str],
    env: Mapping[str, str | None] | None = None,
    hidden: Iterable[str] = (),
    status: int = 125,
    seconds: float = 15,
    as_is: bool = False,
) -> str:
    """Launch twice at once, for people and with `--json`, and check all that a refusal promises.

    `names` must each stand in the message (not the hint), `hidden` nowhere, and neither may the
    client secret. Without a `--` among the words, the child is one that leaves a witness, unless
    they are meant `as_is`. Returns what people read.
    """
    if "--" not in words and not as_is:
        words = (*words, "--", sys.executable, "-c", CHILD)
    folder.witness.unlink(missing_ok=True)
    began = time.monotonic()
    started = [folder.start(*more, *words, env=env) for more in ((), ("--json",))]
    told, objects = (_end(process, folder, status) for process in started)
    assert time.monotonic() - began < seconds
    secret = folder.variables(env).get("SCALEKIT_CLIENT_SECRET") or SECRET
    for text in (told.err, objects.err):
        for value in (secret, *hidden):
            assert value not in text
    message = _check_text(told, code)
    error = _check_objects(objects, code)
    failures = [f"{one['service']}: {one['message']}" for one in error["failures"]]
    for name in names:
        assert name in message, told.err
        assert name in " ".join([error["message"], *failures]), objects.err
    return told.err


def _end(process: subprocess.Popen[bytes], folder: Folder, status: int) -> Done:
    out, err = process.communicate(timeout=60)
    done = Done(process.returncode, out.decode(), err.decode(), folder.witness.exists())
    assert (done.status, done.out, done.started) == (status, "", False), done
    assert "Traceback" not in done.err, done.err
    return done


def _check_text(done: Done, code: str) -> str:
    lines = done.err.splitlines()
    assert all(line.startswith(("scalekit-exec: ", "  hint: ")) for line in lines), done.err
    assert done.err.replace("\n", "").isprintable(), done.err
    errors = [line for line in lines if line.startswith("scalekit-exec: error[")]
    assert errors, done.err
    assert errors[0].startswith(f"scalekit-exec: error[{code}]: "), done.err
    assert not any(line.endswith(".") for line in errors), done.err
    assert any(line.startswith("  hint: ") for line in lines), done.err
    assert all(len(line) < 1200 for line in lines), done.err
    return "\n".join(errors)


def _check_objects(done: Done, code: str) -> dict[str, Any]:
    """Check that each line is one object of the documented form, and that one is the error."""
    found: list[dict[str, Any]] = [json.loads(line) for line in done.err.splitlines()]
    assert all(one["version"] == 1 for one in found), done.err
    assert all(("error" in one) != ("event" in one) for one in found), done.err
    (error,) = [one for one in found if "error" in one]
    assert error.keys() == {"version", "error", "message", "hint", "failures"}
    assert error["error"] == code, done.err
    assert error["message"]
    assert error["hint"], done.err
    assert all(failure.keys() == FAILURE_KEYS for failure in error["failures"]), done.err
    return error


def uses(folder: Folder, server: Server, ca: Authority) -> Folder:
    """Make the launches of a folder ask this server."""
    folder.environ |= {
        "SCALEKIT_CLIENT_ID": "skc_1",
        "SCALEKIT_CLIENT_SECRET": SECRET,
        "SCALEKIT_ENV_URL": server.url,
        "SCALEKIT_CA_BUNDLE": ca.file,
    }
    return folder


def refused_by(ca: Authority, code: str, names: tuple[str, ...], **behaviours: Any) -> None:
    """Check that a launch that meets this server is refused as it should be."""
    with Server(ca.context(), **behaviours) as server:
        folder = uses(Folder(Path.cwd()), server, ca)
        env = {"SCALEKIT_EXEC_TRANSPORT": "https"}
        refuses(folder, "gmail", env=env, code=code, names=names, hidden=HIDDEN)
