"""Edits of a map's text, and of its file by many at once."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec import editing
from scalekit_exec.editing import (
    Entry,
    Target,
    drop_service,
    drop_settings,
    put_default,
    put_service,
    put_settings,
)
from scalekit_exec.editing.forms import UneditableError
from scalekit_exec.editing.lock import locked
from scalekit_exec.errors import ConfigurationError
from tests.support.auths import AUTH, auth

if TYPE_CHECKING:
    from collections.abc import Callable

MAP = """\
#:schema ./schema.json
# who we are
identifier = "mess"  # not a name

# mail
[services.gmail]  # the main one
connection_name = "gmail_1"  # as in the dashboard

# chat
[services.slack]
connection_name = "slack_1"
env = { SLACK_KEY = "{token}" }

# what belongs together
[groups]
inbox = ["gmail", "slack"]  # both
mail = ["gmail"]
"""


def test_a_new_service_goes_behind_its_brothers_and_tears_no_comment_off() -> None:
    new = '[services.jira]\nconnection_name = "jira_1"\nenv = ["A_TOKEN", "B_TOKEN"]\n\n'
    before, after = MAP.split("# what belongs")
    entry = Entry("jira", "jira_1", env=("A_TOKEN", "B_TOKEN"))
    assert put_service(MAP, entry) == f"{before}{new}# what belongs{after}"


def test_a_changed_value_keeps_the_comment_behind_it() -> None:
    changed = put_service(MAP, Entry("gmail", "gmail_2"))
    assert changed == MAP.replace('"gmail_1"', '"gmail_2"')


def test_what_an_entry_does_not_say_stays() -> None:
    changed = put_service(MAP, Entry("slack", identifier="ops"))
    assert tomli.loads(changed)["services"]["slack"] == {
        "connection_name": "slack_1",
        "env": {"SLACK_KEY": "{token}"},
        "identifier": "ops",
    }


def test_a_removed_service_leaves_its_groups_and_takes_an_empty_one_along() -> None:
    changed = drop_service(MAP, "gmail")
    values = tomli.loads(changed)
    assert values["services"].keys() == {"slack"}
    assert values["groups"] == {"inbox": ["slack"]}
    kept = ["#:schema", "# who we are", "# not a name", "# chat", "# what belongs", "# both"]
    assert [comment for comment in kept if comment not in changed] == []
    assert "# mail" not in changed
    assert "# the main one" not in changed


def test_the_comment_at_the_top_stays_when_the_first_service_goes() -> None:
    text = '#:schema x\n[services.a]\nconnection_name = "1"\n'
    assert drop_service(text, "a") == "#:schema x\n"


def test_a_default_identifier_goes_to_the_top_below_the_schema() -> None:
    text = '#:schema x\n\n[services.a]\nconnection_name = "1"\n'
    wanted = text.replace("x\n", 'x\nidentifier = "me"  # why\n')
    assert put_default(text, "me", "why") == wanted
    text = '# about a\n[services.a]\nconnection_name = "1"\n'
    assert put_default(text, "me") == 'identifier = "me"\n\n' + text


def test_a_comment_that_is_true_of_the_old_identifier_only_goes_with_it() -> None:
    target = editing.Target("/p/scalekit.toml", "/home/me/.config/scalekit-exec/config.toml")
    proposed = put_default("", "mess", editing.proposed_by(target, "/p/IDENTITY.md"))
    assert proposed == 'identifier = "mess"  # proposed by IDENTITY.md\n'
    assert put_default(proposed, "team") == 'identifier = "team"\n'
    assert put_default('identifier = "a"  # ours\n', "b") == 'identifier = "b"  # ours\n'


def test_lines_end_as_they_do_in_the_file() -> None:
    text = MAP.replace("\n", "\r\n")
    for changed in (put_service(text, Entry("jira", "j")), put_default(text, "x")):
        assert "\n" not in changed.replace("\r\n", "")


def test_a_table_of_settings_is_made_changed_and_taken_away() -> None:
    values = {"client_id": "skc_1", "env_url": "https://a.example"}
    made = put_settings(MAP, ("environments", "prod"), values)
    assert made == MAP + (
        '\n[environments.prod]\nclient_id = "skc_1"\nenv_url = "https://a.example"\n'
    )
    assert tomli.loads(drop_settings(made, ("environments", "prod"), list(values))) == (
        tomli.loads(MAP)
    )
    more = made + 'transport = "sdk"  # slow\n'
    assert drop_settings(more, ("environments", "prod"), list(values)).endswith(
        '[environments.prod]\ntransport = "sdk"  # slow\n'
    )


FORMS: dict[str, Callable[[str, str], str]] = {
    "table": lambda name, value: f"[services.{name}] # c-{name}\nconnection_name = {value}\n",
    "spaced": lambda name, value: f"\n# c-{name}\n[ services . {name} ]\nconnection_name={value}\n",
    "nested": lambda name, value: (
        f'# c-{name}\n[services.{name}.env]\nA_TOKEN = "{{token}}"\n'
        f"[services.{name}]\nconnection_name = {value}\n"
    ),
}
HEADS: dict[str, Callable[[str, str], str]] = {
    "dotted": lambda name, value: f"services.{name}.connection_name = {value} # c-{name}\n",
    "inline": lambda name, value: f"services.{name} = {{ connection_name = {value} }} # c-{name}\n",
}
INSIDE: dict[str, Callable[[str, str], str]] = {
    "dotted": lambda name, value: f"{name}.connection_name = {value} # c-{name}\n",
    "inline": lambda name, value: f"{name} = {{ connection_name = {value} }} # c-{name}\n",
}
VALUES = st.sampled_from(['"x"', "'y'", '"""\n[services.a]\n# no comment"""', '"# none"'])
NAMES = ["a", "b", "c"]


