from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.launches import PROGRAM, Folder

TRANSPORTS = ("https", "sdk", "auto")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest, folder: Folder) -> str:
    folder.environ["SCALEKIT_EXEC_TRANSPORT"] = request.param
    return str(request.param)


def test_the_child_gets_a_token_for_each_service(folder: Folder, transport: str) -> None:
    done = folder.launch("gmail", "slack")
    assert (done.status, done.err) == (0, "")
    child = done.child
    assert child["GMAIL_TOKEN"].startswith("sandbox-")
    assert child["SLACK_BOT_TOKEN"].startswith("sandbox-")
    assert child["GMAIL_TOKEN"] != child["SLACK_BOT_TOKEN"]
    assert child["GMAIL_TOKEN_EXPIRES_AT"].endswith("Z")
    assert child["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN,slack=SLACK_BOT_TOKEN"
    assert "SCALEKIT_CLIENT_SECRET" not in child
    assert "SCALEKIT_CLIENT_ID" not in child
    assert "SCALEKIT_ENV_URL" not in child
    assert not [name for name in child if name.startswith("GRPC")], transport


def test_two_services_cost_one_token_request_and_one_read_each(
    folder: Folder, transport: str
) -> None:
    folder.launch("gmail", "slack")
    asked = [(call["operation"], call["connector"]) for call in folder.sandbox.requests()]  # type: ignore[union-attr]
    assert sorted(asked) == [("auth", "gmail_u3134a"), ("auth", "slack_x7y9z"), ("token", "")]
    kinds = {c["transport"] for c in folder.sandbox.requests() if c["operation"] == "auth"}  # type: ignore[union-attr]
    assert kinds == ({"grpc"} if transport == "sdk" else {"rest"})


def test_the_sdk_never_speaks_http_itself(folder: Folder) -> None:
    folder.launch("gmail", env={"SCALEKIT_EXEC_TRANSPORT": "sdk"})
    agents = [c["user_agent"] for c in folder.sandbox.requests() if c["transport"] == "rest"]  # type: ignore[union-attr]
    assert agents
    assert all(agent.startswith("scalekit-exec/") for agent in agents)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_where_rest_is_absent_the_sdk_goes_on_with_the_same_token(
    folder: Folder, status: int
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="rest_absent", status=status)
    done = folder.launch("gmail", "slack", "-v")
    assert done.status == 0, done.err
    assert done.child["GMAIL_TOKEN"].startswith("sandbox-")
    assert "going on over gRPC" in done.err
    calls = folder.sandbox.requests()
    assert len([c for c in calls if c["operation"] == "token"]) == 1
    assert {c["connector"] for c in calls if c["transport"] == "grpc"} == {
        "gmail_u3134a",
        "slack_x7y9z",
    }


def test_over_https_alone_an_absent_rest_is_an_error(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="rest_absent")
    done = folder.launch("gmail", env={"SCALEKIT_EXEC_TRANSPORT": "https"})
    assert done.status == 125
    assert "error[unexpected-answer]" in done.err
    assert not done.started


def test_eight_services_are_read_at_once(folder: Folder) -> None:
    assert folder.sandbox is not None
    names = [f"s{number}" for number in range(8)]
    folder.map(
        'identifier = "x"\n'
        + "".join(f'[services.{name}]\nconnection_name = "{name}"\n' for name in names)
    )
    # While all are slow, none can use a connection that another has done with.
    folder.sandbox.add_fault(on="auth", kind="slow", seconds=0.5)
    assert folder.launch(*names).status == 0
    reads = [call for call in folder.sandbox.requests() if call["operation"] == "auth"]
    assert len({call["connection"] for call in reads}) == len(names)


def test_two_words_for_one_account_cost_one_read(folder: Folder) -> None:
    done = folder.launch("gmail=A_TOKEN", "gmail=B_TOKEN")
    assert done.child["A_TOKEN"] == done.child["B_TOKEN"]
    assert folder.sandbox is not None
    assert len([c for c in folder.sandbox.requests() if c["operation"] == "auth"]) == 1


def test_two_users_of_one_service_get_a_token_each(folder: Folder) -> None:
    done = folder.launch("gmail@alice@x.example=ALICE_TOKEN", "gmail@bob=BOB_TOKEN")
    assert done.child["ALICE_TOKEN"] != done.child["BOB_TOKEN"]
    words = "gmail@alice@x.example=ALICE_TOKEN,gmail@bob=BOB_TOKEN"
    assert done.child["SCALEKIT_EXEC"] == words


def test_a_nested_launch_needs_its_own_credentials_and_adds_its_words(folder: Folder) -> None:
    inner = [PROGRAM, "slack", "--", sys.executable, "-c", "import os; print(os.environ)"]
    done = folder.launch("gmail", "--", *inner)
    assert done.status == 125
    assert "error[credentials-missing]" in done.err
    kept = folder.launch("--keep-credentials", "gmail", "--", *inner)
    assert kept.status == 0
    assert "gmail=GMAIL_TOKEN,slack=SLACK_BOT_TOKEN" in kept.out


def test_an_optional_services_failure_is_a_warning(folder: Folder, transport: str) -> None:
    folder.map(
        'identifier = "mess"\n[services.gmail]\nconnection_name = "g"\n'
        '[services.slack]\nconnection_name = "s"\nrequired = false\n'
    )
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({"connection_name": "s", "identifier": "mess", "status": "EXPIRED"})
    done = folder.launch("gmail", "slack", env={"SLACK_TOKEN": "stale"})
    assert done.status == 0
    assert "SLACK_TOKEN" not in done.child
    assert done.child["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN"
    assert "warning[authorization-required]" in done.err
    assert not [c for c in folder.sandbox.requests() if c["operation"] == "link"], transport


def test_an_account_that_is_not_active_gets_a_link_and_the_child_never_starts(
    folder: Folder, transport: str
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "status": "EXPIRED"}
    )
    done = folder.launch("gmail", "slack", "--json")
    assert (done.status, done.out, done.started) == (125, "", False)
    (told,) = done.objects
    assert told["error"] == "authorization-required"
    (failure,) = told["failures"]
    assert failure["service"] == "gmail"
    assert failure["connection_name"] == "gmail_u3134a"
    assert failure["identifier"] == "mess"
    assert failure["status"] == "EXPIRED"
    assert failure["link"].startswith(folder.sandbox.url)
    assert failure["expires_at"].endswith("Z")
    assert failure["link"] in told["hint"], transport


def test_all_failing_services_are_told_together(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "status": "DISCONNECTED"},
        {"connection_name": "slack_x7y9z", "identifier": "ops-bot", "no_credential": True},
    )
    done = folder.launch("gmail", "slack")
    assert done.status == 125
    assert "error[authorization-required]: gmail" in done.err
    assert "error[no-credential]: slack" in done.err


