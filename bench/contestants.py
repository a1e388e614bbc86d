"""What is timed: bare Python, our launches, a curl script, Scalekit's SDK, the daemon."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.timing import Command, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BIN = Path(sys.executable).parent
LAUNCHER = str(BIN / "scalekit-exec")
MANAGER = str(BIN / "scalekit-auth")
TRUE = shutil.which("true") or "/bin/true"
MANY = (1, 2, 4, 8, 16, 64)
USUAL = 8  # services in the map of most people, and of the rows that do not ask for more
USAGE_STATUS = 125
# One client a service, as a skill would make it.
CLIENT = """
import os, sys
import scalekit
client = scalekit.ScalekitClient(
    os.environ["SCALEKIT_ENV_URL"],
    os.environ["SCALEKIT_CLIENT_ID"],
    os.environ["SCALEKIT_CLIENT_SECRET"],
)
found = client.connected_accounts.get_connected_account_by_identifier(sys.argv[1], "bench")
assert found[0].connected_account.authorization_details.oauth_token.access_token
os._exit(0)
"""
# The same as a launch of two services, as one would write it in sh. The shell itself cuts the
# tokens out: a jq or sed for each would only slow it down.
TOKEN = r"""
field() { value=${1#*\"access_token\"}; value=${value#*\"}; value=${value%%\"*}; }
answer=$(curl -sSf --cacert "$SCALEKIT_CA_BUNDLE" -d grant_type=client_credentials \
    -d client_id="$SCALEKIT_CLIENT_ID" -d client_secret="$SCALEKIT_CLIENT_SECRET" \
    "$SCALEKIT_ENV_URL/oauth/token") || exit
field "$answer"; bearer="Authorization: Bearer $value"
url="$SCALEKIT_ENV_URL/api/v1/connected_accounts/auth?identifier=bench&connector="
"""
IN_TURN = r"""
answer=$(curl -sSf --cacert "$SCALEKIT_CA_BUNDLE" -H "$bearer" "${url}s0") || exit
field "$answer"; export S0_TOKEN="$value"
answer=$(curl -sSf --cacert "$SCALEKIT_CA_BUNDLE" -H "$bearer" "${url}s1") || exit
field "$answer"; export S1_TOKEN="$value"
[ "$S0_TOKEN" ] && [ "$S1_TOKEN" ] && exec true
"""
AT_ONCE = r"""
curl -sSf --cacert "$SCALEKIT_CA_BUNDLE" -H "$bearer" -o answer0 "${url}s0" & first=$!
curl -sSf --cacert "$SCALEKIT_CA_BUNDLE" -H "$bearer" -o answer1 "${url}s1" & second=$!
wait $first && wait $second || exit
"""
BY_ONE_CURL = r"""
curl -sSfZ --parallel-immediate --cacert "$SCALEKIT_CA_BUNDLE" -H "$bearer" \
    -o answer0 "${url}s0" -o answer1 "${url}s1" || exit
"""
FROM_FILES = r"""
read -r answer <answer0; field "$answer"; export S0_TOKEN="$value"
read -r answer <answer1; field "$answer"; export S1_TOKEN="$value"
[ "$S0_TOKEN" ] && [ "$S1_TOKEN" ] && exec true
"""


class Ground:
    """Folders with a usual map, a large one and none, and the environment of all commands."""

    def __init__(self, folder: str, told: dict[str, str]) -> None:
        self.folder = os.path.join(folder, "work")
        self.large = os.path.join(folder, "large")
        self.empty = os.path.join(folder, "empty")
        self.errors = os.path.join(folder, "errors")
        home = os.path.join(folder, "home")
        for each in (self.folder, self.large, self.empty, home):
            os.makedirs(each, exist_ok=True)
        for place, services in ((self.folder, USUAL), (self.large, max(MANY))):
            names = [f"s{number}" for number in range(services)]
            tables = (f'[services.{name}]\nconnection_name = "{name}"\n' for name in names)
            with open(os.path.join(place, "scalekit.toml"), "w", encoding="utf-8") as file:
                file.write('identifier = "bench"\n' + "".join(tables))
        with open(os.path.join(self.folder, ".env"), "w", encoding="utf-8") as file:
            file.write("S0_TOKEN=one\nS1_TOKEN=two\n")
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": home,
            "LANG": "C.UTF-8",
            **told,
            # how the SDK's two libraries are told whom to trust
            "REQUESTS_CA_BUNDLE": told["SCALEKIT_CA_BUNDLE"],
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": told["SCALEKIT_CA_BUNDLE"],
        }

    def command(self, *words: str, status: int = 0, folder: str = "") -> Command:
        return Command(words, self.environ, folder or self.folder, status)


def bare(ground: Ground) -> Row:
    return Row("python", "bare Python, -c pass", [ground.command(sys.executable, "-c", "pass")])


def launch(ground: Ground, services: int) -> Row:
    names = [f"s{number}" for number in range(services)]
    label = f"scalekit-exec, {services} service{'s' if services > 1 else ''}"
    folder = ground.folder if services <= USUAL else ground.large
    command = ground.command(LAUNCHER, *names, "--", TRUE, folder=folder)
    return Row(f"ours-{services}", label, [command])


def sdk(ground: Ground, services: int) -> Row:
    commands = [
        ground.command(sys.executable, "-c", CLIENT, f"s{number}") for number in range(services)
    ]
    label = f"the SDK, a client for each of {services}" if services > 1 else "the SDK, one client"
    return Row(f"sdk-{services}", label, commands)


def curl(ground: Ground) -> list[Row]:
    """Return the three scripts, or nothing where there is no curl."""
    shell = shutil.which("sh")
    if shell is None or shutil.which("curl") is None:
        return []
    return [
        Row(key, label, [ground.command(shell, "-c", TOKEN + script)])
        for key, label, script in (
            ("curl", "curl script, two reads in turn", IN_TURN),
            ("curl-at-once", "curl script, two reads at once", AT_ONCE + FROM_FILES),
            ("curl-z", "curl script, both by one curl -Z", BY_ONE_CURL + FROM_FILES),
        )
    ]


def answers(ground: Ground) -> list[Row]:
    """Return what needs no network."""
    refused = USAGE_STATUS
    return [
        Row("help", "scalekit-exec --help", [ground.command(LAUNCHER, "--help")]),
        Row("version", "scalekit-exec --version", [ground.command(LAUNCHER, "--version")]),
        Row("words", "completion (--list-words)", [ground.command(LAUNCHER, "--list-words")]),
        Row("plan", "--dry-run, 2 services", [ground.command(LAUNCHER, "--dry-run", "s0", "s1")]),
        Row("usage", "a usage error", [ground.command(LAUNCHER, "s0", "--", status=refused)]),
        Row(
            "no-map",
            "a missing map",
            [ground.command(LAUNCHER, "s0", "--", TRUE, status=refused, folder=ground.empty)],
        ),
    ]


@contextlib.contextmanager
def daemon(ground: Ground, services: Sequence[int]) -> Iterator[list[Row]]:
    """Yield launches through a running daemon; none where this version has no daemon.

    It is kept in a folder of its own, so that the other rows do not find it.
    """
    environ = {**ground.environ, "XDG_RUNTIME_DIR": os.path.join(ground.folder, "run")}
    environ["HOME"] = os.path.join(ground.folder, "home-of-the-daemon")
    for name in ("XDG_RUNTIME_DIR", "HOME"):
        os.makedirs(environ[name], mode=0o700, exist_ok=True)

    def manage(verb: str) -> int:
        quiet = subprocess.DEVNULL
        line = [MANAGER, "daemon", verb]
        return subprocess.run(
            line, env=environ, cwd=ground.folder, stdin=quiet, stdout=quiet, stderr=quiet,
            check=False,
        ).returncode  # fmt: skip

    if manage("start") != 0:
        yield []
        return
    try:
        rows = [launch(ground, number) for number in services]
        yield [
            Row(
                row.key.replace("ours", "daemon"),
                row.label.replace("scalekit-exec", "through the daemon"),
                [Command(each.words, environ, each.folder) for each in row.commands],
            )
            for row in rows
        ]
    finally:
        manage("stop")
