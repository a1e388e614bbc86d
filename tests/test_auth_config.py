"""`scalekit-auth config`, beyond what transcripts/config.txt shows."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tomli

from scalekit_exec.exposure import exposures, is_tracked
from tests.support.auths import auth

if TYPE_CHECKING:
    from tests.support.launches import Folder

OWN = Path(".config") / "scalekit-exec" / "config.toml"


def own() -> Path:
    return Path(os.environ["HOME"]) / OWN


def git(*words: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x", *words], check=True)


@pytest.fixture
def repository(sealed: None) -> Path:
    """Return a repository whose `.env` is tracked, and whose settings name a program."""
    del sealed
    git("init", "-q")
    Path("scalekit.toml").write_text('[services.a]\nconnection_name = "1"\nidentifier = "me"\n')
    Path(".env").write_text("SCALEKIT_CLIENT_SECRET=hush\n")
    Path(".env").chmod(0o600)
    git("add", "-f", ".env")
    program = Path("program")
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o755)
    git("config", "core.fsmonitor", str(program.absolute()))
    return Path.cwd()


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_a_repository_of_either_form_is_asked(tmp_path: Path, form: str) -> None:
    git("init", "-q", f"--object-format={form}", str(tmp_path))
    for name in (".env", "other"):
        (tmp_path / name).write_text("SCALEKIT_CLIENT_SECRET=hush\n")
    git("-C", str(tmp_path), "add", "-f", ".env")
    assert is_tracked(str(tmp_path / ".env"))
    assert is_tracked(str(tmp_path / "other")) is False
    (tmp_path / ".git" / "index").write_bytes(b"DIRC nonsense")
    assert is_tracked(str(tmp_path / ".env")) is None
    assert "whether git tracks" in exposures(str(tmp_path / ".env"))[-1]


@pytest.mark.parametrize("named", [False, True])
def test_a_map_that_is_no_file_is_not_waited_for(sealed: None, *, named: bool) -> None:
    del sealed
    os.mkfifo("scalekit.toml")
    words = ["-c", "scalekit.toml"] if named else []
    done = auth("config", *words)
    assert done.status in (0, 1)
    assert "internal" not in done.err
    Path("scalekit.toml").unlink()
    Path("scalekit.toml").symlink_to("/dev/zero")
    done = auth("config", *words)
    assert "internal" not in done.err


def test_a_configured_service_is_launched(folder: Folder) -> None:
    (folder.path / "scalekit.toml").unlink()
    done = auth("config", "mail@mess=MAIL_KEY", "gmail_u3134a")
    assert (done.status, done.out.strip()) == (0, str(own()))
    launched = folder.launch("mail")
    assert launched.child["MAIL_KEY"].startswith("sandbox-")


def test_the_nearest_project_map_is_written(folder: Folder) -> None:
    inner = folder.path / "a" / "b"
    inner.mkdir(parents=True)
    done = auth("config", "jira", "jira_1", cwd=inner)
    assert done.out.strip() == str(folder.path / "scalekit.toml")
    done = auth("config", "jira", "jira_2", "--project", cwd=inner)
    assert done.out.strip() == str(inner / "scalekit.toml")
    named = auth("config", "jira", "jira_3", "-c", os.devnull, cwd=inner)
    assert named.out.strip() == str(own())


def test_an_identifier_of_the_agents_environment_is_not_written(folder: Folder) -> None:
    auth("config", "jira", "jira_1", env={"SCALEKIT_EXEC_IDENTIFIER": "agent"})
    written = tomli.loads((folder.path / "scalekit.toml").read_text())
    assert written["services"]["jira"] == {"connection_name": "jira_1"}


def test_nobody_is_proposed_for_a_map_that_is_there_already(folder: Folder) -> None:
    folder.map('[services.a]\nconnection_name = "1"\n')
    (folder.path / "IDENTITY.md").write_text("- Name: Mess\n")
    done = auth("config", "b", "2")
    assert "identifier" not in (folder.path / "scalekit.toml").read_text()
    assert "b has no identifier yet, as" in done.err
    assert "scalekit-auth config --identifier mess" in done.err


def test_an_env_file_that_git_tracks_is_warned_of_and_git_runs_nothing(repository: Path) -> None:
    for words in (["config"], ["config", "b", "2"]):
        done = auth(*words)
        assert done.status == 0
        assert "~/work/.env is tracked by git" in done.err
    assert "hush" not in done.err + done.out
    assert not (repository / "ran").exists()
    git("-c", "core.fsmonitor=false", "rm", "-q", "--cached", ".env")
    assert auth("config").err == ""


@pytest.fixture
def partial(sealed: None) -> Path:
    """Return a repository that lacks a folder's tree, and whose settings say how to fetch it."""
    del sealed
    for name in ("keep/x", "sub/y", ".env", "scalekit.toml"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text('[services.a]\nconnection_name = "1"\nidentifier = "me"\n')
    git("init", "-q")
    git("add", "-f", ".")
    git("commit", "-qm", "x")
    git("sparse-checkout", "init", "--cone", "--sparse-index")
    git("sparse-checkout", "set", "keep")
    said = subprocess.run(["git", "rev-parse", "HEAD:sub"], capture_output=True, check=True)
    tree = said.stdout.decode().strip()
    (Path(".git") / "objects" / tree[:2] / tree[2:]).unlink()
    for name, value in (
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ssh://h/r"),
        ("core.sshCommand", f"touch {Path.cwd()}/ran; false"),
    ):
        git("config", name, value)
    return Path.cwd()


def test_no_way_to_fetch_that_a_repository_names_is_used(partial: Path) -> None:
    for words in (["config"], ["config", "b", "2"], ["doctor"]):
        auth(*words)
    assert not (partial / "ran").exists()


def test_a_bare_repository_among_the_files_is_none(partial: Path, tmp_path: Path) -> None:
    bare = tmp_path / "clone" / "app"
    shutil.copytree(partial / ".git", bare)
    git("-C", str(bare), "config", "core.bare", "false")
    git("-C", str(bare), "config", "core.worktree", ".")
    shutil.copy(partial / ".env", bare)
    assert not is_tracked(str(bare / ".env"))
    assert not (partial / "ran").exists()


def test_a_linked_working_tree_and_a_submodule_are_found(repository: Path, tmp_path: Path) -> None:
    plain = ("-c", "core.fsmonitor=false", "-c", "protocol.file.allow=always")
    git(*plain, "commit", "-qm", "x")
    git(*plain, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert is_tracked(str(tmp_path / "linked" / ".env"))
    (tmp_path / "outer").mkdir()
    outer = ("-C", str(tmp_path / "outer"), *plain)
    git(*outer, "init", "-q")
    git(*outer, "submodule", "--quiet", "add", str(repository), "inner")
    assert is_tracked(str(tmp_path / "outer" / "inner" / ".env"))
    assert not is_tracked(str(tmp_path / "outer" / "inner" / "other"))
    assert not (repository / "ran").exists()


def test_a_remedy_can_be_pasted_whatever_the_folder_is_called(sealed: None) -> None:
    del sealed
    odd = Path("a; touch pasted; b")
    odd.mkdir()
    (odd / ".env").write_text("x=1\n")
    (odd / ".env").chmod(0o644)
    told = exposures(str(odd / ".env"))[0].partition("; chmod")[2]
    subprocess.run(["sh", "-c", f"chmod{told}"], check=True)
    assert (odd / ".env").stat().st_mode & 0o777 == 0o600
    assert not Path("pasted").exists()


def test_an_env_file_that_others_can_read_is_warned_of(repository: Path) -> None:
    git("-c", "core.fsmonitor=false", "rm", "-q", "--cached", ".env")
    (repository / ".env").chmod(0o644)
    assert auth("config", "a", "2").err == (
        "scalekit-auth: ~/work/.env can be read by other users; chmod 600 ~/work/.env\n"
    )


def test_a_git_that_came_with_the_repository_is_not_run(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = repository / "git"
    fake.write_text("#!/bin/sh\ntouch ran\n")
    fake.chmod(0o755)
    for path in (".", "", str(repository)):
        monkeypatch.setenv("PATH", path + os.pathsep + os.environ["PATH"])
        assert not is_tracked(str(repository / ".env"))
    assert not (repository / "ran").exists()


def test_two_files_that_fail_together_are_not_written(folder: Folder) -> None:
    own().parent.mkdir(parents=True)
    own().write_text("identifer = 1\n")
    before = (folder.path / "scalekit.toml").read_text()
    done = auth("config", "jira", "jira_1")
    assert done.status == 1
    assert "did you mean identifier?" in done.err
    assert (folder.path / "scalekit.toml").read_text() == before


@pytest.mark.parametrize("words", [(), ("--project",), ("-c", "scalekit.toml")])
def test_a_repositorys_link_does_not_say_where_a_file_comes_into_being(
    sealed: None, words: tuple[str, ...]
) -> None:
    del sealed
    planted = Path(os.environ["HOME"]) / ".planted.toml"
    Path("scalekit.toml").symlink_to(planted)
    done = auth("config", "gmail", "gmail_1", *words)
    assert done.status == 1
    assert "error[config-invalid]: ~/work/scalekit.toml is a link to nothing" in done.err
    assert not planted.exists()


def test_a_bad_name_is_no_fault_of_the_file(sealed: None) -> None:
    del sealed
    for words in (
        ["gmail", "bad name!"],
        ["gmail", "x" * 2000],
        ["gmail", "c", "--identifier", "x" * 2000],
    ):
        done = auth("config", *words)
        assert (done.status, done.out) == (2, ""), words
        assert "config.toml" not in done.err


def test_a_map_that_is_named_from_a_folder_beside_it_is_told_by_its_plain_path(
    folder: Folder,
) -> None:
    beside = folder.path.parent / "x.toml"
    done = auth("config", "jira", "jira_1", "-c", "../x.toml", "--identifier", "me")
    assert (done.status, done.out) == (0, f"{beside}\n")
    assert "jira_1" in beside.read_text()
    listed = auth("list", "-c", "../x.toml", "--json").answer["services"]
    assert [row["origin"] for row in listed] == [str(beside)]


def test_above_a_link_is_where_the_system_says_it_is(folder: Folder, tmp_path: Path) -> None:
    far = tmp_path / "far" / "away"
    far.mkdir(parents=True)
    (folder.path / "link").symlink_to(far)
    assert auth("config", "jira", "jira_1", "-c", "link/../x.toml").status == 0
    assert "jira_1" in (tmp_path / "far" / "x.toml").read_text()
    assert not (folder.path / "x.toml").exists()
