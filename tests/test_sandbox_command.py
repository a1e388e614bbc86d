"""`scalekit-auth sandbox` as a process: what it prints, what it runs, and that it ends."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = os.path.join(os.path.dirname(sys.executable), "scalekit-auth")
NAMES = (
    "SCALEKIT_ENV_URL",
    "SCALEKIT_CLIENT_ID",
    "SCALEKIT_CLIENT_SECRET",
    "SCALEKIT_CA_BUNDLE",
)
LAUNCH = ("--sandbox", "gmail", "--", "true")
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "sandbox", *words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def serve(*words: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [PROGRAM, "sandbox", *words],
        stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process: subprocess.Popen[str]) -> int:
    """Wait for the end, close what is open, and return the status."""
    process.communicate(timeout=20)
    return process.returncode


@pytest.fixture
def told() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    process = serve("--json")
    assert process.stdout is not None
    yield process, json.loads(process.stdout.readline())
    process.kill()
    ended(process)


def test_a_command_gets_the_four_variables_and_its_own_words_untouched() -> None:
    words = ["--json", "--", "-x", "--port", "1"]
    done = run("--", sys.executable, "-c", SHOW, *words)
    argv, environment = json.loads(done.stdout)
    assert argv == words
    assert done.returncode == 0
    assert all(environment[name] for name in NAMES)
    assert environment["SCALEKIT_ENV_URL"].startswith("https://127.0.0.1:")
    assert environment["SCALEKIT_CLIENT_ID"].startswith("skc_sandbox")
    assert done.stderr.startswith("scalekit-auth: sandbox at https://127.0.0.1:")
    assert environment["SCALEKIT_CLIENT_SECRET"] not in done.stderr
    assert not os.path.exists(environment["SCALEKIT_CA_BUNDLE"]), "the folder goes with it"


def test_a_command_gets_no_other_credentials_beside_those_of_the_sandbox() -> None:
    done = run(
        "--",
        sys.executable,
        "-c",
        SHOW,
        SCALEKIT_ENVIRONMENT_URL="https://real.scalekit.com",
        SCALEKIT_EXEC_ENV_FILE="/real/.env",
        SCALEKIT_EXEC_ENVIRONMENT="prod",
        HTTPS_PROXY="http://127.0.0.1:9",
        NO_PROXY="example.com",
    )
    environment = json.loads(done.stdout)[1]
    assert "SCALEKIT_ENVIRONMENT_URL" not in environment
    assert "SCALEKIT_EXEC_ENV_FILE" not in environment
    assert "SCALEKIT_EXEC_ENVIRONMENT" not in environment
    assert environment["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert environment["no_proxy"] == "example.com,127.0.0.1,localhost"


def test_a_temporary_folder_that_cannot_be_had_is_no_fault_of_ours() -> None:
    limited = ["sh", "-c", 'ulimit -f 0; exec "$@"', "-", PROGRAM, "sandbox", "--", "true"]
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error[config-invalid]: no temporary folder can be made" in done.stderr


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_nobody_takes_it_for_real_even_with_q(as_json: list[str]) -> None:
    done = run("-q", *as_json, "--", "true")
    assert "an emulator, no real account is involved" in done.stderr


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_a_commands_status_is_ours(status: int) -> None:
    assert run("--", "sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV", "HUP"])
def test_a_commands_death_by_a_signal_is_passed_on_as_128_and_its_number(name: str) -> None:
    done = run("--", "sh", "-c", f"kill -{name} $$")
    assert done.returncode == 128 + signal.Signals["SIG" + name]


def test_a_term_reaches_the_command() -> None:
    process = serve("--", "sh", "-c", "trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 7


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="signal masks are in /proc")
def test_a_command_under_nohup_still_ignores_hup() -> None:
    line = f'trap "" HUP; exec {PROGRAM} sandbox -- grep SigIgn /proc/self/status'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert int(done.stdout.split()[1], 16) & 1 << (signal.SIGHUP - 1)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--"], 2, "error[usage]: there is no command after --"),
        (["--", "no-such-command"], 127, "error[not-found]: no-such-command is not found"),
        (["--", "/etc/passwd"], 126, "error[not-executable]: /etc/passwd is not executable"),
        (["--prot", "1"], 2, "error[usage]: no such option"),
        (["--port", "70000"], 2, "error[usage]: invalid value for '--port'"),
        (["--lifetime", "0"], 2, "error[usage]: invalid value for '--lifetime'"),
        (["extra"], 2, "error[usage]: got unexpected extra argument"),
        (["--scenario", "none.toml"], 1, "error[config-missing]: none.toml cannot be read"),
        (["--ca-file", "/none/ca.pem"], 1, "error[config-invalid]: /none/ca.pem cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_code_and_a_hint(
    words: list[str], status: int, said: str
) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert "scalekit-auth: " + said in done.stderr
    assert "\n  hint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert done.returncode == 1
    assert f"error[config-invalid]: port {port} cannot be had" in done.stderr


def test_a_scenario_that_makes_no_sense_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("[[accounts]]\nconection_name = 'x'\n")
    done = run("--scenario", str(path), "--", "true")
    assert done.returncode == 1
    assert "s.toml: accounts[1]: conection_name" in done.stderr
    assert 'hint: did you mean "connection_name"?' in done.stderr


def test_an_unknown_subcommand_is_wrong_usage_and_help_lists_the_known_ones() -> None:
    done = subprocess.run([PROGRAM, "sandbx"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[usage]: there is no command" in done.stderr
    shown = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "sandbox" in shown.stdout


def test_without_a_command_the_export_lines_are_for_a_shell() -> None:
    process = serve("--lifetime", "0.2")
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    script = out + "".join(f'printf "%s\\n" "${name}"\n' for name in NAMES)
    shown = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    url, number, secret, path = shown.stdout.splitlines()
    assert url.startswith("https://127.0.0.1:")
    assert number.startswith("skc_sandbox")
    assert len(secret) > 40
    assert path.endswith("ca.pem")


def test_whoever_reads_the_export_lines_is_told_what_opens_a_shell() -> None:
    done = run("--lifetime", "0.1")
    assert "serving for 0.1 s, or until it is ended" in done.stderr
    command = done.stderr.rpartition("for a shell with it: ")[2].split()
    assert command == ["scalekit-auth", "sandbox", "--", "sh"]
    shell = subprocess.run(
        [PROGRAM, *command[1:]],
        input="echo $SCALEKIT_ENV_URL\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert shell.stdout.startswith("https://127.0.0.1:")
    assert "serving for" not in shell.stderr
    assert "serving for" not in run("--lifetime", "0.1", "--json").stderr


def test_the_certificates_folder_is_private_and_goes_at_the_end(
    told: tuple[subprocess.Popen[str], dict[str, Any]],
) -> None:
    process, values = told
    assert values["version"] == 1
    folder = os.path.dirname(values["SCALEKIT_CA_BUNDLE"])
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert os.listdir(folder) == ["ca.pem"]
    with open(values["SCALEKIT_CA_BUNDLE"], encoding="ascii") as file:
        assert "PRIVATE" not in file.read()
    process.send_signal(signal.SIGTERM)
    assert ended(process) == 0
    assert not os.path.exists(folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_at_once(
    told: tuple[subprocess.Popen[str], dict[str, Any]], number: int
) -> None:
    begun = time.monotonic()
    told[0].send_signal(number)
    assert ended(told[0]) == 0
    assert not os.path.exists(os.path.dirname(told[1]["SCALEKIT_CA_BUNDLE"]))
    assert time.monotonic() - begun < 2


def test_it_ends_when_a_pipe_on_its_standard_input_closes() -> None:
    process = serve("--json", stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.readline()
    process.stdin.close()
    process.stdin = None
    assert ended(process) == 0


def test_it_ends_even_while_a_client_hangs() -> None:
    with running_sandbox() as sandbox:
        sandbox.add_fault(kind="hang")
        connection = sandbox.connect()
        connection.request("GET", "/api/v1/connected_accounts/auth")
        begun = time.monotonic()
        sandbox.close()
        assert time.monotonic() - begun < 5
        assert sandbox.process.returncode == 0
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()
        connection.close()


def test_the_certificate_can_be_kept_at_a_path_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.pem"
    done = run("--ca-file", str(path), "--", sys.executable, "-c", SHOW)
    assert json.loads(done.stdout)[1]["SCALEKIT_CA_BUNDLE"] == str(path)
    assert path.read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_the_control_paths_want_the_client_secret() -> None:
    with running_sandbox() as sandbox:
        for bearer in (None, "", "wrong", sandbox.client_id):
            connection = sandbox.connect()
            headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
            connection.request("GET", "/_sandbox/requests", headers=headers)
            assert connection.getresponse().status == 401
            connection.close()
        assert sandbox.requests() == []


def read(sandbox: Any, token: str) -> tuple[int, Any]:
    connection = sandbox.connect()
    path = "/api/v1/connected_accounts/auth?connector=gmail&identifier=mess"
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    return response.status, body


def test_a_running_sandbox_can_be_steered() -> None:
    with running_sandbox("open = false\n") as sandbox:
        connection = sandbox.connect()
        form = "grant_type=client_credentials&client_id={}&client_secret={}"
        body = form.format(sandbox.client_id, sandbox.client_secret)
        connection.request("POST", "/oauth/token", body)
        token = json.loads(connection.getresponse().read())["access_token"]
        connection.close()
        assert read(sandbox, token)[0] == 404
        sandbox.set_accounts(
            {"connection_name": "gmail", "identifier": "mess", "status": "EXPIRED"}
        )
        assert read(sandbox, token)[1]["connected_account"]["status"] == "EXPIRED"
        sandbox.add_fault(kind="status", status=503, on="auth", times=1)
        assert [read(sandbox, token)[0] for _ in range(2)] == [503, 200]
        assert [each["operation"] for each in sandbox.requests()] == ["token", *["auth"] * 4]
        sandbox.reset()
        assert read(sandbox, token)[0] == 404
        assert len(sandbox.requests()) == 1
        sandbox.revoke()
        assert read(sandbox, token)[0] == 401
        with pytest.raises(AssertionError, match="statsu"):
            sandbox.add_fault(kind="statsu")


def test_the_options_of_all_commands_are_taken_and_no_map_is_read(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("nothing that = is a map\n")
    shared = ("-c", str(broken), "--env-file", "nowhere", "--identifier", "x", "--timeout", "5")
    done = run(*shared, "--", "true")
    assert (done.returncode, done.stdout) == (0, "")
    assert "sandbox at https://127.0.0.1:" in done.stderr
    assert "ca.pem" in run("-v", "--", "true").stderr
    told = json.loads(run("--json", "--", "true").stderr)
    assert told["event"] == "note"


@pytest.mark.parametrize("transport", ["https", "sdk"])
def test_grpc_prints_nothing_of_what_it_sends(transport: str) -> None:
    talkative = {"GRPC_TRACE": "all", "GRPC_VERBOSITY": "debug"}
    # The emulator, a command that asks it over gRPC, and what its child has of these variables.
    words = [PROGRAM, "connections"]
    for command in (words, [os.path.join(os.path.dirname(PROGRAM), "scalekit-exec"), *LAUNCH]):
        done = run("--", *command, **talkative, SCALEKIT_EXEC_TRANSPORT=transport)
        assert done.returncode == 0, done.stderr[-500:]
        assert len(done.stderr.splitlines()) <= 4, done.stderr[:500]
    done = run("--", "env", **talkative)
    assert {f"{name}={value}" for name, value in talkative.items()} <= {*done.stdout.splitlines()}
    assert "GRPC_ENABLE_FORK_SUPPORT" not in done.stdout
