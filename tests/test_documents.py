"""The documents, held against the code that they speak of."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

import scalekit_exec
from scalekit_exec import config
from scalekit_exec.cli.auth import _scalekit_auth as scalekit_auth
from scalekit_exec.cli.words import OPTIONS
from scalekit_exec.errors import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.launches import Folder

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "scalekit_exec"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
FENCES = {"", "sh", "python", "toml", "json", "yaml", "console", "dockerfile", "js", "text"}
# What a launch may end with but no agent can do anything about, or what no launch ends with.
NOT_FOR_AGENTS = {"interrupted", "broker"}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the fenced blocks of one language, also those that are indented in a list."""
    pattern = rf"^( *)```{language}\n(.*?)^ *```$"
    return [match[2] for match in re.finditer(pattern, text, re.MULTILINE | re.DOTALL)]


# --- SKILL.md ---


def front_matter(text: str) -> dict[str, Any]:
    """Read the YAML before the body: block style only, as the strictest of its readers has it.

    Mappings, lists of scalars or mappings, `>-` scalars and plain scalars; all else is an error.
    """
    head = text.split("---\n")[1]
    lines = [line for line in head.splitlines() if line.strip()]
    rows = [(len(line) - len(line.lstrip(" ")), line.strip()) for line in lines]
    value, end = _node(rows, 0, 0)
    assert end == len(rows), rows[end]
    assert isinstance(value, dict)
    return value


def _node(rows: list[tuple[int, str]], at: int, indent: int) -> tuple[Any, int]:
    if rows[at][1].startswith("- "):
        return _list(rows, at, indent)
    found: dict[str, Any] = {}
    while at < len(rows) and rows[at][0] == indent:
        match = re.fullmatch(r"([A-Za-z][A-Za-z-]*):(?: (.+))?", rows[at][1])
        assert match, rows[at]
        key, scalar = match[1], match[2]
        assert key not in found, f"{key} stands there twice"
        if scalar == ">-":
            end = at + 1
            while end < len(rows) and rows[end][0] > indent:
                end += 1
            found[key], at = " ".join(row for _, row in rows[at + 1 : end]), end
        elif scalar is None:
            assert rows[at + 1][0] > indent, f"{key} is empty"
            found[key], at = _node(rows, at + 1, rows[at + 1][0])
        else:
            found[key], at = _scalar(scalar), at + 1
    return found, at