def test_one_failure_of_all_is_told_once(folder: Folder) -> None:
    done = folder.launch("gmail", "slack", env={"SCALEKIT_CLIENT_SECRET": "wrong"})
    assert done.err.count("error[credentials-rejected]") == 1
    assert "(gmail, slack)" in done.err


@pytest.mark.parametrize("kind", ["seconds", "given"])
def test_a_short_life_is_read_once_more_and_then_warned_of_or_refused(
    folder: Folder, kind: str
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "expires_in": 30}
    )
    options = ["--min-ttl", "40"] if kind == "given" else []
    done = folder.launch("gmail", *options)
    reads = [c for c in folder.sandbox.requests() if c["operation"] == "auth"]
    assert len(reads) == 2
    if kind == "given":
        assert (done.status, done.started) == (125, False)
        assert "error[token-expiring]" in done.err
    else:
        assert done.status == 0
        assert "warning[token-expiring]" in done.err


def test_a_newer_token_of_the_second_read_is_taken(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {
            "connection_name": "gmail_u3134a",
            "identifier": "mess",
            "expires_in": [5, 3600],
            "rotate": True,
        }
    )
    done = folder.launch("gmail", "--min-ttl", "60")
    assert (done.status, done.err) == (0, "")


def test_an_expired_token_is_refused_whatever_was_asked_for(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "expires_in": -5}
    )
    done = folder.launch("gmail", "--min-ttl", "0")
    assert done.status == 125
    assert "error[token-expiring]: gmail: the token expired" in done.err


