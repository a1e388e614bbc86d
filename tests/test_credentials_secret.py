"""The client secret from a command or the keyring, and what a launch does with it."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.errors import UsageError
from scalekit_exec.files import displayed
from tests.support.places import ACME, ID, SECRET, URL, Place, lines, three

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.launches import Folder


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# The user's own table.


def test_an_environment_is_taken_instead_of_everything_else(place: Place) -> None:
    command = json.dumps([sys.executable, "-c", "print('secret-of-prod')"])
    place.dot_env(three("project"))
    place.scalekit(
        f'[environments.prod]\nclient_id = "skc_prod"\nenv_url = "https://prod.example"\n'
        f"client_secret_command = {command}\n"
    )
    assert place.name(three("environment"), environment="prod") == "prod"
    error = place.refused(environment="prot")
    assert error.code == "config-invalid"
    assert 'did you mean "prod"?' in error.message


def test_an_environment_and_a_file_are_two_sources(place: Place) -> None:
    with pytest.raises(UsageError, match="--env-file and --environment"):
        place.find(env_file="x", environment="y")


COMMANDS = [
    ("fails", ["sh", "-c", "echo hidden-9d2; exit 3"], "ended with status 3"),
    ("dies", ["sh", "-c", "kill -9 $$"], "ended with signal 9"),
    ("prints-nothing", ["true"], "printed no secret"),
    ("prints-blanks", ["echo", " "], "printed no secret"),
    ("is-not-there", ["no-such-password-manager"], "cannot be started: no such file"),
    ("may-not-be-run", ["/etc/passwd"], "cannot be started: permission denied"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "why"), [pytest.param(*rest, id=name) for name, *rest in COMMANDS]
)
def test_a_secret_command_that_gives_none(place: Place, command: list[str], why: str) -> None:
    place.user(
        f'[scalekit]\nclient_id = "a"\nenv_url = "{ACME}"\n'
        f"client_secret_command = {json.dumps(command)}\n"
    )
    error = place.refused()
    assert error.code == "credentials-missing"
    own = displayed(str(place.own))
    message = f"{own} [scalekit]: client_secret_command {command[0]} {why}"
    assert error.message.startswith(message)
    assert "hidden-9d2" not in str(error)


@pytest.mark.parametrize("printed", [r"a0\nb1", r"a0\xff", r"a0\0b1"])
def test_a_secret_command_that_prints_no_secret(place: Place, printed: str) -> None:
    program = f"import sys; sys.stdout.buffer.write(b'{printed}')"
    command = json.dumps([sys.executable, "-c", program])
    place.user(
        f'[scalekit]\nclient_id = "a"\nenv_url = "{ACME}"\nclient_secret_command = {command}\n'
    )
    error = place.refused()
    assert error.code == "config-invalid"
    assert "a0" not in str(error)


def test_a_secret_command_gets_its_words_as_they_are(place: Place) -> None:
    command = json.dumps([sys.executable, "-c", "import sys; print(sys.argv[1])", "$HOME; *"])
    place.user(
        f'[scalekit]\nclient_id = "a"\nenv_url = "{ACME}"\nclient_secret_command = {command}\n'
    )
    assert place.find().client_secret.reveal() == "$HOME; *"


# The keyring, through the real package with a backend of the test's own.

BACKEND = """\
import json, os
from keyring.backend import KeyringBackend

class Kept(KeyringBackend):
    priority = 9
    def get_password(self, service, username):
        with open(os.environ["KEPT"]) as file:
            return json.load(file).get(service + " " + username)
    def set_password(self, service, username, password):
        raise NotImplementedError
    def delete_password(self, service, username):
        raise NotImplementedError

class Locked(Kept):
    def get_password(self, service, username):
        raise RuntimeError("hidden-9d2")
