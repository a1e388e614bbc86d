from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.launches import Folder

ROOT = Path(__file__).parent.parent
EXPIRED = {"connection_name": "gmail_u3134a", "identifier": "mess", "status": "EXPIRED"}


def python(folder: Folder, code: str, **env: str | None) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, as a user's program is."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=folder.variables(env),
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_token_is_one_call(folder: Folder) -> None:
    done = python(folder, "from scalekit_exec import get_token; print(get_token('gmail'))")
    assert done.stdout.startswith("sandbox-"), done.stderr
    assert folder.sandbox is not None
    assert [c["transport"] for c in folder.sandbox.requests()] == ["rest", "rest"]


def test_several_tokens_are_one_call_and_one_token_request(folder: Folder) -> None:
    code = "from scalekit_exec import get_tokens; print(*get_tokens('gmail', 'slack', 'gmail'))"
    done = python(folder, code)
    assert done.stdout.split() == ["gmail", "slack"], done.stderr
    assert folder.sandbox is not None
    operations = sorted(c["operation"] for c in folder.sandbox.requests())
    assert operations == ["auth", "auth", "token"]


def test_the_callers_environment_and_signals_stay_as_they_are(folder: Folder) -> None:
    code = (
        "import os, signal; before = dict(os.environ), signal.getsignal(signal.SIGINT)\n"
        "from scalekit_exec import get_token; get_token('gmail')\n"
        "print(before == (dict(os.environ), signal.getsignal(signal.SIGINT)))"
    )
    assert python(folder, code).stdout == "True\n"


def test_grpc_is_never_used_in_a_users_process(folder: Folder) -> None:
    code = (
        "import sys; from scalekit_exec import get_token; get_token('gmail')\n"
        "print({'grpc', 'scalekit', 'psutil'} & set(sys.modules))"
    )
    assert python(folder, code, SCALEKIT_EXEC_TRANSPORT="sdk").stdout == "set()\n"


def test_inside_a_launch_its_own_token_is_used_and_nobody_is_asked(folder: Folder) -> None:
    code = "from scalekit_exec import get_token; print(get_token('gmail'), get_token('slack@bob'))"
    inside = [sys.executable, "-c", code]
    done = folder.launch("gmail", "slack@bob=BOB", "--", *inside)
    assert done.status == 0, done.err
    assert len(set(done.out.split())) == 2
    assert folder.sandbox is not None
    assert len(folder.sandbox.requests()) == 3


def test_inside_a_launch_an_expired_token_is_asked_for_anew(folder: Folder) -> None:
    code = "from scalekit_exec import get_token; print(get_token('gmail'))"
    old = {
        "SCALEKIT_EXEC": "gmail=GMAIL_TOKEN",
        "GMAIL_TOKEN": "old",
        "GMAIL_TOKEN_EXPIRES_AT": "2020-01-01T00:00:00Z",
    }
    assert python(folder, code, **old).stdout.startswith("sandbox-")
    fresh = old | {"GMAIL_TOKEN_EXPIRES_AT": "2100-01-01T00:00:00Z"}
    assert python(folder, code, **fresh).stdout == "old\n"
    unknown = {name: value for name, value in old.items() if not name.endswith("_AT")}
    assert python(folder, code, **unknown).stdout == "old\n"
    other = code.replace("'gmail'", "'gmail', identifier='bob'")
    assert python(folder, other, **fresh).stdout.startswith("sandbox-")