def test_a_token_without_an_expiry_is_good(folder: Folder, transport: str) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "expires_in": "never"}
    )
    done = folder.launch("gmail", env={"GMAIL_TOKEN_EXPIRES_AT": "stale"})
    assert (done.status, done.err) == (0, ""), transport
    assert "GMAIL_TOKEN_EXPIRES_AT" not in done.child


def test_a_revoked_service_token_is_replaced_once(folder: Folder, transport: str) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="status", status=401, times=1)
    done = folder.launch("gmail")
    assert done.status == 0, (done.err, transport)
    operations = [c["operation"] for c in folder.sandbox.requests()]
    assert operations == ["token", "auth", "token", "auth"]


def test_a_map_can_be_left_out_of_a_sandboxed_launch(folder: Folder) -> None:
    (folder.path / "scalekit.toml").unlink()
    for transport in TRANSPORTS:
        done = folder.launch(
            "--sandbox", "gmail", "slack@me=S", env={"SCALEKIT_EXEC_TRANSPORT": transport}
        )
        assert done.status == 0, done.err
        assert done.child["GMAIL_TOKEN"].startswith("sandbox-")
        assert done.child["S"].startswith("sandbox-")
        assert "an emulator at https://127.0.0.1:" in done.err
    assert folder.sandbox is not None
    assert folder.sandbox.requests() == []


@pytest.mark.parametrize("own", [None, "[services.zoom]\nconnection_name = 'z'\n"])
def test_a_name_that_the_map_lacks_needs_no_map_in_a_sandbox(
    folder: Folder, own: str | None
) -> None:
    if own is not None:
        path = Path(folder.variables()["HOME"], ".config", "scalekit-exec", "config.toml")
        path.parent.mkdir(parents=True)
        path.write_text(own)
    refused = folder.launch("--sandbox", "slack", "nothere", "--", "true")
    assert refused.status == 125
    assert 'error[unknown-service]: no service "nothere"' in refused.err
    assert "dashboard" not in refused.err
    hint = refused.err.partition("where no map counts: ")[2].split("\n")[0].split()
    assert hint[0] == "scalekit-exec"
    done = folder.launch(*hint[1 : hint.index("--")])
    assert done.status == 0, done.err
    assert done.child["NOTHERE_TOKEN"].startswith("sandbox-")
    assert done.child["SLACK_TOKEN"].startswith("sandbox-")
    assert "did you mean gmail?" in folder.launch("--sandbox", "gmial", "--", "true").err


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_name_of_a_service_works_in_a_sandbox(folder: Folder, transport: str) -> None:
    (folder.path / "scalekit.toml").unlink()
    words = ("a.b", "a_b=OTHER_TOKEN", "1-2.3")
    done = folder.launch("--sandbox", *words, env={"SCALEKIT_EXEC_TRANSPORT": transport})
    assert done.status == 0, done.err
    tokens = {done.child[name] for name in ("A_B_TOKEN", "OTHER_TOKEN", "_1_2_3_TOKEN")}
    assert len(tokens) == 3


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_example_of_a_map_works_in_a_sandbox(folder: Folder, transport: str) -> None:
    example = (Path(__file__).parent.parent / "scalekit.toml.example").read_text()
    assert "required = false" in example
    folder.map(example.replace("required = false", ""))
    words = ("--sandbox", "-q", "inbox", "github", "freshdesk", "crm")
    done = folder.launch(*words, env={"SCALEKIT_EXEC_TRANSPORT": transport})
    assert done.status == 0, done.err
    assert done.child["FRESHDESK_DOMAIN"] == "sandbox.example"
    key = done.child["FRESHDESK_KEY"]
    assert key.startswith("sandbox-")
    assert done.child["FRESHDESK_AUTH"].startswith(f"basic {key}:sandbox-")
    assert done.child["CRM_TOKEN"].startswith("sandbox-")
    assert "an emulator at https://127.0.0.1:" in done.err, "also with -q"