def _list(rows: list[tuple[int, str]], at: int, indent: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while at < len(rows) and rows[at][0] == indent and rows[at][1].startswith("- "):
        rest = rows[at][1][2:]
        if re.match(r"[A-Za-z][A-Za-z-]*:( |$)", rest):
            inner = [*rows[:at], (indent + 2, rest), *rows[at + 1 :]]
            item, at = _node(inner, at, indent + 2)
        else:
            item, at = _scalar(rest), at + 1
        items.append(item)
    return items, at


def _scalar(text: str) -> str:
    assert text[0] not in "[{&*!|>'\"%@`#", f"not a plain scalar: {text}"
    assert ": " not in text, f"YAML takes this for a mapping: {text}"
    assert " #" not in text, f"YAML takes this for a comment: {text}"
    return text


@pytest.fixture(scope="module")
def skill() -> dict[str, Any]:
    return front_matter(text_of("SKILL.md"))


def test_the_skill_has_only_the_keys_of_the_specification(skill: dict[str, Any]) -> None:
    allowed = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
    assert {"name", "description"} <= skill.keys() <= allowed


def test_the_skill_has_the_projects_name_in_the_form_of_a_skills_name(
    skill: dict[str, Any],
) -> None:
    assert skill["name"] == PROJECT["project"]["name"]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", skill["name"])
    assert len(skill["name"]) <= 64
    assert skill["license"] == PROJECT["project"]["license"]


def test_the_skills_texts_are_within_their_limits(skill: dict[str, Any]) -> None:
    assert 1 <= len(skill["description"]) <= 1024
    assert not set("<>") & set(skill["description"])
    assert len(skill["compatibility"]) <= 500
    assert len(text_of("SKILL.md").splitlines()) < 500


def test_openclaw_is_told_what_the_skill_needs(skill: dict[str, Any]) -> None:
    scripts = set(PROJECT["project"]["scripts"])
    openclaw = skill["metadata"]["openclaw"]
    assert set(openclaw["requires"]) == {"bins"}
    assert set(openclaw["requires"]["bins"]) <= scripts
    (install,) = openclaw["install"]
    assert (install["kind"], install["package"]) == ("uv", PROJECT["project"]["name"])
    assert set(install["bins"]) == scripts


def test_the_skill_declares_every_variable_and_requires_none(skill: dict[str, Any]) -> None:
    declared = {each["name"]: each for each in skill["metadata"]["openclaw"]["envVars"]}
    assert {each["required"] for each in declared.values()} == {"false"}
    assert all(each["description"] for each in declared.values())
    wanted = {option.variable for option in OPTIONS if option.variable}
    wanted |= {f"SCALEKIT_{end}" for end in ("CLIENT_ID", "CLIENT_SECRET", "ENV_URL")}
    wanted |= {"SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CA_BUNDLE", "SCALEKIT_EXEC_TRANSPORT"}
    assert declared.keys() == wanted


def test_the_skill_says_what_to_do_for_every_code_word() -> None:
    rows = [row for row in text_of("SKILL.md").splitlines() if row.startswith("| `")]
    told = [code for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert sorted(told) == sorted(set(CODES) - NOT_FOR_AGENTS)


def test_the_skill_runs_nothing_that_prints_the_environment() -> None:
    for block in blocks(text_of("SKILL.md"), "sh"):
        assert not re.search(r"\b(env|printenv|export|echo|set)\b", block)


# --- docs/ ---


def test_every_code_word_is_explained_once() -> None:
    told = re.findall(r"^### `([^`]+)`$", text_of("docs/errors.md"), re.MULTILINE)
    assert sorted(told) == sorted(CODES)


def test_every_option_is_told_of() -> None:
    told = "\n".join(path.read_text() for path in DOCUMENTS)
    for option in OPTIONS:
        if not option.hidden:
            assert re.search(rf"(?<![\w-]){option.long}(?![\w-])", told), option.long


def test_every_variable_that_stands_for_an_option_is_told_of() -> None:
    told = "\n".join(path.read_text() for path in DOCUMENTS if path.name != "SKILL.md")
    for option in OPTIONS:
        assert option.variable in told


def own_words(text: str) -> Iterator[str]:
    """Return what stands between `scalekit-exec` and the `--` of a command line in a document."""
    for match in re.finditer(r"(?:^|`|\s)scalekit-exec ((?:[^`\n]|\\\n)*)", text):
        without_others = re.sub(r"<\([^)]*\)", "FILE", match[1])
        yield re.split(r"\s--(?:\s|$)", f" {without_others}", maxsplit=1)[0]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_option_is_told_of_that_does_not_exist(path: Path) -> None:
    known = {name for option in OPTIONS for name in (option.long, option.short)}
    for words in own_words(path.read_text()):
        given = re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", words)
        assert set(given) <= known, words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_is_installed_by_a_name_that_no_registry_has(path: Path) -> None:
    """Installed is a folder; what is installed into an environment of ours is somebody else's."""
    installs = r"\b(?:pip3?|pipx|uv tool|uv pip) install((?: +-[-\w]+)*) +([^\s`]+)"
    for _, what in re.findall(installs, path.read_text()):
        assert not what.strip("'\"").startswith(PROJECT["project"]["name"]), what


def test_the_programs_are_installed_before_they_are_used_by_their_names() -> None:
    readme = text_of("README.md")
    assert readme.index("## Installing") < readme.index("## Set up")
    before = readme[: readme.index("## Installing")]
    assert not re.search(r"(?<!bin/)(?<![\w-])scalekit-auth\b", before)
    install = re.findall(r"pipx install (\S+)", readme)[0]
    assert install == "'.[keyring]'"  # `scalekit-auth login` of the set-up needs the extra
    assert "keyring" in PROJECT["project"]["optional-dependencies"]
    assert install in text_of("SKILL.md")


def test_every_command_of_scalekit_auth_has_a_section() -> None:
    headings = re.findall(r"^## `([a-z]+)\b.*`$", text_of("docs/commands.md"), re.MULTILINE)
    assert sorted(headings) == sorted(scalekit_auth.list_commands(click.Context(scalekit_auth)))


@pytest.mark.parametrize("name", scalekit_auth.list_commands(click.Context(scalekit_auth)))
def test_the_section_of_a_command_names_its_own_options(name: str) -> None:
    """A group's options are those of its commands."""
    context = click.Context(scalekit_auth)
    command = scalekit_auth.get_command(context, name)
    assert command is not None
    section = text_of("docs/commands.md").split(f"\n## `{name}")[1].split("\n## ")[0]
    shared = {option for each in parameters("detect", context) for option in each.opts}
    for parameter in parameters(name, context):
        if isinstance(parameter, click.Option) and not set(parameter.opts) <= shared:
            assert any(option in section for option in parameter.opts), parameter.opts


def parameters(name: str, context: click.Context) -> list[click.Parameter]:
    """Return what a command takes, and each command of a group."""
    command = scalekit_auth.get_command(context, name)
    assert command is not None
    if isinstance(command, click.Group):
        return [each for inner in command.commands.values() for each in inner.params]
    return command.params


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def anchors(path: Path) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in found}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_heading_leads_to_one(path: Path) -> None:
    for file, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", path.read_text()):
        assert heading in anchors(path.parent / file if file else path), (file, heading)


@pytest.mark.parametrize("name", ["SKILL.md", "docs/credentials.md", "docs/moving.md"])
def test_every_map_in_a_document_is_right(name: str) -> None:
    found = blocks(text_of(name), "toml")
    assert found
    own = Path.home() / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    for text in found:
        own.write_text(text)
        loaded = config.load(None, {"HOME": str(Path.home())}, str(Path.cwd()))
        assert loaded.services or loaded.settings.scalekit


def test_the_json_of_an_error_has_the_keys_that_are_told_of(folder: Folder) -> None:
    (block,) = blocks(text_of("docs/errors.md"), "json")
    told = json.loads(block)
    assert folder.sandbox is not None
    account = {"connection_name": "gmail_u3134a", "identifier": "mess", "status": "EXPIRED"}
    folder.sandbox.set_accounts(account)
    (said,) = folder.launch("gmail", "--json").objects
    assert said.keys() == told.keys()
    assert said["failures"][0].keys() == told["failures"][0].keys()
    for key in ("version", "error"):
        assert said[key] == told[key]
    for key in ("service", "connection_name", "identifier", "code", "status"):
        assert said["failures"][0][key] == told["failures"][0][key]


def python(folder: Folder, code: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        words, env=folder.variables(), cwd=folder.path, capture_output=True, text=True, check=False
    )


def test_the_python_of_the_documents_gets_tokens(folder: Folder) -> None:
    first, _, second = blocks(text_of("docs/python.md"), "python")
    done = python(folder, f"{first}\nprint(token, slack, alice)\n{second}\nprint(token)")
    assert done.stderr == ""
    assert [word[:8] for word in done.stdout.split()] == ["sandbox-"] * 4


def test_the_python_of_the_documents_tells_who_must_authorize(folder: Folder) -> None:
    assert folder.sandbox is not None
    account = {"connection_name": "gmail_u3134a", "identifier": "mess", "status": "EXPIRED"}
    folder.sandbox.set_accounts(account)
    done = python(folder, blocks(text_of("docs/python.md"), "python")[2])
    assert re.fullmatch(r"gmail: please open https://\S+ before 20\S+ \S+\n", done.stdout)


def test_the_python_of_the_documents_tells_what_to_do_where_there_is_no_link(
    folder: Folder,
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="status", status=404)
    done = python(folder, blocks(text_of("docs/python.md"), "python")[2])
    assert done.stdout.startswith('gmail: no account "mess" on gmail_u3134a'), done.stderr
    assert "scalekit-auth authorize gmail" in done.stdout
    assert "None" not in done.stdout


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_fence_names_its_language_as_all_others_do(path: Path) -> None:
    fences = re.findall(r"^ *```(.*)$", path.read_text(), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert not any(fences[1::2])
    assert set(fences[::2]) <= FENCES


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_python_of_the_documents_is_python_and_imports_what_there_is(path: Path) -> None:
    for block in blocks(path.read_text(), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module == "scalekit_exec":
                assert {name.name for name in node.names} <= set(scalekit_exec.__all__)


# Where the package is installed as editable, its root would be found before the skill's folder.
WITHOUT_ROOT = """\
import os, sys
import scalekit_exec
sys.path[:] = [each for each in sys.path if not os.path.exists(f"{each}/scalekit_helper.py")]
"""


def test_a_skill_of_the_predecessor_goes_on_after_the_steps_of_moving(folder: Folder) -> None:
    assert folder.sandbox is not None
    moving = text_of("docs/moving.md")
    skills = folder.path / "skills"
    home = skills / "scalekit-exec"
    home.mkdir(parents=True)
    for name in ("scalekit_helper.py", "get_token.py"):
        shutil.copy(ROOT / name, home)
    (home / "connections.json").write_text(blocks(moving, "json")[0])
    variables = folder.sandbox.environ()
    lines = [f"{n}={v}\n" for n, v in variables.items() if n != "SCALEKIT_CA_BUNDLE"]
    (home / ".env").write_text("".join(lines))
    folder.environ |= {n: "" for n in variables if n != "SCALEKIT_CA_BUNDLE"}
    (skills / "scalekit-auth").symlink_to("scalekit-exec")
    assert "ln -s scalekit-exec skills/scalekit-auth" in moving
    done = python(folder, f"{WITHOUT_ROOT}{blocks(moving, 'python')[0]}\nprint(token)")
    assert done.stdout.startswith("sandbox-"), done.stderr
    line = blocks(moving, "sh")[0].replace("python3", sys.executable)
    shell = ["sh", "-c", f'{line}\nprintf %s "$TOKEN"']
    out = subprocess.check_output(shell, env=folder.variables(), cwd=folder.path, text=True)
    assert out.startswith("sandbox-")
    asked = {call["identifier"] for call in folder.sandbox.requests() if call["identifier"]}
    assert asked == {"** mess"}


# --- docs/architecture.md ---


def rooms() -> list[list[str]]:
    """Return the modules of the page in their groups, from the top down."""
    block = re.search(r"```\n(entry .*?)```", text_of("docs/architecture.md"), re.DOTALL)
    assert block
    groups = block[1].strip().split("\n\n")
    return [[line.split()[0] for line in group.splitlines()] for group in groups]


def test_every_module_is_named_and_every_module_named_exists() -> None:
    named = [module for group in rooms() for module in group]
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    there = {".".join(path.parts).removesuffix(".__init__") for path in paths}
    assert sorted(named) == sorted(there - {"__init__"})


def test_the_rooms_are_in_the_order_of_the_contract() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    wanted = [{room.split(".")[1] for room in layer.split(" | ")} for layer in layers]
    held = set().union(*wanted)
    told = [{module.split(".")[0] for module in group} & held for group in rooms()]
    assert [group for group in told if group] == wanted


# --- CHANGELOG.md ---


def test_the_changelog_keeps_its_format() -> None:
    text = text_of("CHANGELOG.md")
    releases = re.findall(r"^## (.*)$", text, re.MULTILINE)
    for release in releases:
        assert re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", release)
    newest = [release for release in releases if release != "[Unreleased]"]
    assert not newest or newest[0].startswith(f"[{PROJECT['project']['version']}]")
    assert releases.index("[Unreleased]") == 0
    order = ["Security", "Added", "Changed", "Deprecated", "Removed", "Fixed"]
    for part in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", part, re.MULTILINE)
        assert kinds == [kind for kind in order if kind in kinds]
        assert kinds


# --- the wheel ---


def test_the_wheel_is_held_to_every_file_that_it_promises() -> None:
    """The checks look for what pyproject.toml lists, and that is all there is for its shells."""
    promised = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    run = ROOT / ".ci" / "run"
    if run.exists():  # a source distribution is without it
        (program,) = re.findall(r"python -c '(import tomllib\n.*?)'\)", run.read_text(), re.DOTALL)
        told = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
        assert told.split() == list(promised.values())
        assert "for file in $shared; do" in run.read_text()
    assert all((ROOT / source).is_file() for source in promised)
    files = {path.name for path in (ROOT / "completions").iterdir()}
    ends = (".bash", ".fish", ".yash")
    found = {name for name in files if name.startswith("_") or name.endswith(ends)}
    assert {Path(source).name for source in promised} == found


def test_what_readme_shows_of_hosts_and_of_the_broker_is_what_their_pages_have() -> None:
    fenced = re.compile(r"^```(json|yaml|dockerfile|js)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    pages = text_of("docs/hosts.md") + text_of("docs/broker.md")
    shown = fenced.findall(text_of("README.md"))
    assert [language for language, _ in shown] == ["json", "yaml", "dockerfile", "js"]
    for _, code in shown:
        assert code in pages


@pytest.mark.parametrize("page", ["README.md", "SKILL.md"])
def test_every_place_where_it_is_to_run_is_shown(page: str) -> None:
    text = text_of(page)
    for sign in ('"mcpServers"', "secrets.SCALEKIT_CLIENT_SECRET", "ENTRYPOINT", "ssh host"):
        assert sign in text