@st.composite
def maps(draw: st.DrawFn) -> str:
    """Write a map in one of the ways that TOML has, with comments that name their service."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    head = draw(st.sampled_from(["", "# top\n", '# top\nidentifier = "me" # who\n']))
    groups = f"\n# groups\n[groups]\ng = {names!r} # end\n".replace("'", '"') if names else ""
    style = draw(st.sampled_from(["tables", "head", "services", "whole", "split"]))
    values = {name: draw(VALUES) for name in names}
    if style == "whole":
        inner = ", ".join(f"{name} = {{connection_name = 'z'}}" for name in names)
        return f"{head}services = {{ {inner} }} # whole\n{groups}"
    if style in ("tables", "split"):
        parts = [draw(st.sampled_from(list(FORMS.values())))(n, values[n]) for n in names]
        if style == "split" and parts:
            return head + parts[0] + groups + "\n".join(["", *parts[1:]])
        return head + "\n".join(parts) + groups
    forms = HEADS if style == "head" else INSIDE
    body = "".join(draw(st.sampled_from(list(forms.values())))(n, values[n]) for n in names)
    return head + ("[services] # all\n" if style == "services" else "") + body + groups


def comments(text: str) -> set[str]:
    """Return the marked comments; those inside strings are no comments."""
    return set(re.findall(r"# (?:c-\w+|top|who|groups|end|all|whole)$", text, re.MULTILINE))


@given(maps(), st.sampled_from([*NAMES, "new", "a.b"]), st.sampled_from([None, "me", 'q"\n]']))
def test_putting_a_service_in_changes_it_and_nothing_else(
    text: str, name: str, identifier: str | None
) -> None:
    entry = Entry(name, "conn: 1", identifier)
    wanted: Any = deepcopy(tomli.loads(text))
    wanted.setdefault("services", {}).setdefault(name, {}).update(entry.values)
    changed = put_service(text, entry)
    assert tomli.loads(changed) == wanted
    assert comments(text) == comments(changed)


@given(maps(), st.data())
def test_taking_a_service_out_changes_it_and_its_groups_only(
    text: str, data: st.DataObject
) -> None:
    before = tomli.loads(text)
    if not before.get("services"):
        return
    name = data.draw(st.sampled_from(sorted(before["services"])))
    changed = drop_service(text, name)
    after = tomli.loads(changed)
    del before["services"][name]
    left = [member for member in before["groups"]["g"] if member != name]
    assert after.get("services", {}) == before["services"]
    assert after["groups"] == ({"g": left} if left else {})
    lost = comments(text) - comments(changed) - {f"# c-{name}"}
    assert lost <= ({"# end"} if not left else set()) | (
        {"# all", "# whole"} if not left else set()
    )


@given(maps(), st.text(min_size=1, max_size=20))
def test_a_default_identifier_is_read_back_as_it_was_given(text: str, identifier: str) -> None:
    wanted = tomli.loads(text) | {"identifier": identifier}
    assert tomli.loads(put_default(text, identifier)) == wanted


def test_a_form_that_cannot_be_edited_is_refused_with_the_lines_to_write() -> None:
    with pytest.raises(UneditableError) as caught:
        put_service("services = 1\n", Entry("a", "x"))
    assert caught.value.lines == '[services.a]\nconnection_name = "x"\n'


# --- files ---


@pytest.fixture
def target(tmp_path: Path) -> Target:
    own = tmp_path / "config" / "scalekit-exec" / "config.toml"
    return Target(str(own), str(own))


def test_a_new_file_is_the_users_alone_and_leads_an_editor_to_the_schema(target: Target) -> None:
    assert editing.edit(target, lambda text: put_service(text, Entry("a", "x")), {})
    path = Path(target.path)
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_text().splitlines()[0]
    schema = Path(first.removeprefix("#:schema file://"))
    assert schema.is_file()
    assert '"$schema"' in schema.read_text()


def test_a_projects_new_file_is_as_the_umask_has_it(tmp_path: Path, target: Target) -> None:
    path = str(tmp_path / "scalekit.toml")
    editing.edit(Target(path, target.own, path), lambda t: put_service(t, Entry("a", "x")), {})
    assert Path(path).stat().st_mode & 0o777 == 0o644


def test_an_edit_keeps_the_files_mode_and_leaves_nothing_beside_it(target: Target) -> None:
    path = Path(target.path)
    path.parent.mkdir(parents=True)
    path.write_text(MAP)
    path.chmod(0o640)
    editing.edit(target, lambda text: put_service(text, Entry("a", "x")), {})
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == ["config.toml"]


def test_what_changes_nothing_does_not_touch_the_file(target: Target) -> None:
    path = Path(target.path)
    path.parent.mkdir(parents=True)
    path.write_text(MAP)
    os.utime(path, (1, 1))
    assert not editing.edit(target, lambda text: put_service(text, Entry("gmail", "gmail_1")), {})
    assert path.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: put_service(text, Entry("a", "no/name")), "is not one"),
        (lambda text: put_service(text, Entry("a", "x", env=("PATH",))), "may not be set"),
        (lambda text: put_service(text, Entry("inbox", "x")), "a group has the name of a service"),
        (lambda text: put_service(text, Entry("a", "x", "i" * 101)), "at most 100 characters"),
        (lambda text: text.replace("[groups]", "[grps]"), "unknown key"),
        (lambda text: put_settings(text, ("scalekit",), {"env_url": "http://x"}), "https"),
        (lambda _: "services = \n", "line 1"),
    ],
)
def test_what_would_not_load_is_refused_and_the_file_is_as_it_was(
    target: Target, change: Callable[[str], str], why: str
) -> None:
    path = Path(target.path)
    path.parent.mkdir(parents=True)
    path.write_text(MAP)
    with pytest.raises(ConfigurationError, match=why) as caught:
        editing.edit(target, change, {})
    assert caught.value.code == "config-invalid"
    assert path.read_text() == MAP
    assert os.listdir(path.parent) == ["config.toml"]


def test_both_files_must_load_together(tmp_path: Path, target: Target) -> None:
    own, project = Path(target.own), tmp_path / "scalekit.toml"
    own.parent.mkdir(parents=True)
    own.write_text(MAP)
    project.write_text('[groups]\nall = ["gmail", "slack"]\n')
    both = Target(target.own, target.own, str(project))
    with pytest.raises(ConfigurationError, match="there is no service"):
        editing.edit(both, lambda text: drop_service(text, "slack"), {})
    assert own.read_text() == MAP


def test_a_file_that_somebody_else_could_have_written_is_not_edited(target: Target) -> None:
    path = Path(target.path)
    path.parent.mkdir(parents=True)
    path.write_text(MAP)
    path.chmod(0o666)
    with pytest.raises(ConfigurationError, match="may be written by everybody"):
        editing.edit(target, lambda text: put_service(text, Entry("a", "x")), {})


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    own = str(tmp_path / "file" / "config.toml")
    with pytest.raises(ConfigurationError, match="cannot write"):
        editing.edit(Target(own, own), lambda text: put_service(text, Entry("a", "x")), {})


def test_twenty_edits_at_once_lose_nothing(sealed: None) -> None:
    del sealed
    Path("scalekit.toml").write_text(MAP)
    running = [
        subprocess.Popen(
            [AUTH, "config", f"s{number}", f"c{number}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number in range(20)
    ]
    told = [process.communicate(timeout=60)[1] for process in running]
    assert told == [b""] * 20
    assert [process.returncode for process in running] == [0] * 20
    services = tomli.loads(Path("scalekit.toml").read_text())["services"]
    assert services.keys() == {"gmail", "slack", *(f"s{number}" for number in range(20))}
    assert [name for name in os.listdir() if name != "scalekit.toml"] == []


def test_a_lock_is_waited_for_and_one_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    path = str(tmp_path / "config.toml")
    (tmp_path / ".config.toml.lock").write_text("")  # of an editor that was killed
    order = []
    inside = threading.Event()

    def other() -> None:
        inside.wait(5)
        with locked(path):
            order.append("second")

    thread = threading.Thread(target=other)
    thread.start()
    with locked(path):
        inside.set()
        time.sleep(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert [name for name in os.listdir(tmp_path) if name.startswith(".")] == []


def test_an_editor_that_is_killed_does_not_lock_the_next_one_out(sealed: None) -> None:
    del sealed
    code = (
        "import os\nfrom scalekit_exec.editing.lock import locked\n"
        "with locked('scalekit.toml'):\n print(flush=True); os.kill(os.getpid(), 9)\n"
    )
    python = str(Path(AUTH).with_name("python"))
    done = subprocess.run([python, "-c", code], capture_output=True, check=False)
    assert done.returncode == -9
    assert os.path.exists(".scalekit.toml.lock")
    assert auth("config", "--project", "a", "x").status == 0
    assert not os.path.exists(".scalekit.toml.lock")
