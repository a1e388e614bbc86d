"""The rules of the house that a machine can hold (docs/architecture.md)."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import daemons
from tests.support.launches import PROGRAM, Folder

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "scalekit_exec"
MODULES = sorted(PACKAGE.rglob("*.py"))
# Where a secret may leave its type; every other place would be a leak.
REVEALERS = {
    "api.py",
    "environment.py",
    "transport/http.py",
    "transport/https.py",
    "transport/sdk.py",
    "transport/sockets.py",
    "secret.py",
    "cli/auth/sandbox.py",
    "cli/auth/token.py",
    "cli/auth/login.py",
    "custody.py",
    "daemon/client.py",
    "daemon/request.py",
    "redaction.py",
    "bearer/kept.py",
    "broker/messages.py",
    "broker/server.py",
    "broker/wire.py",
}
# All that a launch of two services imports over https, at the top level, beyond bare Python.
ALLOWED = {
    *("scalekit_exec", "__future__", "__main__", "gc", "time", "errno", "resource", "threading"),
    # what ssl brings, and it alone: base64 brings re
    *("ssl", "socket", "selectors", "select", "enum", "types", "functools", "collections", "math"),
    *("operator", "keyword", "reprlib", "copyreg", "base64", "re", "struct", "binascii", "array"),
    *("itertools", "contextlib", "warnings", "weakref", "importlib", "locale", "annotationlib"),
    *("unicodedata", "stringprep", "ipaddress", "io"),
}
# Through the daemon there is no TLS to speak.
ALLOWED_WARM = {
    "scalekit_exec", "__future__", "__main__", "gc", "time", "errno", "resource", "itertools"
}  # fmt: skip
# What the launch path must never pay for, named so that a failure says why.
FORBIDDEN = {
    *("scalekit", "grpc", "psutil", "dotenv", "keyring", "click", "rich", "requests", "tomli"),
    *("dataclasses", "inspect", "argparse", "subprocess", "logging", "asyncio", "pathlib", "json"),
    *("http", "email", "datetime", "typing", "signal"),
}


def imported(folder: Folder, *words: str, check: bool = True) -> set[str]:
    """Return the top-level modules that Python imports when it is started with these words."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        env=folder.variables(),
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=check,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines[1:]}
    return {name for name in names if not name.startswith("_") or name == "__main__"}


def test_a_launch_imports_nothing_but_what_is_listed(folder: Folder) -> None:
    found = imported(folder, PROGRAM, "gmail", "slack", "--", "true")
    assert not found & FORBIDDEN
    # A distribution's own site may import more than we do.
    assert not found - ALLOWED - imported(folder, "-c", "pass")
    assert {"ssl", "scalekit_exec"} <= found


@pytest.mark.skipif(sys.platform == "win32", reason="no daemon there")
def test_through_the_daemon_a_launch_imports_hardly_more_than_python(
    folder: Folder, tmp_path: Path
) -> None:
    with daemons.running(tmp_path) as daemon:
        folder.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_RUNTIME_DIR"]
        found = imported(folder, PROGRAM, "gmail", "slack", "--", "true")
        assert daemon.status()["served"] == 2
    assert not found & FORBIDDEN
    assert not found - ALLOWED_WARM - imported(folder, "-c", "pass")


def test_help_imports_next_to_nothing(folder: Folder) -> None:
    found = imported(folder, PROGRAM, "--help")
    assert not found & {*FORBIDDEN, "ssl", "socket"}


@pytest.mark.parametrize("words", [["gmail", "--", "true"], ["gmail", "--"], ["gmail"]])
def test_a_usage_error_and_a_missing_map_import_next_to_nothing(
    sealed: None, words: list[str]
) -> None:
    found = imported(Folder(Path.cwd()), PROGRAM, *words, check=False)
    assert not found & {*FORBIDDEN, "ssl", "socket", "re", "shlex"}


def test_importing_the_package_does_nothing() -> None:
    code = "import sys; before = set(sys.modules); import scalekit_exec; print(*sorted({n.split('.')[0] for n in set(sys.modules) - before}))"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["scalekit_exec"]
    assert done.stderr == ""


def test_every_public_name_can_be_imported() -> None:
    import scalekit_exec

    assert sorted(scalekit_exec.__all__) == dir(scalekit_exec)
    for name in scalekit_exec.__all__:
        assert getattr(scalekit_exec, name).__doc__
    with pytest.raises(AttributeError):
        scalekit_exec.nothing  # noqa: B018


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_and_functions_stay_short_and_names_are_sorted(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names = ast.literal_eval(node.value)
            assert sorted(names) == sorted(set(names)), "a name stands twice in __all__"


def test_secrets_are_revealed_only_where_the_architecture_says() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if ".reveal()" in path.read_text() and "sandbox" not in path.parent.name
    }
    assert found <= REVEALERS


def test_only_the_command_line_writes_to_the_standard_streams() -> None:
    writers = {"cli", "auth"}
    for path in MODULES:
        if path.parent.name in writers or path.name == "predecessor.py":
            continue
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("print", "sys.stdout.write", "sys.stderr.write"), path


def test_no_test_patches_our_own_code() -> None:
    words = ["mock." + "patch", "Magic" + "Mock", "monkeypatch." + "setattr"]
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text()
        assert not [word for word in words if word in text], path


GRPC_USERS = [
    path
    for path in MODULES
    if re.search(
        r"^from scalekit_exec\.transport\.(quiet|sdk) import", path.read_text(), re.MULTILINE
    )
]


def test_grpc_is_imported_in_one_place() -> None:
    importers = [
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if re.search(r"^ *(import|from) grpc\b", path.read_text(), re.MULTILINE)
    ]
    assert importers == ["transport/quiet.py"]
    assert len(GRPC_USERS) >= 3


@pytest.mark.parametrize("path", GRPC_USERS, ids=lambda path: path.stem)
def test_grpc_is_quiet_whichever_module_brings_it_in(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    code = f"import {module}, grpc; grpc.insecure_channel('127.0.0.1:1').close()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "GRPC_TRACE": "all", "GRPC_VERBOSITY": "debug"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
