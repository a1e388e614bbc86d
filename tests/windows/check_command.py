"""The whole program on Windows: its .exe, a map, and an emulator on the other side of the wire.

`run` starts the emulator on Linux and says in SANDBOX where it is. Before, it has put both programs
into Scripts, made of pip's own launcher as pip makes them.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalekit_exec.errors import CredentialError
from scalekit_exec.shells import detect
from scalekit_exec.shells.export import script

if TYPE_CHECKING:
    from collections.abc import Mapping

assert sys.platform == "win32"

SCRIPTS = Path(sys.executable).parent / "Scripts"
EXEC, AUTH = str(SCRIPTS / "scalekit-exec.exe"), str(SCRIPTS / "scalekit-auth.exe")
SANDBOX: dict[str, str] = json.loads(os.environ["SANDBOX"])
MAP = """\
identifier = "mess"
[services.gmail]
connection_name = "gmail_u3134a"
[services.my-mail]
connection_name = "mail_1"
env = ["MY_MAIL_TOKEN", "OTHER_TOKEN"]
"""
# As docs/shells.md has it, typed and not in a batch file.
LINE = "for /f \"tokens=1*\" %i in ('{}') do @set %j"
SHOW = "import json, os, sys; json.dump(dict(os.environ), sys.stdout)"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return what Windows needs, and the client credentials of the emulator."""
    names = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP")
    keep = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **keep,
        "PATH": f"{os.environ['PATH']};{SCRIPTS};{Path(sys.executable).parent}",
        "USERPROFILE": str(folder),
        "APPDATA": str(folder / "AppData"),
        "SCALEKIT_ENV_URL": SANDBOX["SCALEKIT_ENV_URL"],
        "SCALEKIT_CLIENT_ID": SANDBOX["SCALEKIT_CLIENT_ID"],
        "SCALEKIT_CLIENT_SECRET": SANDBOX["SCALEKIT_CLIENT_SECRET"],
        "SCALEKIT_CA_BUNDLE": "Z:" + SANDBOX["SCALEKIT_CA_BUNDLE"].replace("/", "\\"),
        **more,
    }


