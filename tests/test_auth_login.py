"""`scalekit-auth login` and `logout`, with a real Secret Service and at a real terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.support.auths import AUTH, Answered, auth
from tests.support.keyrings import MISSING, Keyring, running_keyring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.launches import Folder
    from tests.support.sandboxes import SandboxHandle

needs_keyring = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
NAMES = ("SCALEKIT_ENV_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET")


@pytest.fixture
def keyring(sealed: None) -> Iterator[Keyring]:
    del sealed
    with running_keyring(Path(os.environ["HOME"]), os.environ["PATH"]) as running:
        yield running


@pytest.fixture
def bare(folder: Folder) -> Folder:
    """Return a folder in whose environment there are no credentials."""
    folder.environ.update(dict.fromkeys(NAMES, ""))
    return folder


def own(name: str) -> Path:
    return Path(os.environ["HOME"]) / ".config" / "scalekit-exec" / name


def trusting(sandbox: SandboxHandle, **extra: str) -> dict[str, str | None]:
    return {"SCALEKIT_CA_BUNDLE": sandbox.ca_file, **extra}


def login(sandbox: SandboxHandle, *words: str, secret: str | None = None, **extra: str) -> Answered:
    """Log in as a script does."""
    given = ["--url", sandbox.url, "--client-id", sandbox.client_id, "--secret-stdin", *words]
    stdin = sandbox.client_secret if secret is None else secret
    return auth("login", *given, env=trusting(sandbox, **extra), stdin=stdin + "\n")


def anywhere(text: str) -> list[Path]:
    """Return the files of the home that hold this text."""
    home = Path(os.environ["HOME"])
    return [p for p in home.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


@needs_keyring
def test_login_stores_the_launch_finds_logout_removes(
    bare: Folder, sandbox: SandboxHandle, keyring: Keyring
) -> None:
    keyring.unlock()
    done = login(sandbox, **keyring.environ)
    assert (done.status, done.err) == (0, "")
    assert sandbox.client_secret not in done.out
    assert [call["operation"] for call in sandbox.requests()] == ["token"]
    assert f'client_id = "{sandbox.client_id}"' in own("config.toml").read_text()
    assert anywhere(sandbox.client_secret) == []
    launched = bare.launch("gmail", env=keyring.environ)
    assert launched.child["GMAIL_TOKEN"].startswith("sandbox-")
    done = auth("logout", env=keyring.environ)
    assert done.status == 0
    assert "is removed from the keyring" in done.out
    launched = bare.launch("gmail", env=keyring.environ)
    assert (launched.status, launched.started) == (125, False)
    assert "the keyring holds no secret" in launched.err
    assert "the keyring holds no secret" in auth("logout", env=keyring.environ).out


@needs_keyring
def test_a_secret_outlives_the_session_and_belongs_to_its_environment(
    bare: Folder, sandbox: SandboxHandle, keyring: Keyring
) -> None:
    keyring.unlock()
    assert login(sandbox, "--environment", "prod", **keyring.environ).status == 0
    assert "[environments.prod]" in own("config.toml").read_text()
    keyring.stop()
    keyring.unlock()
    launched = bare.launch("--environment", "prod", "gmail", env=keyring.environ)
    assert launched.status == 0
    assert bare.launch("gmail", env=keyring.environ).status == 125
    done = auth("logout", "--environment", "prod", "--purge", env=keyring.environ)
    assert "removed: client_id, env_url of [environments.prod]" in done.out
    assert "environments" not in own("config.toml").read_text()


@needs_keyring
def test_a_locked_keyring_is_told_of_and_what_leads_to_the_secret_stays(
    bare: Folder, sandbox: SandboxHandle, keyring: Keyring
) -> None:
    keyring.unlock()
    login(sandbox, **keyring.environ)
    keyring.lock()
    launched = bare.launch("gmail", env=keyring.environ)
    assert launched.status == 125
    assert "the keyring cannot be read" in launched.err
    done = auth("logout", "--purge", env=keyring.environ)
    assert done.status == 1
    assert "the keyring cannot be asked" in done.err
    assert "client_id" in own("config.toml").read_text()
    done = login(sandbox, **keyring.environ)
    assert done.status == 1
    assert "the keyring cannot store the secret" in done.err


@needs_keyring
def test_a_session_without_a_keyring_is_told_of_before_anybody_types(
    sandbox: SandboxHandle, keyring: Keyring
) -> None:
    done = login(sandbox, **keyring.environ)
    assert done.status == 1
    assert "no keyring that keeps a secret safely" in done.err
    assert "scalekit-auth login --store env" in done.err
    assert sandbox.requests() == []
    assert not own("config.toml").exists()


@needs_keyring
def test_what_is_wrong_or_cannot_be_written_is_not_stored(
    sandbox: SandboxHandle, keyring: Keyring
) -> None:
    keyring.unlock()
    done = login(sandbox, secret="wrong", **keyring.environ)
    assert (done.status, own("config.toml").exists()) == (1, False)
    own("x").parent.mkdir(parents=True)
    obstacle = own(".config.toml.lock")
    obstacle.mkdir()
    done = login(sandbox, **keyring.environ)
    assert (done.status, "cannot write" in done.err) == (1, True)
    obstacle.rmdir()
    own("config.toml").write_text(
        f'[scalekit]\nclient_id = "{sandbox.client_id}"\nenv_url = "{sandbox.url}"\n'
    )
    assert "the keyring holds no secret" in auth("logout", env=keyring.environ).out


@needs_keyring
def test_a_second_login_takes_the_first_ones_secret_away(
    sandbox: SandboxHandle, keyring: Keyring
) -> None:
    keyring.unlock()
    login(sandbox, **keyring.environ)
    old = own("config.toml").read_text()
    other = sandbox.url.replace("127.0.0.1", "localhost")
    done = login(sandbox, "--url", other, **keyring.environ)
    assert (done.status, "localhost" in own("config.toml").read_text()) == (0, True)
    own("config.toml").write_text(old)
    assert "the keyring holds no secret" in auth("logout", env=keyring.environ).out


def at_a_terminal(sandbox: SandboxHandle, *words: str) -> pexpect.spawn[str]:
    base = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR")}
    environ = base | {"LANG": "C.UTF-8", "SCALEKIT_CA_BUNDLE": sandbox.ca_file}
    environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    return pexpect.spawn(
        AUTH,
        ["login", *words],
        env=environ,
        encoding="utf-8",
        timeout=20,
        dimensions=(24, 200),
    )


def test_a_person_is_asked_at_the_terminal_and_the_secret_is_not_shown(
    sandbox: SandboxHandle,
) -> None:
    child = at_a_terminal(sandbox)
    child.expect(r"no keyring that keeps a secret safely")
    child.expect(r"only you can read\? \(y/N\)")
    child.sendline("y")
    child.expect("environment URL: ")
    child.sendline(sandbox.url + "/")
    child.expect("Client id: ")
    child.sendline(sandbox.client_id)
    child.expect(r"Client secret \(not shown\): ")
    child.sendline(sandbox.client_secret)
    child.expect(pexpect.EOF)
    assert isinstance(child.before, str)
    assert sandbox.client_secret not in child.before
    assert f"accepts {sandbox.client_id}" in child.before
    assert anywhere(sandbox.client_secret) == [own(".env")]
    child.close()
    assert child.exitstatus == 0


def test_what_was_typed_wrongly_is_asked_for_again(sandbox: SandboxHandle) -> None:
    child = at_a_terminal(sandbox, "--store", "env")
    child.expect("environment URL: ")
    child.sendline("acme.scalekit.com")
    child.expect(r"the URL must begin with https://; as on the dashboard.*environment URL: ")
    child.sendline(sandbox.url)
    child.expect("Client id: ")
    child.sendline("not an id\u00e9")
    child.expect(r"that is no client id; it begins with skc_; .*Client id: ")
    child.sendline(sandbox.client_id)
    child.expect(r"not shown\): ")
    child.sendline("")
    child.expect(r"the client secret is empty; copy it once more; .*not shown\): ")
    child.sendline(sandbox.client_secret)
    child.expect(f"accepts {sandbox.client_id}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_who_ends_the_answers_after_a_wrong_one_is_not_asked_for_ever(
    sandbox: SandboxHandle,
) -> None:
    child = at_a_terminal(sandbox, "--store", "env")
    child.expect("environment URL: ")
    child.sendline("acme")
    child.expect("must begin with https://.*environment URL: ")
    child.sendeof()
    child.expect("error.interrupted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


def test_a_rejection_names_no_variable_that_nobody_set(sandbox: SandboxHandle) -> None:
    done = login(sandbox, "--store", "env", secret="wrong")
    assert "error[credentials-rejected]" in done.err
    assert "check the client id and the secret, and that the URL is of the same" in done.err
    assert "SCALEKIT_" not in done.err
    done = login(sandbox, "--store", "env", "--url", "https://127.0.0.1:1")
    assert "error[unreachable]" in done.err
    assert "SCALEKIT_" not in done.err


def test_no_is_no_and_nothing_is_asked_then(sandbox: SandboxHandle) -> None:
    child = at_a_terminal(sandbox)
    child.expect(r"\(y/N\)")
    child.sendline("")
    child.expect("login --store env")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert not own(".env").exists()


def test_questions_go_to_the_terminal_where_output_goes_elsewhere(
    sandbox: SandboxHandle, tmp_path: Path
) -> None:
    words = ["--store", "env", "--url", sandbox.url, "--client-id", sandbox.client_id]
    script = f"{AUTH} login {' '.join(words)} --json > {tmp_path}/out 2>&1 < /dev/null"
    environ = {**os.environ, "SCALEKIT_CA_BUNDLE": sandbox.ca_file}
    child = pexpect.spawn("sh", ["-c", script], env=environ, encoding="utf-8", timeout=20)
    child.expect(r"not shown\): ")
    child.sendline(sandbox.client_secret)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (tmp_path / "out").read_text().startswith('{"version": 1, "credentials": ')


def test_ctrl_c_at_the_secret_leaves_the_terminal_as_it_was(sandbox: SandboxHandle) -> None:
    script = f"{AUTH} login --store env --url {sandbox.url} --client-id x; echo status $?; stty -a"
    child = pexpect.spawn("sh", ["-c", f"trap : INT; {script}"], encoding="utf-8", timeout=20)
    child.expect(r"not shown\): ")
    child.sendintr()
    child.expect(r"status (\d+)")
    child.expect(pexpect.EOF)
    assert isinstance(child.before, str)
    assert " echo " in child.before
    assert not own(".env").exists()
    child.close()


def test_a_keyring_that_keeps_nothing_is_refused(sandbox: SandboxHandle) -> None:
    done = login(sandbox, PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    assert done.status == 1
    assert "keyring.backends.null" in done.err
    assert sandbox.requests() == []