def test_an_authorization_error_carries_the_link_and_its_end(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(EXPIRED)
    code = """
from scalekit_exec import AuthorizationError, get_token
try:
    get_token("gmail")
except AuthorizationError as error:
    print(error.code, error.service, error.link, error.expires_at.tzinfo, error.link in str(error))
"""
    words = python(folder, code).stdout.split()
    assert words[:2] == ["authorization-required", "gmail"]
    assert words[2].startswith(folder.sandbox.url)
    assert words[3:] == ["UTC", "True"]


@pytest.mark.parametrize(
    ("call", "env", "error"),
    [
        ("get_token('nope')", {}, "ConfigurationError unknown-service"),
        ("get_token('a b')", {}, "UsageError usage"),
        ("get_token(None)", {}, "UsageError usage"),
        ("get_token('gmail', timeout=-1)", {}, "UsageError usage"),
        ("get_token('gmail', timeout=float('nan'))", {}, "UsageError usage"),
        ("get_token('gmail', timeout='1')", {}, "UsageError usage"),
        ("get_token('gmail')", {"SCALEKIT_EXEC_TIMEOUT": "soon"}, "UsageError usage"),
        ("get_token('gmail')", {"SCALEKIT_EXEC_TIMEOUT": "0.000001"}, "VaultError timed-out"),
        ("get_token('gmail')", {"SCALEKIT_EXEC_MIN_TTL": "7200"}, "CredentialError token-expiring"),
        (
            "import os; os.mkdir('g'); os.chdir('g'); os.rmdir('../g'); get_token('gmail')",
            {},
            "UsageError usage",
        ),
        (
            "get_token('gmail')",
            {"SCALEKIT_CLIENT_SECRET": None},
            "ConfigurationError credentials-missing",
        ),
        (
            "get_token('gmail')",
            {"SCALEKIT_CLIENT_SECRET": "wrong"},
            "VaultError credentials-rejected",
        ),
        ("get_token('gmail', config='nope.toml')", {}, "ConfigurationError config-missing"),
        ("get_token('gmail', env_file='nope')", {}, "ConfigurationError config-missing"),
        ("get_token('gmail', environment='nope')", {}, "ConfigurationError config-invalid"),
    ],
)
def test_errors_are_classes_with_a_code(
    folder: Folder, call: str, env: dict[str, str | None], error: str
) -> None:
    code = f"""
from scalekit_exec import ScalekitExecError, get_token
try:
    {call}
except ScalekitExecError as error:
    print(type(error).__name__, error.code)
"""
    done = python(folder, code, **env)
    assert done.stdout == error + "\n", done.stderr


def test_a_group_is_no_single_token(folder: Folder) -> None:
    folder.map(
        'identifier = "x"\n[services]\na.connection_name = "a"\nb.connection_name = "b"\n'
        '[groups]\nall = ["a", "b"]\n'
    )
    code = """
from scalekit_exec import ScalekitExecError, get_token
try:
    print(get_token("all"))
except ScalekitExecError as error:
    print(error.code)
"""
    assert python(folder, code).stdout == "usage\n"


class TestSkill:
    """The folder of the earlier skill, with our two shims in it."""

    @pytest.fixture
    def skill(self, folder: Folder) -> Path:
        assert folder.sandbox is not None
        skill = folder.path / "skills" / "scalekit-auth"
        skill.mkdir(parents=True)
        for name in ("scalekit_helper.py", "get_token.py"):
            shutil.copy(ROOT / name, skill)
        (folder.path / "scalekit.toml").unlink()
        connections = {"gmail": {"connection_name": "gmail_u3134a", "identifier": "** mess"}}
        (skill / "connections.json").write_text(json.dumps(connections))
        variables = folder.sandbox.environ()
        bundle = variables.pop("SCALEKIT_CA_BUNDLE")
        lines = [f"{name}={value}\n" for name, value in variables.items()]
        (skill / ".env").write_text("".join(lines))
        folder.environ |= dict.fromkeys(variables, "")
        folder.environ["SCALEKIT_CA_BUNDLE"] = bundle
        return skill

    def test_the_helper_is_imported_as_ever(self, folder: Folder, skill: Path) -> None:
        code = (
            # The checkout holds shims too, and an editable install puts it before the skill.
            f"import sys, scalekit_exec; sys.path[:] = [p for p in sys.path if p != '{ROOT}']\n"
            "sys.path.append('./skills/scalekit-auth')\n"
            "from scalekit_helper import get_token, AuthorizationError, ConfigurationError\n"
            "print(get_token('gmail'))"
        )
        done = python(folder, code)
        assert done.stdout.startswith("sandbox-"), (done.stderr, skill)
        assert folder.sandbox is not None
        (read,) = [c for c in folder.sandbox.requests() if c["operation"] == "auth"]
        assert read["identifier"] == "** mess"

    def script(self, folder: Folder, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "skills/scalekit-auth/get_token.py", *words],
            env=folder.variables(),
            cwd=folder.path,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_the_script_prints_the_bare_token(self, folder: Folder, skill: Path) -> None:
        done = self.script(folder, "gmail")
        assert done.returncode == 0, (done.stderr, skill)
        assert done.stdout.startswith("sandbox-")
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""

    @pytest.mark.parametrize("text", ["OTHER=1\n", "SCALEKIT_CLIENT_ID=\n"])
    def test_a_file_of_variables_without_credentials_is_for_something_else(
        self, folder: Folder, skill: Path, text: str
    ) -> None:
        assert folder.sandbox is not None
        (skill / ".env").write_text(text)
        folder.environ |= folder.sandbox.environ()
        done = self.script(folder, "gmail")
        assert done.stdout.startswith("sandbox-"), done.stderr

    @pytest.mark.parametrize("serve", [[], ["--serve"], ["--serve-only"]])
    def test_inside_a_launch_it_gives_what_the_launch_has(
        self, folder: Folder, skill: Path, serve: list[str]
    ) -> None:
        assert folder.sandbox is not None
        (skill / ".env").unlink()
        words = [*serve, "-c", str(skill / "connections.json"), "gmail", "--", sys.executable]
        env: dict[str, str | None] = {**folder.sandbox.environ()}
        done = folder.launch(*words, str(skill / "get_token.py"), "gmail", env=env)
        assert done.out.startswith("sandbox-"), done.err
        done = folder.launch(*words, str(skill / "get_token.py"), "slack", env=env)
        assert "error[unknown-service]" in done.err

    def test_elsewhere_it_takes_no_other_folders_account(self, folder: Folder, skill: Path) -> None:
        assert folder.sandbox is not None
        (skill / ".env").rename(folder.path / ".env")
        folder.map('identifier = "bob"\n[services.gmail]\nconnection_name = "other"\n')
        done = self.script(folder, "gmail")
        assert (done.returncode, done.stdout) == (1, "")
        assert "error[credentials-missing]" in done.stderr

    def test_the_script_ends_with_one_for_every_failure(self, folder: Folder, skill: Path) -> None:
        for words in ([], ["a", "b"], ["--help"], ["nope"]):
            done = self.script(folder, *words)
            assert (done.returncode, done.stdout) == (1, "")
            assert "Traceback" not in done.stderr, skill

    def test_a_planted_module_is_not_run_by_the_script(self, folder: Folder, skill: Path) -> None:
        (skill / "connections.json").unlink()
        (skill / "scalekit.toml").write_text(
            '[services.gmail]\nconnection_name = "gmail_u3134a"\nidentifier = "mess"\n'
        )
        for name in ("__future__", "tomli", "json", "ssl", "dotenv"):
            (folder.path / f"{name}.py").write_text(f"open('{name}-ran', 'w').close()\n")
        folder.environ["PYTHONPATH"] = "."
        assert self.script(folder, "gmail").stdout.startswith("sandbox-")
        assert not list(folder.path.glob("*-ran"))

    def test_a_full_disk_is_a_failure_of_the_script(self, folder: Folder, skill: Path) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, skill / "get_token.py", "gmail"],
                env=folder.variables(),
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert done.returncode == 1
        assert b"cannot write to stdout: no space left" in done.stderr
        assert b"Traceback" not in done.stderr

    def test_a_first_use_gets_a_link_for_an_account_that_is_not_there_yet(
        self, folder: Folder, skill: Path
    ) -> None:
        assert folder.sandbox is not None
        folder.sandbox.add_fault(on="auth", kind="status", status=404)
        done = self.script(folder, "gmail")
        assert done.returncode == 1
        assert "authorization-required" in done.stderr, skill
        assert folder.sandbox.url in done.stderr

    def test_a_hint_names_the_map_and_the_credentials_of_the_skill(
        self, folder: Folder, skill: Path
    ) -> None:
        assert folder.sandbox is not None
        folder.sandbox.add_fault(on="auth", kind="status", status=404)
        hinted = re.search(
            r"for a new link (scalekit-auth .*);", self.script(folder, "gmail").stderr
        )
        assert hinted
        assert f"--config {skill}/connections.json --env-file {skill}/.env" in hinted.group(1)
        # Typed as it stands, it leads to the same account.
        shell = f"PATH={Path(sys.executable).parent}:$PATH; {hinted.group(1)}"
        done = subprocess.run(
            ["sh", "-c", shell],
            env=folder.variables(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 4), done.stderr
        assert folder.sandbox.requests()[-1]["identifier"] == "** mess"

    def test_the_hint_for_an_unknown_service_names_the_skills_map(
        self, folder: Folder, skill: Path
    ) -> None:
        (told,) = re.findall(r"hint: (.*)", self.script(folder, "slack").stderr)
        assert '2. add "slack": {"connection_name": "CONNECTION_NAME", "identifier": "ID"}' in told
        assert told.endswith("skills/scalekit-auth/connections.json, 3. run this again")
        (skill / "scalekit.toml").write_text('[services.gmail]\nconnection_name = "gmail_1"\n')
        (told,) = re.findall(r"hint: (.*)", self.script(folder, "slack").stderr)
        assert "scalekit-auth config slack CONNECTION_NAME --config " in told
        assert "skills/scalekit-auth/scalekit.toml, 3. run this again" in told


def test_requirements_name_the_project_itself() -> None:
    lines = (ROOT / "requirements.txt").read_text().split("\n")
    assert lines == [".", ""]