def run(
    folder: Path, *words: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run words in a folder with a map, all streams as pipes."""
    (folder / "scalekit.toml").write_text(MAP)
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(folder) if environ is None else environ,
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )


def check_the_whole_launch_brings_status_and_environment(folder: Path) -> None:
    code = f"{SHOW}; sys.exit(42)"
    done = run(folder, EXEC, "gmail", "my-mail", "--", "python", "-c", code)
    assert done.returncode == 42, done
    assert done.stderr == b"", done
    child = json.loads(done.stdout)
    assert child["GMAIL_TOKEN"].startswith("sandbox-")
    assert child["GMAIL_TOKEN_EXPIRES_AT"].endswith("Z")
    assert child["MY_MAIL_TOKEN"] == child["OTHER_TOKEN"] != child["GMAIL_TOKEN"]
    assert child["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN,my-mail"
    assert "SCALEKIT_CLIENT_SECRET" not in child


def check_a_stale_variable_and_a_credential_go_whatever_their_case(folder: Path) -> None:
    given = environment(folder, gmail_token="stale", Tool_Client_Secret="s3cret")
    given["scalekit_client_secret"] = given.pop("SCALEKIT_CLIENT_SECRET")
    done = run(folder, EXEC, "gmail", "--", "python", "-c", SHOW, environ=given)
    child = json.loads(done.stdout)
    assert [name for name in child if name.upper() == "GMAIL_TOKEN"] == ["GMAIL_TOKEN"]
    assert child["GMAIL_TOKEN"].startswith("sandbox-")
    assert not [name for name in child if name.upper().endswith("CLIENT_SECRET")], child


def check_output_is_hidden_where_that_is_asked_for(folder: Path) -> None:
    code = "import os; print('it is', os.environ['GMAIL_TOKEN'])"
    done = run(folder, EXEC, "--redact", "gmail", "--", "python", "-c", code)
    assert (done.returncode, done.stdout.strip()) == (0, b"it is [REDACTED]"), done


def check_a_broker_gives_a_token_to_the_child(folder: Path) -> None:
    code = (
        "import os, urllib.request as u; e = os.environ; print(u.urlopen(u.Request("
        "e['SCALEKIT_EXEC_URL'] + '/v1/token/gmail', headers={'Accept': 'text/plain',"
        "'Authorization': 'Bearer ' + e['SCALEKIT_EXEC_AUTH']})).read().decode())"
    )
    done = run(folder, EXEC, "--serve-only", "gmail", "--", "python", "-c", code)
    assert done.returncode == 0, done
    assert done.stdout.startswith(b"sandbox-"), done


def check_there_is_no_daemon_and_that_is_said(folder: Path) -> None:
    for verb in ("start", "status", "stop"):
        done = run(folder, AUTH, "daemon", verb)
        assert done.returncode in (1, 2), done
        assert b"Windows" in done.stderr, done
        assert b"hint:" in done.stderr, done


def check_batch_files_have_the_token_and_their_status_is_ours(folder: Path) -> None:
    for ending, status in ((".bat", 7), (".cmd", 9)):
        tool = folder / f"tool{status}{ending}"
        tool.write_text(f"@echo %GMAIL_TOKEN% %1\r\n@exit /b {status}\r\n")
        given = environment(folder)
        given["PATH"] = f"{folder};{given['PATH']}"
        # Found by PATHEXT, without its ending.
        done = run(folder, EXEC, "gmail", "--", tool.stem, "two words", environ=given)
        assert done.returncode == status, done
        assert done.stdout.startswith(b"sandbox-"), done
        assert b'"two words"' in done.stdout, done


def check_our_own_statuses(folder: Path) -> None:
    assert run(folder, EXEC, "gmail", "--", "no-such-tool").returncode == 127
    refused = run(folder, EXEC, "gmail", "--", str(folder))
    assert refused.returncode == 126, refused
    missing = run(folder, EXEC, "gmail", "python")
    assert missing.returncode == 125, missing
    assert b'no "--" between' in missing.stderr, missing
    assert b"PowerShell may swallow" in missing.stderr, missing
    no_terminal = run(folder, EXEC, "gmail")
    assert no_terminal.returncode == 125, no_terminal
    assert b"at a terminal only" in no_terminal.stderr, no_terminal
    unknown = run(folder, EXEC, "notion", "--", "python", "-c", "print('ran')")
    assert (unknown.returncode, unknown.stdout) == (125, b""), unknown


def check_an_early_expansion_is_told_in_powershell_s_words(folder: Path) -> None:
    words = ("python", "-c", "pass", "Authorization: Bearer ")
    done = run(folder, EXEC, "gmail", "--", *words)
    assert done.returncode == 0, done
    assert b"powershell -Command" in done.stderr, done
    assert b"$env:GMAIL_TOKEN" in done.stderr, done


def check_the_completion_is_told_the_services(folder: Path) -> None:
    done = run(folder, EXEC, "--list-words")
    assert done.stdout.split() == [b"gmail", b"gmail_u3134a", b"my-mail", b"mail_1"], done
    assert run(folder, EXEC, "--list-words", "gmail@").stdout.startswith(b"gmail@mess\t")


def check_without_a_shell_above_us_it_is_the_one_of_comspec(_: Path) -> None:
    found = detect.find(os.environ)
    assert found.name == "cmd", found
    assert found.argv[0].lower().endswith("cmd.exe"), found


def cmd(folder: Path, line: str) -> str:
    """Let cmd.exe run a line as it is typed; return what it says."""
    program = os.environ["COMSPEC"]
    done = subprocess.run(
        f'"{program}" /d /q /c "{line}"',
        executable=program,
        cwd=folder,
        env=environment(folder),
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr, done
    return done.stdout.decode()


def check_cmd_takes_the_exported_variables_in(folder: Path) -> None:
    (folder / "scalekit.toml").write_text(MAP)
    take = LINE.format(f"{AUTH} export gmail --format cmd")
    said = cmd(folder, f"({take}) & set GMAIL")
    assert "GMAIL_TOKEN=sandbox-" in said, said
    assert "GMAIL_TOKEN_EXPIRES_AT=20" in said, said


def check_cmd_reads_every_value_back_that_the_export_did_not_refuse(folder: Path) -> None:
    chance = random.Random(4)
    letters = [chr(number) for number in range(0x20, 0x7F)] + ["\t", "^", "&", "|", "<", ">", "  "]
    values = ["".join(chance.choices(letters, k=chance.randrange(1, 40))) for _ in range(400)]
    held: dict[str, str] = {}
    for number, value in enumerate(
        [*values, "^", "&&", " ", "a ", "(x)", "=", "\\", ";x", "x" * 7000]
    ):
        try:
            script("cmd", {"V": value})
        except CredentialError:
            assert set(value) & set('"%!'), value
            continue
        held[f"V_{number}"] = value
    assert len(held) > 100, len(held)
    (folder / "script").write_bytes(script("cmd", held).encode())
    (folder / "probe.py").write_text(
        "import json, os, sys; e = os.environ; "
        "json.dump({k: e[k] for k in e if k.startswith('V_')}, sys.stdout)"
    )
    said = cmd(folder, f"({LINE.format('type script')}) & {sys.executable} probe.py")
    printed = next(line for line in said.splitlines() if line.startswith("{"))
    found = json.loads(printed)
    assert found == held, {n: (found.get(n), held[n]) for n in held if found.get(n) != held[n]}
