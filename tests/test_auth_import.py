"""`scalekit-auth import`, beyond what transcripts/import.txt shows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec import credentials, custody, keeping, moving
from scalekit_exec.config.document import parse_json
from scalekit_exec.config.services import read_connections
from scalekit_exec.model import ClientCredentials, ServiceMap, UserSettings
from scalekit_exec.secret import Secret
from tests.support.auths import auth

if TYPE_CHECKING:
    from tests.support.launches import Folder

OLD = {"gmail": {"connection_name": "gmail_u3134a", "identifier": "** mess"}}
NOTHING = ServiceMap({}, {}, UserSettings("config.toml"))


def own(name: str) -> Path:
    return Path(os.environ["HOME"]) / ".config" / "scalekit-exec" / name


def old_skill(folder: Path, services: object = OLD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "connections.json").write_text(json.dumps(services))
    return folder


def test_an_agents_skill_folder_is_found_and_launched_from(folder: Folder) -> None:
    assert folder.sandbox is not None
    (folder.path / "scalekit.toml").unlink()
    skill = old_skill(Path(os.environ["HOME"]) / ".openclaw" / "skills" / "scalekit-auth")
    values = folder.sandbox.environ()
    lines = [f"{name}={values[name]}" for name in list(values)[:3]]
    (skill / ".env").write_text("\n".join([*lines, "OTHER=1"]))
    (skill / ".env").chmod(0o600)
    done = auth("import")
    assert (done.status, own(".env").stat().st_mode & 0o777) == (0, 0o600)
    secret = folder.sandbox.client_secret
    assert secret not in done.out + done.err
    assert secret in own(".env").read_text()
    assert "OTHER" not in own(".env").read_text()
    assert (skill / "connections.json").exists()
    bare = dict.fromkeys(list(values)[:3])
    launched = folder.launch("gmail", env=bare)
    assert launched.child["GMAIL_TOKEN"].startswith("sandbox-")
    asked = folder.sandbox.requests()[-1]
    assert asked["identifier"] == "** mess"


def test_a_dry_run_writes_nothing_and_finds_what_would_fail(sealed: None) -> None:
    del sealed
    old_skill(Path.cwd())
    assert auth("import", "--dry-run").status == 0
    assert not own("config.toml").parent.exists()
    Path("scalekit.toml").write_text("identifer = 1\n")
    assert auth("import", "--dry-run").status == 1


def test_credentials_of_your_own_are_left_alone(sealed: None) -> None:
    del sealed
    old_skill(Path.cwd())
    Path(".env").write_text("SCALEKIT_CLIENT_SECRET=old\n")
    own("x").parent.mkdir(parents=True)
    own(".env").write_text("SCALEKIT_CLIENT_SECRET=mine\n")
    assert "is there already" in auth("import").out
    assert own(".env").read_text() == "SCALEKIT_CLIENT_SECRET=mine\n"
    own(".env").unlink()
    own("config.toml").write_text('[scalekit]\nclient_id = "skc_1"\n')
    assert "you have [scalekit]" in auth("import").out
    assert not own(".env").exists()


def test_half_an_env_file_is_not_copied_and_the_map_is(sealed: None) -> None:
    del sealed
    old_skill(Path.cwd())
    Path(".env").write_text("SCALEKIT_CLIENT_SECRET=hush\n")
    done = auth("import", "-q")
    assert done.status == 0
    assert "is not copied" in done.out
    assert "hush" not in done.out
    assert not own(".env").exists()
    assert "gmail" in own("config.toml").read_text()


def test_a_service_without_identifier_gets_what_is_proposed(sealed: None) -> None:
    del sealed
    old_skill(Path.cwd(), {"gmail": {"connection_name": "gmail_1"}})
    assert "no identifier for gmail" in auth("import", "--dry-run").err
    Path("IDENTITY.md").write_text("- **Name:** Mess\n")
    assert auth("import").status == 0
    assert tomli.loads(own("config.toml").read_text())["identifier"] == "mess"


@pytest.mark.parametrize("services", ["5", "[1]", "{ gmail = 5 }", "[{}]"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_map_that_does_not_load_is_named(sealed: None, services: str, force: list[str]) -> None:
    del sealed
    old_skill(Path.cwd(), {"gmail": {"connection_name": "gmail_1"}})
    Path("scalekit.toml").write_text(f"services = {services}\n")
    done = auth("import", "--project", "connections.json", *force)
    assert done.status == 1
    assert "error[config-invalid]" in done.err
    assert Path("scalekit.toml").read_text() == f"services = {services}\n"


def test_an_identifier_that_the_map_has_for_all_is_the_same(sealed: None) -> None:
    del sealed
    old_skill(Path.cwd())
    Path("scalekit.toml").write_text(
        'identifier = "** mess"\n[services.gmail]\nconnection_name = "gmail_u3134a"\n'
    )
    assert "gmail: in the map already" in auth("import").out


@given(st.dictionaries(st.sampled_from(["a", "b", "c.d"]), st.text(min_size=1, max_size=30)))
def test_identifiers_move_exactly_as_they_stand(identifiers: dict[str, str]) -> None:
    old = {n: {"connection_name": "c", "identifier": i} for n, i in identifiers.items()}
    services = read_connections(parse_json("connections.json", json.dumps(old).encode()))[0]
    text, changes = moving.merge("# mine\n", services, force=False)
    moved = tomli.loads(text).get("services", {})
    assert {name: service["identifier"] for name, service in moved.items()} == identifiers
    assert {change.what for change in changes} <= {moving.ADDED}
    again, changes = moving.merge(text, services, force=True)
    assert again == text
    assert {change.what for change in changes} <= {moving.SAME}


# What a client secret may be: one line of text (credentials checks the rest).
SECRETS = st.text(
    st.characters(min_codepoint=0x20, exclude_characters="\x7f\x85\u2028\u2029", codec="utf-8"),
    min_size=1,
    max_size=40,
).filter(lambda text: text == text.strip() and not keeping.fault(text))


@given(SECRETS)
def test_a_kept_secret_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = str(tmp_path_factory.getbasetemp() / "kept.env")
    client = ClientCredentials("skc_1", Secret(text), "https://acme.scalekit.com", "a test")
    custody.keep_in_env(path, client)
    found = credentials.find(credentials.Request({}, NOTHING, path), print)
    assert found.client_secret.reveal() == text
    assert (found.client_id, found.env_url) == (client.client_id, client.env_url)


def test_other_lines_of_an_env_file_stay(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nOTHER=1\nSCALEKIT_CLIENT_SECRET=old\nexport MORE='a b'")
    client = ClientCredentials("skc_1", Secret("new"), "https://acme.scalekit.com", "a test")
    custody.keep_in_env(str(path), client)
    text = path.read_text()
    assert text.startswith("# mine\nOTHER=1\nexport MORE='a b'\nSCALEKIT_CLIENT_ID=skc_1\n")
    assert "old" not in text
    assert path.stat().st_mode & 0o777 == 0o600
    assert custody.forget_env(str(path))
    assert path.read_text() == "# mine\nOTHER=1\nexport MORE='a b'\n"


PLANTED = (
    "SCALEKIT_CLIENT_ID=skc_1\nSCALEKIT_CLIENT_SECRET=theirs\n"
    "SCALEKIT_ENV_URL=https://evil.example\n"
)


@pytest.mark.parametrize("where", [".", "skills/scalekit-auth"])
def test_credentials_that_came_with_a_cloned_repository_are_not_the_users(
    sealed: None, where: str
) -> None:
    del sealed
    folder = old_skill(Path(where))
    (folder / ".env").write_text(PLANTED)
    done = auth("import")
    assert done.status == 0
    assert "for evil.example, is not copied" in done.out
    assert not own(".env").exists()
    given = auth("import", "--credentials", env={"SCALEKIT_CLIENT_SECRET": "mine"})
    assert "you have SCALEKIT_CLIENT_SECRET in the environment" in given.out
    assert not own(".env").exists()
    assert auth("import", where).status == 0
    assert "evil.example" in own(".env").read_text()


def test_an_agents_folder_is_the_users_from_within_it_too(sealed: None) -> None:
    del sealed
    workspace = Path(os.environ["HOME"]) / ".openclaw" / "workspace"
    skill = old_skill(workspace / "skills" / "scalekit-auth")
    (skill / ".env").write_text(PLANTED)
    assert "is copied" in auth("import", cwd=workspace).out
    own(".env").unlink()
    assert "is copied" in auth("import", cwd=skill).out
