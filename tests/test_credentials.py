"""Where client credentials come from: the order, never mixed, and who may have written them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.files import displayed
from tests.support.maps import GMAIL
from tests.support.places import ACME, ID, OTHER_URL, SECRET, URL, Place, lines, three

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.launches import Folder


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_sources_are_asked_in_order(place: Place) -> None:
    named = place.home / "named.env"
    named.write_text(lines(three("named")))
    environ = three("environment")
    project = place.dot_env(three("project"))
    own = place.dot_env(three("own"), own=True)
    place.scalekit()
    assert place.name(environ, env_file=str(named)) == "named"
    assert place.name(environ) == "environment"
    assert place.name() == "project"
    project.unlink()
    assert place.name() == "own"
    own.unlink()
    assert place.name() == "settings"
    place.own.unlink()
    error = place.refused()
    assert error.code == "credentials-missing"
    assert all(name in error.message for name in (ID, SECRET, URL))


def test_each_says_where_it_was_found(place: Place) -> None:
    place.dot_env(three("project"))
    assert place.find(three("environment")).source == "the environment"
    assert place.find().source == "~/code/app/.env"
    (place.project / ".env").unlink()
    place.scalekit()
    assert place.find().source == "~/.config/scalekit-exec/config.toml [scalekit]"


@given(
    st.dictionaries(st.sampled_from([ID, SECRET]), st.sampled_from(["", " ", "x"])),
    st.sampled_from([{}, {URL: ""}, {URL: ACME}]),
    st.sampled_from(["own", None]),
)
def test_the_first_source_that_has_any_must_have_all(
    tmp_path_factory: pytest.TempPathFactory,
    pair: dict[str, str],
    url: dict[str, str],
    with_own: str | None,
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    if with_own:
        place.dot_env(three("own"), own=True)
    environ = pair | url
    has = {name for name, value in environ.items() if value.strip()}
    if len(has) == 3:
        assert place.find(environ).source == "the environment"
    elif not has and with_own:
        assert place.name(environ) == "own"
    else:
        error = place.refused(environ)
        assert error.code == "credentials-missing"
        for name in {ID, SECRET, URL} - has:
            assert name in error.message
        assert ("the environment has" in error.message) == bool(has)


@pytest.mark.parametrize("missing", [ID, SECRET, URL])
@pytest.mark.parametrize("source", ["environment", "project", "own", "named"])
def test_a_half_source_is_named_and_never_filled_up_from_another(
    place: Place, source: str, missing: str
) -> None:
    half = {name: value for name, value in three("half").items() if name != missing}
    place.scalekit()
    files = {"project": place.project / ".env", "own": place.own.parent / ".env"}
    environ, options = half, {}
    if source != "environment":
        path = files.get(source, place.home / "named.env")
        path.write_text(lines(half))
        path.chmod(0o600)
        environ = {}
        options = {"env_file": str(path)} if source == "named" else {}
    error = place.refused(environ, **options)
    assert error.code == "credentials-missing"
    where = "the environment" if source == "environment" else displayed(str(path))
    assert error.message.startswith(f"{where} has ")
    assert error.message.endswith(f"but not {missing}")
    assert "secret-of-half" not in str(error)


def test_half_of_the_settings_is_named_too(place: Place) -> None:
    place.user('[scalekit]\nclient_id = "skc_1"\n')
    error = place.refused()
    assert error.code == "credentials-missing"
    assert error.message == "~/.config/scalekit-exec/config.toml [scalekit] lacks env_url"


def test_settings_that_only_say_how_to_speak_are_no_source(place: Place) -> None:
    place.user('[scalekit]\ntransport = "https"\n')
    assert "no Scalekit client credentials" in place.refused().message


def test_the_other_name_of_the_url_is_as_good(place: Place) -> None:
    environ = three("environment")
    environ[OTHER_URL] = environ.pop(URL)
    assert place.find(environ).env_url == ACME


def test_both_names_of_the_url_may_say_the_same_and_nothing_else(place: Place) -> None:
    environ = three("environment") | {OTHER_URL: "https://ACME.scalekit.com:443/"}
    assert place.find(environ).env_url == ACME
    error = place.refused(environ | {OTHER_URL: "https://evil.example"})
    assert error.code == "config-invalid"
    assert URL in error.message
    assert OTHER_URL in error.message


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (f"{ACME}/", ACME),
        ("HTTPS://Acme.Scalekit.Com", ACME),
        (f" {ACME}:443 ", ACME),
        ("https://auth.acme.example:8443/", "https://auth.acme.example:8443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_url_is_taken_in_one_form(place: Place, given: str, taken: str) -> None:
    assert place.find(three("x", given)).env_url == taken


# `.env` files.


def test_a_dot_env_beside_a_named_map_is_found(place: Place) -> None:
    place.dot_env(three("project"))
    elsewhere = place.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "my.toml").write_text('identifier = "x"\n' + GMAIL)
    (elsewhere / ".env").write_text(lines(three("elsewhere")))
    assert place.name(config=str(elsewhere / "my.toml")) == "elsewhere"


def test_a_dot_env_without_a_map_beside_it_is_not_looked_for(place: Place) -> None:
    (place.project / "scalekit.toml").unlink()
    place.dot_env(three("project"))
    place.user('identifier = "x"\n' + GMAIL)
    assert place.refused().code == "credentials-missing"


def test_nothing_is_interpolated(place: Place) -> None:
    values = three("project") | {SECRET: "${HOME}$PATH-${NOPE:-x}"}
    place.dot_env(values)
    assert place.find({"HOME": "/root"}).client_secret.reveal() == values[SECRET]


def test_quotes_comments_and_export_are_understood(place: Place) -> None:
    place.dot_env(
        "\ufeff# ours\n"
        f"export {ID}='skc_a' # the id\n"
        f'{SECRET}="a b#c"\r\n'
        f"FOO=bar\n\n  {URL} = {ACME}  \n"
    )
    found = place.find()
    assert (found.client_id, found.env_url) == ("skc_a", ACME)
    assert found.client_secret.reveal() == "a b#c"


def test_a_line_that_is_none_is_told_by_its_number_and_not_by_its_text(place: Place) -> None:
    place.dot_env(lines(three("project")) + "\n\nmy secret: 'hunter2\n")
    assert place.name() == "project"
    assert place.warnings == ["~/code/app/.env: line 6 is not NAME=VALUE and is passed over"]


@pytest.mark.parametrize("mode", [0o602, 0o622, 0o666])
def test_a_found_dot_env_that_others_may_write_is_refused(place: Place, mode: int) -> None:
    place.dot_env(three("project")).chmod(mode)
    error = place.refused()
    assert error.code == "config-invalid"
    assert ".env" in error.message
    assert f"{mode:04o}" in error.message
    assert "SCALEKIT_EXEC_ENV_FILE" in error.hint
    assert place.name(env_file=str(place.project / ".env")) == "project"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("own", [False, True])
def test_a_found_dot_env_of_somebody_else_is_refused(place: Place, *, own: bool) -> None:
    os.chown(place.dot_env(three("project"), own=own), 65534, 65534)
    error = place.refused()
    assert error.code == "config-invalid"
    assert "belongs to somebody else" in error.message


def test_a_dot_env_that_is_a_pipe_is_read(place: Place) -> None:
    path = place.project / ".env"
    os.mkfifo(path, 0o600)
    writer = threading.Thread(target=path.write_text, args=(lines(three("piped")),))
    writer.start()
    assert place.name() == "piped"
    writer.join()


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o604, 1), (0o640, 0)])
def test_a_dot_env_that_others_can_read_is_warned_of(place: Place, mode: int, warned: int) -> None:
    path = place.dot_env(three("project"))
    path.chmod(mode)
    assert place.name() == "project"
    assert place.name(env_file=str(path)) == "project"
    expected = "~/code/app/.env can be read by other users; chmod 600 ~/code/app/.env"
    assert place.warnings == [expected] * 2 * warned


def test_a_dot_env_without_ours_is_passed_over_and_not_warned_of(place: Place) -> None:
    place.dot_env("FOO=bar\n").chmod(0o644)
    place.dot_env(three("own"), own=True)
    assert place.name() == "own"
    assert place.warnings == []


# A planted `.env`.


def test_beside_a_map_another_server_than_the_users_is_refused(place: Place) -> None:
    place.dot_env(three("planted", "https://evil.example"))
    place.scalekit()
    error = place.refused()
    assert error.code == "config-invalid"
    for part in (".env", "evil.example", "acme.scalekit.com"):
        assert part in error.message
    assert 'allow_urls = ["https://evil.example"]' in error.hint
    assert displayed(str(place.own)) in error.hint


def test_the_same_holds_where_the_user_has_a_dot_env_of_their_own(place: Place) -> None:
    place.dot_env(three("planted", "https://evil.example"))
    place.dot_env(three("own"), own=True)
    error = place.refused()
    assert error.code == "config-invalid"
    assert "acme.scalekit.com" in error.message


@pytest.mark.parametrize(
    "text",
    [
        'allow_urls = ["https://staging.example/"]',
        '[environments.staging]\nenv_url = "https://STAGING.example"',
    ],
)
def test_another_server_that_the_user_knows_is_allowed(place: Place, text: str) -> None:
    place.dot_env(three("project", "https://staging.example"))
    place.scalekit(text)
    assert place.name() == "project"


def test_a_user_without_settings_trusts_the_project(place: Place) -> None:
    place.dot_env(three("project", "https://any.example"))
    place.user('allow_variables = ["EDITOR"]\n')
    assert place.name() == "project"


def test_a_named_file_or_the_environment_may_name_any_server(place: Place) -> None:
    path = place.dot_env(three("project", "https://any.example"))
    place.scalekit()
    assert place.name(env_file=str(path)) == "project"
    assert place.name(three("environment", "https://other.example")) == "environment"


def test_what_is_in_the_home_is_told_from_there_on(place: Place) -> None:
    own, project = "~/.config/scalekit-exec/config.toml", "~/code/app"
    assert place.refused(environment="prod").message == f'no environment "prod" in {own}'
    file = place.dot_env({ID: "skc_x"})
    assert place.refused().message.startswith(f"{project}/.env has {ID} but not ")
    assert place.refused(env_file=str(file)).message.startswith(f"{project}/.env has ")
    file.write_text(lines(three("project")))
    file.chmod(0o604)
    assert place.find().source == f"{project}/.env"
    assert place.warnings[-1].endswith(f"chmod 600 {project}/.env")


def test_environments_alone_hold_no_dot_env_back_but_their_urls_count(place: Place) -> None:
    environments = f'[environments.prod]\nclient_id = "skc_p"\nenv_url = "{ACME}"\n'
    place.dot_env(three("planted", "https://evil.example"))
    place.user(environments)
    assert place.name() == "planted"
    place.scalekit(environments, "https://dev.example")
    assert place.refused().code == "config-invalid"
    place.dot_env(three("project"))
    assert place.name() == "project"


def test_what_keeps_nothing_is_not_warned_of(folder: Folder) -> None:
    """Others may read /dev/null and a pipe, and find nothing there; chmod would be a harm."""
    done = folder.launch("--env-file", "/dev/null", "gmail")
    assert done.status == 125
    assert "chmod" not in done.err
    assert "can be read by other users" not in done.err
    assert folder.sandbox is not None
    values = {name: folder.sandbox.environ()[name] for name in (ID, SECRET, URL)}
    pipe = folder.path / "pipe.env"
    os.mkfifo(pipe)
    pipe.chmod(0o644)
    writer = threading.Thread(target=pipe.write_text, args=(lines(values),))
    writer.start()
    done = folder.launch("--env-file", str(pipe), "gmail", env=dict.fromkeys(values))
    writer.join()
    assert (done.status, done.err) == (0, "")
    regular = folder.path / "regular.env"
    regular.write_text(lines(values))
    regular.chmod(0o644)
    done = folder.launch("--env-file", str(regular), "gmail", env=dict.fromkeys(values))
    assert f"can be read by other users; chmod 600 {displayed(str(regular))}" in done.err