def test_a_dry_run_names_everything_and_asks_nobody(folder: Folder) -> None:
    process = folder.start("--dry-run", "gmail", "slack", env={"SCALEKIT_CLIENT_SECRET": None})
    out, err = process.communicate(timeout=30)
    text = out.decode()
    assert (process.returncode, err) == (0, b"")
    for word in ("GMAIL_TOKEN", "gmail_u3134a", "mess", "ops-bot", "scalekit.toml"):
        assert word in text
    assert folder.sandbox is not None
    assert folder.sandbox.requests() == []
    as_json = folder.start("--dry-run", "gmail", "--json").communicate(timeout=30)[0]
    assert json.loads(as_json)["services"][0]["variables"] == ["GMAIL_TOKEN"]


def test_a_dry_run_folds_its_table_where_the_terminal_is_narrow(folder: Folder) -> None:
    process = folder.start("--dry-run", "gmail", "slack", env={"COLUMNS": "40"})
    lines = process.communicate(timeout=30)[0].decode().splitlines()
    assert lines[:5] == [
        "variable    GMAIL_TOKEN",
        "service     gmail",
        "connection  gmail_u3134a",
        "identifier  mess",
        "",
    ]
    wide = folder.start("--dry-run", "gmail", "slack", env={"COLUMNS": "100"})
    assert wide.communicate(timeout=30)[0].startswith(b"VARIABLE         SERVICE  CONNECTION")


def test_the_command_is_looked_up_before_anything_is_sent(folder: Folder) -> None:
    done = folder.launch("gmail", "--", "no-such-command")
    assert done.status == 127
    assert folder.sandbox is not None
    assert folder.sandbox.requests() == []


def test_the_command_is_looked_up_on_the_childs_path(folder: Folder, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "mytool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho mine\n")
    tool.chmod(0o755)
    found = folder.launch("gmail", "--", "mytool", env={"PATH": f"{tool.parent}:/usr/bin:/bin"})
    assert found.out == "mine\n"


def test_pristine_leaves_only_what_was_passed(folder: Folder) -> None:
    done = folder.launch(
        "gmail", "--pristine", "--pass", "WITNESS", "--pass", "FOO*", env={"FOO1": "a", "BAR": "b"}
    )
    assert set(done.child) - {"LC_CTYPE"} == {
        *("PATH", "HOME", "LANG", "WITNESS", "FOO1"),
        *("GMAIL_TOKEN", "GMAIL_TOKEN_EXPIRES_AT", "SCALEKIT_EXEC"),
    }


def test_help_and_version_are_answers_on_stdout(folder: Folder) -> None:
    for option in ("--help", "--version", "-h"):
        process = folder.start(option)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0
        assert out.startswith((b"usage: scalekit-exec", b"scalekit-exec 0."))
        assert err == b""


def test_answers_survive_a_reader_that_has_gone(folder: Folder) -> None:
    read, write = os.pipe()
    os.close(read)
    with folder.start("--help", stdout=write) as process:
        os.close(write)
        assert process.communicate(timeout=30)[1] == b""
        assert process.returncode == 0


def test_verbose_says_what_happens_and_never_a_value(folder: Folder) -> None:
    assert folder.sandbox is not None
    done = folder.launch("gmail", "-v")
    assert "read " in done.err
    assert "asking 127.0.0.1" in done.err
    assert done.child["GMAIL_TOKEN"] not in done.err
    assert folder.sandbox.client_secret not in done.err


def test_quiet_keeps_warnings_to_itself(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "expires_in": 30}
    )
    assert folder.launch("gmail", "-q", "--timeout", "1").err == ""


def test_a_fault_of_ours_is_no_traceback(folder: Folder) -> None:
    # A working folder that vanishes is as near to a fault as a user can get.
    gone = folder.path / "gone"
    gone.mkdir()
    process = subprocess.Popen(
        ["/bin/sh", "-c", f'rmdir "$PWD"; exec {PROGRAM} gmail -- true'],
        cwd=gone,
        env=folder.variables(),
        stderr=subprocess.PIPE,
    )
    err = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 125
    assert "Traceback" not in err
    assert "error[usage]: the working folder is gone" in err


# What a planted file could stand for; Python itself imports none of these when it starts.
PLANTED = (
    *("__future__", "tomli", "json", "ssl", "http", "scalekit", "dotenv", "selectors", "socket"),
    *("threading", "base64", "dataclasses", "typing", "signal", "struct", "subprocess", "tempfile"),
    *("ctypes", "logging", "inspect", "ast", "random", "secrets", "hmac", "shlex", "difflib"),
    *("grpc", "psutil", "click", "keyring", "certifi", "google", "requests", "pydantic"),
)