"""


@pytest.fixture
def keyring(folder: Folder, tmp_path: Path) -> Folder:
    """Return a folder whose client secret is in a keyring."""
    assert folder.sandbox is not None
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "my_backend.py").write_text(BACKEND)
    # The package of clear-text backends is known by its name.
    alt = tmp_path / "code" / "keyrings" / "alt"
    alt.mkdir(parents=True)
    (alt / "file.py").write_text(BACKEND.replace("Kept", "PlaintextKeyring"))
    user = f"{folder.sandbox.client_id}@{folder.sandbox.url}"
    kept = {f"scalekit-exec {user}": folder.sandbox.client_secret}
    (tmp_path / "kept.json").write_text(json.dumps(kept))
    own = folder.path.parent / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        f'[scalekit]\nclient_id = "{folder.sandbox.client_id}"\nenv_url = "{folder.sandbox.url}"\n'
    )
    folder.environ = {
        "SCALEKIT_CLIENT_SECRET": "",
        "SCALEKIT_CLIENT_ID": "",
        "SCALEKIT_ENV_URL": "",
        "PYTHONPATH": str(tmp_path / "code"),
        "KEPT": str(tmp_path / "kept.json"),
        "PYTHON_KEYRING_BACKEND": "my_backend.Kept",
    }
    return folder


def test_a_secret_is_found_in_the_keyring(keyring: Folder) -> None:
    done = keyring.launch("gmail")
    assert (done.status, done.err) == (0, "")
    assert done.child["GMAIL_TOKEN"].startswith("sandbox-")
    assert keyring.sandbox is not None
    assert keyring.sandbox.client_secret not in done.out


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("my_backend.Locked", "cannot be read: RuntimeError"),
        ("my_backend.Missing", "cannot be read: AttributeError"),
        ("no_such_module.Keyring", "cannot be read: ModuleNotFoundError"),
        ("keyrings.alt.file.PlaintextKeyring", "(keyrings.alt.file.PlaintextKeyring) keeps no"),
        ("keyring.backends.null.Keyring", "(keyring.backends.null.Keyring) keeps no secret"),
        ("keyring.backends.fail.Keyring", "(keyring.backends.fail.Keyring) keeps no secret"),
    ],
)
def test_a_keyring_that_gives_none(keyring: Folder, backend: str, why: str) -> None:
    done = keyring.launch("gmail", env={"PYTHON_KEYRING_BACKEND": backend})
    assert (done.status, done.out, done.started) == (125, "", False)
    assert "error[credentials-missing]" in done.err
    assert "[scalekit]: the keyring" in done.err
    assert why in done.err
    assert "hidden-9d2" not in done.err
    assert "Traceback" not in done.err


def test_a_keyring_without_our_entry_says_how_to_store_it(keyring: Folder, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text("{}")
    done = keyring.launch("gmail")
    assert "error[credentials-missing]" in done.err
    assert "store it with: scalekit-auth login\n" in done.err


# What a launch does with them.


def test_nothing_of_a_dot_env_reaches_the_child(folder: Folder) -> None:
    assert folder.sandbox is not None
    names = (ID, SECRET, URL)
    values = {name: folder.sandbox.environ()[name] for name in names}
    (folder.path / ".env").write_text(lines(values) + "FOO=bar\nPATH=/nowhere\n")
    (folder.path / ".env").chmod(0o600)
    for option in ((), ("--keep-credentials",)):
        done = folder.launch(*option, "gmail", env=dict.fromkeys(names))
        assert (done.status, done.err) == (0, "")
        assert not {*names, "FOO"} & done.child.keys()
        assert done.child["PATH"] == os.environ["PATH"]
        assert folder.sandbox.client_secret not in done.out


def test_dotenv_and_keyring_are_imported_only_where_they_are_needed(folder: Folder) -> None:
    assert folder.sandbox is not None
    values = {name: folder.sandbox.environ()[name] for name in (ID, SECRET, URL)}

    def imported(env: dict[str, str | None]) -> set[str]:
        told = folder.start("gmail", "--", "true", env={"PYTHONPROFILEIMPORTTIME": "1", **env})
        names = {line.split("|")[-1].strip() for line in told.communicate()[1].decode().split("\n")}
        assert told.returncode == 0
        return names & {"dotenv", "dotenv.parser", "keyring", "subprocess"}

    assert imported({}) == set()
    (folder.path / ".env").write_text(lines(values))
    assert imported({}) == set(), "the environment comes first: the file is not even opened"
    assert imported(dict.fromkeys(values)) == {"dotenv", "dotenv.parser"}


def own_command(folder: Folder, program: str) -> None:
    """Write the user's `[scalekit]` with a Python program that is to print the secret."""
    assert folder.sandbox is not None
    own = folder.path.parent / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        f'[scalekit]\nclient_id = "{folder.sandbox.client_id}"\nenv_url = "{folder.sandbox.url}"\n'
        f"client_secret_command = {json.dumps([sys.executable, '-c', program])}\n"
    )
    folder.environ |= dict.fromkeys((ID, SECRET, URL), "") | {"KEPT": folder.sandbox.client_secret}


def test_a_secret_command_has_nothing_to_read_and_the_child_has_all(folder: Folder) -> None:
    own_command(folder, "import os, sys; sys.stdin.read() or print(os.environ['KEPT'])")
    done = folder.launch("gmail", "--", "cat", stdin=b"for the child")
    assert (done.status, done.out, done.err) == (0, "for the child", "")


def test_the_time_that_a_secret_command_takes_is_not_the_servers(folder: Folder) -> None:
    own_command(folder, "import os, time; time.sleep(1.2); print(os.environ['KEPT'])")
    done = folder.launch("gmail", "--timeout", "1")
    assert (done.status, done.err) == (0, "")


def test_a_secret_command_can_ask_on_stderr(folder: Folder) -> None:
    own_command(folder, "import sys; sys.exit('touch your key')")
    done = folder.launch("gmail")
    assert done.err.startswith("touch your key\nscalekit-exec: error[credentials-missing]")
