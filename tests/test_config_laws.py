"""Laws of the map: how two files become one, and that nothing gets past the two outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalekit_exec import config
from scalekit_exec.errors import ConfigurationError
from scalekit_exec.variables import default_variable

if TYPE_CHECKING:
    from pathlib import Path

    from scalekit_exec.model import ServiceMap

NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,6}", fullmatch=True)
ENTRIES = st.dictionaries(
    NAMES,
    st.tuples(st.from_regex(r"[a-z_: -]{1,6}", fullmatch=True), st.sampled_from([None, "a", "b"])),
    max_size=4,
)
DEFAULT = st.sampled_from([None, "x", "y"])


def toml_of(entries: dict[str, tuple[str, str | None]], default: str | None) -> str:
    lines = ["# a map", *([f'identifier = "{default}"'] if default else [])]
    for name, (connection, identifier) in entries.items():
        lines += [f'[services."{name}"]', f'connection_name = "{connection}"']
        lines += ['env = "A_TOKEN"'] if default_variable(name).startswith("LD_") else []
        lines += [f'identifier = "{identifier}"'] if identifier else []
    return "\n".join(lines) + "\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(ENTRIES, DEFAULT, ENTRIES, DEFAULT)
def test_every_service_comes_whole_from_the_project_if_it_has_it_and_else_from_the_user(
    tmp_path: Path,
    own: dict[str, tuple[str, str | None]],
    own_default: str | None,
    project: dict[str, tuple[str, str | None]],
    project_default: str | None,
) -> None:
    folder = tmp_path / "h" / "scalekit-exec"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(toml_of(own, own_default))
    (tmp_path / "scalekit.toml").write_text(toml_of(project, project_default))
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "h")}
    found = config.load(None, environ, str(tmp_path))
    expected = {name: (c, i or own_default) for name, (c, i) in own.items()}
    replacing = {name: (c, i or project_default) for name, (c, i) in project.items()}
    changed = {name for name in replacing if expected.get(name, replacing[name]) != replacing[name]}
    assert {
        name: (service.connection_name, service.identifier)
        for name, service in found.services.items()
    } == expected | replacing
    assert len(found.notes) == len(changed)


FRAGMENTS = st.sampled_from(
    [
        b"[services.gmail]\n",
        b'connection_name = "g"\n',
        b"identifier = ",
        b'"x"\n',
        b"env = { A_TOKEN = '{token}' }\n",
        b"[groups]\ng = ['gmail']\n",
        b"[scalekit]\n",
        b"env_url = 'https://a.b'\n",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\0",
        b"{",
        b"[[services]]\n",
        b"1979-05-27\n",
        b"= nan\n",
    ]
)
ANYTHING = st.one_of(st.binary(max_size=80), st.lists(FRAGMENTS, max_size=8).map(b"".join))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(ANYTHING, st.sampled_from(["scalekit.toml", "x.json", ""]))
def test_any_bytes_are_a_map_or_a_configuration_error_that_names_the_file(
    tmp_path: Path, data: bytes, name: str
) -> None:
    folder = tmp_path / "scalekit-exec"
    folder.mkdir(exist_ok=True)
    own = folder / "config.toml"
    own.unlink(missing_ok=True)
    (folder / name if name else own).write_bytes(data)
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    outcome: ServiceMap | ConfigurationError
    try:
        outcome = config.load(str(folder / name) if name else None, environ, str(tmp_path))
    except ConfigurationError as error:
        outcome = error
    if isinstance(outcome, ConfigurationError):
        assert outcome.code == "config-invalid"
        assert (name or "config.toml") in outcome.message
        assert outcome.message.isprintable()