def test_a_module_of_the_working_folder_is_not_run(folder: Folder) -> None:
    for name in PLANTED:
        (folder.path / f"{name}.py").write_text(f"open('{name}-ran', 'w').close()\n")
    for path in (":", "", ".", "::/nowhere"):
        done = folder.launch("gmail", "--", "true", env={"PYTHONPATH": path})
        assert done.status == 0, done.err
    sdk = {"PYTHONPATH": ":", "SCALEKIT_EXEC_TRANSPORT": "sdk"}
    over_grpc = folder.launch("gmail", "--", "true", env=sdk)
    assert over_grpc.status == 0, over_grpc.err
    listed = folder.start("--list-words", env={"PYTHONPATH": ":"})
    assert b"gmail" in listed.communicate(timeout=30)[0]
    script = str(Path(PROGRAM).with_name("scalekit-auth"))
    for words in (["list"], ["status"]):
        told = subprocess.run(
            [script, *words],
            env=folder.variables({"PYTHONPATH": ":"}),
            cwd=folder.path,
            capture_output=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr
    assert not list(folder.path.glob("*-ran"))


@pytest.mark.parametrize("words", [["gmail", "python", "x.py"], ["python", "x.py"]])
def test_a_missing_dash_dash_is_named_with_the_line_to_type(
    folder: Folder, words: list[str]
) -> None:
    process = folder.start(*words)
    err = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 125
    assert 'error[usage]: no "--"' in err
    assert '"python" is no service' in err
    assert "-- python x.py" in err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["gmail", "slak"], ["gmail", "slack", "--", "COMMAND", "[ARG...]"]),
        (["gmial"], ["gmail", "--", "COMMAND", "[ARG...]"]),
        (["gmial@me=A", "./x.py"], ["gmail@me=A", "--", "./x.py"]),
        (["GMAIL", "env"], ["gmail", "--", "env"]),
        (["--sandbox", "slak"], ["--sandbox", "slack", "--", "COMMAND", "[ARG...]"]),
    ],
)
def test_a_slip_in_a_service_is_told_from_a_command(
    folder: Folder, words: list[str], meant: list[str]
) -> None:
    err = folder.start(*words).communicate(timeout=30)[1].decode()
    assert 'error[usage]: no "--"' in err
    assert "did you mean" in err
    hint = err.partition("hint: ")[2].split("\n")[0]
    assert shlex.split(hint) == ["scalekit-exec", *meant]


@pytest.mark.parametrize("words", [["gmail", "sh"], ["sh"], ["gmail", "/usr/bin/python3"]])
def test_a_script_without_dash_dash_is_not_taken_for_a_map(
    folder: Folder, words: list[str]
) -> None:
    process = folder.start(*words, "-c", "echo $GMAIL_TOKEN")
    err = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 125
    assert f'error[usage]: no "--" between the services and the command; "{words[-1]}"' in err
    meant = [*words[:-1], "--", words[-1], "-c", "echo $GMAIL_TOKEN"]
    assert f"hint: scalekit-exec {shlex.join(meant)}\n" in err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["login"], "scalekit-auth login"),
        (["status", "gmail"], "scalekit-auth status gmail"),
        (["help"], "scalekit-exec --help"),
    ],
)
def test_a_command_of_the_other_program_is_known(
    folder: Folder, words: list[str], meant: str
) -> None:
    for there in (True, False):
        if not there:
            (folder.path / "scalekit.toml").unlink()
        err = folder.start(*words).communicate(timeout=30)[1].decode()
        assert f"did you mean {meant}?" in err
    folder.map(f'[services.{words[0]}]\nconnection_name = "x"\nidentifier = "me"\n')
    assert "did you mean" not in folder.start(words[0]).communicate(timeout=30)[1].decode()


