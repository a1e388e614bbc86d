"""Where a Python package is missing: an error with the command that installs it, no traceback."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.launches import CHILD

if TYPE_CHECKING:
    from tests.support.launches import Folder

ROOT = Path(__file__).parent.parent
NAMES = ("SCALEKIT_ENV_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET")
LAUNCH = "import sys; from scalekit_exec.entry import scalekit_exec as main; sys.exit(main())"
AUTH = "import sys; from scalekit_exec.entry import scalekit_auth as main; sys.exit(main())"
# Not plain: a keyless inline table, which is left to tomli.
NOT_PLAIN = (
    'services = { gmail = { connection_name = \'gmail_u3134a\', identifier = """mess""" } }\n'
)


class Bare:
    """A Python without any package, and this project as a skill in a folder."""

    def __init__(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        self.folder = folder
        self.prefix = folder.path / "bare"
        venv.create(self.prefix, symlinks=True)
        self.python = str(self.prefix / "bin" / "python")
        self.skill = folder.path / "my skills" / "scalekit-auth"
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "scalekit_exec", self.skill / "scalekit_exec", ignore=without)
        for name in ("scalekit_helper.py", "get_token.py", "requirements.txt"):
            shutil.copy(ROOT / name, self.skill)
        entry = {"gmail": {"connection_name": "gmail_u3134a", "identifier": "mess"}}
        (self.skill / "connections.json").write_text(json.dumps(entry))
        self.variables = folder.sandbox.environ()
        self.env = self.skill / ".env"
        self.env.write_text("".join(f"{name}={self.variables[name]}\n" for name in NAMES))
        self.env.chmod(0o600)
        folder.environ |= dict.fromkeys(NAMES, "")

    def run(self, *words: str | Path, **env: str | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *words],
            env=self.folder.variables(env),
            cwd=self.folder.path,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def hint(self) -> str:
        """Return what is to be typed in a checkout."""
        return (
            f"cd {shlex.quote(str(self.skill))} && {self.python} -m pip install -r requirements.txt"
        )


@pytest.fixture
def bare(folder: Folder) -> Bare:
    return Bare(folder)


def test_the_script_names_what_is_missing_and_the_command_for_it(bare: Bare) -> None:
    done = bare.run(bare.skill / "get_token.py", "gmail")
    assert (done.returncode, done.stdout) == (1, "")
    message = "the Python module dotenv is missing: not all that scalekit-exec needs is installed"
    assert done.stderr == (f"get_token.py: error[config-invalid]: {message}\n  hint: {bare.hint}\n")


def test_a_map_that_needs_a_toml_parser_says_so_too(bare: Bare) -> None:
    (bare.skill / "scalekit.toml").write_text(NOT_PLAIN)
    done = bare.run(bare.skill / "get_token.py", "gmail")
    assert "error[config-invalid]: the Python module tomli is missing" in done.stderr
    assert f"  hint: {bare.hint}\n" in done.stderr


def test_the_helper_raises_an_error_of_its_own(bare: Bare) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(bare.skill)!r})\n"
        "from scalekit_helper import ConfigurationError, get_token\n"
        "try:\n    get_token('gmail')\n"
        "except ConfigurationError as error:\n    print(error.code, error.hint)"
    )
    done = bare.run("-c", code)
    assert (done.stdout, done.stderr) == (f"config-invalid {bare.hint}\n", "")


def test_a_launch_names_what_its_package_lacks(bare: Bare) -> None:
    words = ["--env-file", str(bare.env), "gmail", "--", sys.executable, "-c", CHILD]
    done = bare.run("-c", LAUNCH, *words, PYTHONPATH=str(bare.skill))
    assert (done.returncode, done.stdout) == (125, "")
    assert "error[config-invalid]: the Python module dotenv is missing" in done.stderr
    assert f"  hint: {bare.hint}\n" in done.stderr
    given = {name: bare.variables[name] for name in NAMES}
    words = ["gmail", "--", sys.executable, "-c", CHILD]
    told = {"PYTHONPATH": str(bare.skill), "SCALEKIT_EXEC_TRANSPORT": "sdk", **given}
    done = bare.run("-c", LAUNCH, *words, **told)
    assert (done.returncode, done.stdout) == (125, "")
    assert "error[config-invalid]: the Python module " in done.stderr
    assert f"  hint: {bare.hint}\n" in done.stderr


@pytest.mark.parametrize("words", [["doctor"], ["--help"], ["login", "--json"]])
def test_scalekit_auth_names_what_it_lacks_to_begin_with(bare: Bare, words: list[str]) -> None:
    done = bare.run("-c", AUTH, *words, PYTHONPATH=str(bare.skill))
    assert (done.returncode, done.stdout) == (1, "")
    if "--json" in words:
        told = json.loads(done.stderr)
        assert (told["error"], told["hint"]) == ("config-invalid", bare.hint)
    else:
        assert "error[config-invalid]: the Python module click is missing" in done.stderr
        assert done.stderr.endswith(f"  hint: {bare.hint}\n")


def test_a_package_is_named_where_there_is_no_checkout(bare: Bare) -> None:
    (bare.skill / "requirements.txt").unlink()
    done = bare.run(bare.skill / "get_token.py", "gmail")
    assert done.stderr.endswith(f"  hint: {bare.python} -m pip install python-dotenv\n")
    (bare.prefix / "pipx_metadata.json").write_text("{}")
    done = bare.run(bare.skill / "get_token.py", "gmail")
    assert done.stderr.endswith("  hint: pipx inject bare python-dotenv\n")


def test_an_environment_of_uvs_is_told_to_use_uv(bare: Bare) -> None:
    (bare.skill / "requirements.txt").unlink()
    with (bare.prefix / "pyvenv.cfg").open("a") as file:
        file.write("uv = 0.9.7\n")
    done = bare.run(bare.skill / "get_token.py", "gmail")
    assert done.stderr.endswith(f"  hint: uv pip install --python {bare.python} python-dotenv\n")


def test_a_keyring_that_is_not_installed_comes_with_a_command_to_paste(bare: Bare) -> None:
    """Of the project's requirements all are there; of its extras none."""
    without = bare.folder.path / "packages"
    site = next(Path(each) for each in sys.path if (Path(each) / "click").is_dir())
    without.mkdir()
    for each in site.iterdir():
        if not each.name.startswith(("keyring", "scalekit_exec", "_")) and each.suffix != ".pth":
            (without / each.name).symlink_to(each)
    path = os.pathsep.join([str(bare.skill), str(without)])
    command = f"{bare.python} -m pip install keyring"
    done = bare.run("-c", AUTH, "login", "--environment", "prod", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        "scalekit-auth: error[credentials-missing]: the keyring package is not installed",
        f"  hint: {command}",
    ]
    assert "  hint: or set client_secret_command in ~" in done.stderr
    own = Path(os.environ["HOME"]) / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[scalekit]\nclient_id = "skc_1"\nenv_url = "https://acme.scalekit.com"\n')
    done = bare.run("-c", LAUNCH, "gmail", "--", "true", PYTHONPATH=path)
    assert done.returncode == 125
    assert f"  hint: {command}\n  hint: or set client_secret_command" in done.stderr
    (bare.prefix / "pipx_metadata.json").write_text("{}")
    done = bare.run("-c", AUTH, "login", PYTHONPATH=path)
    assert "  hint: pipx inject bare keyring\n" in done.stderr
    assert "  hint: or scalekit-auth login --store env" in done.stderr
