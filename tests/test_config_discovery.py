"""Where maps are looked for."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from scalekit_exec import config
from scalekit_exec.config.discovery import _folders
from scalekit_exec.errors import ConfigurationError
from tests.support.auths import auth
from tests.support.maps import GMAIL, Home

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.launches import Folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_nearest_map_above_is_found_and_home_is_the_last_folder_looked_into(
    home: Home, tmp_path: Path
) -> None:
    deep = home.project / "src" / "deep"
    deep.mkdir(parents=True)
    above_home = tmp_path / "scalekit.toml"
    above_home.write_text(GMAIL)
    assert config.find_project(str(deep), home.environ) is None
    in_home = home.home / "scalekit.toml"
    in_home.write_text(GMAIL)
    assert config.find_project(str(deep), home.environ) == str(in_home)
    nearest = home.map(GMAIL)
    assert config.find_project(str(deep), home.environ) == str(nearest)
    assert config.find_project(str(tmp_path), home.environ) == str(above_home)


def test_home_is_recognized_by_what_it_is_and_not_by_how_it_is_written(
    home: Home, tmp_path: Path
) -> None:
    (tmp_path / "scalekit.toml").write_text(GMAIL)
    (tmp_path / "alias").symlink_to(home.home)
    for spelling in (f"{home.home}/", f"{tmp_path}/alias", f"{tmp_path}/./home"):
        assert config.find_project(str(home.project), {"HOME": spelling}) is None
    assert config.find_project(str(home.project), {}) == str(tmp_path / "scalekit.toml")


def test_a_mount_point_is_the_last_folder_looked_into() -> None:
    assert os.stat("/proc").st_dev != os.stat("/").st_dev
    assert list(_folders("/proc/self/fd", {})) == ["/proc/self/fd", "/proc/self", "/proc"]


def test_a_link_to_nothing_or_a_folder_of_that_name_is_never_passed_over(home: Home) -> None:
    (home.home / "scalekit.toml").write_text(GMAIL)
    found = home.project / "scalekit.toml"
    found.symlink_to("nowhere")
    with pytest.raises(ConfigurationError, match="link to nothing"):
        home.load()
    found.unlink()
    found.mkdir()
    with pytest.raises(ConfigurationError, match="is a folder"):
        home.load()


def test_a_working_folder_that_was_removed_has_no_project(home: Home) -> None:
    home.user(GMAIL)
    home.project.rmdir()
    assert home.load().project is None


def test_the_users_file_is_where_xdg_says_if_that_is_absolute(home: Home) -> None:
    default = str(home.own)
    assert config.user_path(home.environ) == default
    assert config.user_path(home.environ | {"XDG_CONFIG_HOME": "relative"}) == default
    assert config.user_path(home.environ | {"XDG_CONFIG_HOME": ""}) == default
    absolute = config.user_path(home.environ | {"XDG_CONFIG_HOME": "/x"})
    assert absolute == "/x/scalekit-exec/config.toml"
    assert os.path.isabs(config.user_path({}))


def test_the_hint_to_move_a_connections_file_can_be_typed(folder: Folder) -> None:
    project = folder.path / "a project"
    project.mkdir()
    connections = {"gmail": {"connection_name": "gmail_1", "identifier": "mess"}}
    (project / "connections.json").write_text(json.dumps(connections))
    (folder.path / "scalekit.toml").unlink()
    done = auth("list", cwd=project)
    (hint,) = [line for line in done.err.splitlines() if "scalekit-auth import " in line]
    command = hint.partition("scalekit-auth import ")[2]
    said = subprocess.check_output(["sh", "-c", f"printf %s {command}"], text=True)
    assert said == str(project / "connections.json")