@pytest.mark.parametrize(
    ("variable", "option"),
    [
        ("SCALEKIT_EXEC_TIMEOUT", "--timeout "),
        ("SCALEKIT_EXEC_MIN_TTL", "--min-ttl "),
        ("SCALEKIT_EXEC_WAIT", "--wait="),
    ],
)
def test_what_is_no_number_is_blamed_on_what_said_it(
    folder: Folder, variable: str, option: str
) -> None:
    told = folder.launch("gmail", env={variable: "abc"}).err
    assert f"{variable}=abc is no number" in told
    assert f"hint: set {variable} to 30, or unset it" in told
    told = folder.launch(*f"{option}abc".split(), "gmail", env={variable: "7"}).err
    assert f"{option}abc is no number" in told
    assert f"hint: give it as {option}30\n" in told


@pytest.mark.parametrize("more", [["--dry-run"], ["--sandbox"], []])
def test_two_sources_of_credentials_are_refused_whatever_else_is_said(
    folder: Folder, more: list[str]
) -> None:
    done = folder.launch(*more, "--env-file", "x", "--environment", "y", "gmail")
    assert (done.status, done.started) == (125, False)
    assert "error[usage]: --env-file and --environment" in done.err


def test_help_has_the_tip_against_early_expansion(folder: Folder) -> None:
    out = folder.start("--help").communicate(timeout=30)[0].decode()
    assert "sh -c '" in out
    assert "$GMAIL_TOKEN" in out


def test_a_sandbox_sets_nothing_that_nobody_may_set(folder: Folder) -> None:
    for name in ("scalekit-x", "ld-x"):
        done = folder.launch("--sandbox", "-c", "/dev/null", name)
        assert (done.status, done.started) == (125, False)
        assert "error[usage]" in done.err
    named = folder.launch("--sandbox", "-c", "/dev/null", "ld-x=A_TOKEN")
    assert named.child["A_TOKEN"].startswith("sandbox-"), named.err


def test_a_hint_for_an_unknown_service_names_the_map_that_was_named(folder: Folder) -> None:
    (folder.path / "scalekit.toml").rename(folder.path / "other.toml")
    err = folder.launch("-c", "other.toml", "nope").err
    assert f"config nope CONNECTION_NAME --config {folder.path}/other.toml" in err.replace(
        "~", os.environ["HOME"]
    )


def test_a_command_that_is_there_is_no_slip(folder: Folder, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "slak"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    path = f"{tool.parent}:{os.environ['PATH']}"
    err = folder.start("gmail", "slak", env={"PATH": path}).communicate(timeout=30)[1].decode()
    assert '"slak" is no service' in err
    assert "hint: scalekit-exec gmail -- slak" in err


@pytest.mark.parametrize("number", ["3", "0", "2.5"])
def test_a_number_behind_wait_is_not_taken_for_a_service(folder: Folder, number: str) -> None:
    done = folder.launch("--wait", number, "gmail")
    assert (done.status, done.started) == (125, False)
    assert "error[usage]: --wait takes its value after =" in done.err
    assert f"hint: --wait={number}" in done.err
    assert folder.launch(f"--wait={number}", "gmail").status == 0
    assert folder.launch("gmail", "--wait").status == 0


@pytest.mark.parametrize("on", ["token", "auth"])
def test_the_id_of_a_request_is_told_and_not_asked_for_again(folder: Folder, on: str) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on=on, kind="status", status=500)
    quiet = folder.launch("gmail")
    assert "hint: run again with -v for the request's id" in quiet.err
    for words in (("-v",), ("-v", "--json")):
        told = folder.launch(*words, "gmail")
        assert "Scalekit's id of this request is req_" in told.err
        assert "run again with -v" not in told.err
        assert "give that id to Scalekit's support" in told.err


def test_a_failure_without_an_id_sends_nobody_to_look_for_one(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="status", status=500, error_info=False)
    assert "-v" not in folder.launch("gmail").err


def test_the_way_to_see_where_an_account_is_looked_for_can_be_pasted(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="status", status=404)
    (folder.path / "scalekit.toml").rename(folder.path / "other map.toml")
    done = folder.launch("-c", "other map.toml", "--identifier", "bob", "gmail")
    assert "error[account-not-found]" in done.err
    command = done.err.partition("(")[2].partition(" shows where it goes")[0]
    words = shlex.split(command)
    assert words[0] == "scalekit-exec"
    out = folder.start(*words[1:]).communicate(timeout=30)[0].decode()
    for word in ("gmail_u3134a", "bob", "other map.toml"):
        assert word in out
