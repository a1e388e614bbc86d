"""The launchers that every scenario in this folder runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.launches import MAP, PROGRAM
from tests.support.processes import FUNCTIONS, Launcher

if TYPE_CHECKING:
    from tests.support.sandboxes import SandboxHandle

ADDED = {"GMAIL_TOKEN", "GMAIL_TOKEN_EXPIRES_AT", "SCALEKIT_EXEC", "SCALEKIT_CA_BUNDLE"}


@pytest.fixture(scope="session")
def installed(open_sandbox: SandboxHandle, tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """Return the installed program with a map and credentials named in its words.

    `env` only adds the CA's file, and becomes the program; the scenarios choose the rest of the
    environment themselves.
    """
    folder = tmp_path_factory.mktemp("installed")
    (folder / "scalekit.toml").write_text(MAP)
    variables = open_sandbox.environ()
    bundle = variables.pop("SCALEKIT_CA_BUNDLE")
    credentials = folder / "credentials.env"
    credentials.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    credentials.chmod(0o600)
    options = ("-c", str(folder / "scalekit.toml"), "--env-file", str(credentials))
    prefix = ("/usr/bin/env", f"SCALEKIT_CA_BUNDLE={bundle}", PROGRAM, *options, "gmail", "--")
    return Launcher("installed", prefix, frozenset(ADDED))


@pytest.fixture(params=["functions", "installed"])
def launcher(request: pytest.FixtureRequest) -> Launcher:
    """Return our own functions, then the whole program."""
    if request.param == "functions":
        return FUNCTIONS
    found = request.getfixturevalue("installed")
    assert isinstance(found, Launcher)
    return found
