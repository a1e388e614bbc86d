"""The client id, the client secret and the URL: ordered sources, each opened only when reached.

The first source that has any of the three must have all three. They are never mixed: a planted
`.env` with another URL cannot make us send your secret to its server.
"""

from __future__ import annotations

import os

from scalekit_exec import config, files, keeping
from scalekit_exec.errors import (
    ConfigurationError,
    NoCredentialsError,
    UsageError,
    nearest,
    shown,
)
from scalekit_exec.files import displayed, typed_path
from scalekit_exec.keeping import DASHBOARD, checked
from scalekit_exec.model import ClientCredentials, ScalekitSettings
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scalekit_exec.model import ServiceMap, UserSettings

__all__ = [
    "Request",
    "find",
    "has_any",
    "settings_for",
    "told_id",
    "two_sources",
    "unknown_environment",
]

CLIENT_ID = "SCALEKIT_CLIENT_ID"
CLIENT_SECRET = "SCALEKIT_CLIENT_SECRET"  # noqa: S105 - the variable's name
ENV_URL = "SCALEKIT_ENV_URL"
ENVIRONMENT_URL = "SCALEKIT_ENVIRONMENT_URL"
ID_BEGINS = "skc_"
NAMES = (CLIENT_ID, CLIENT_SECRET, ENV_URL, ENVIRONMENT_URL)
INSIDE = "let the launch around this one serve its command: add --serve to it\nor "
LOGIN = "scalekit-auth login"
KEPT = f"asks for them, tries them and keeps them; they are {DASHBOARD}"
ELSEWHERE = (
    "or put them into the environment, into a .env beside the map or beside your own config.toml, "
    "or name a file with --env-file"
)


@record
class Request:
    """What the caller chose: `env_file` and `environment` are the options of those names."""

    environ: Mapping[str, str]
    service_map: ServiceMap
    env_file: str | None = None
    environment: str | None = None


def settings_for(request: Request) -> ScalekitSettings | None:
    """Return the `[scalekit]` or `[environments.NAME]` that holds for this launch, if any.

    Raises UsageError where both `--env-file` and `--environment` are given, ConfigurationError
    `config-invalid` for an environment that the user's file does not have.
    """
    settings = request.service_map.settings
    if request.environment is None:
        return settings.scalekit
    if request.env_file is not None:
        raise two_sources()
    if request.environment in settings.environments:
        return settings.environments[request.environment]
    raise unknown_environment(
        request.environment,
        settings,
        f"write a table [environments.{shown(request.environment)}] with client_id and env_url",
    )


def two_sources() -> UsageError:
    """Return the error for `--env-file` beside `--environment`."""
    return UsageError(
        "usage",
        "--env-file and --environment name two sources of credentials",
        "give only one of them; SCALEKIT_EXEC_ENV_FILE and SCALEKIT_EXEC_ENVIRONMENT count too",
    )


def unknown_environment(name: str, settings: UserSettings, hint: str) -> ConfigurationError:
    """Return the error for an environment that the user's file does not have."""
    near = nearest(name, settings.environments)
    return ConfigurationError(
        "config-invalid",
        f'no environment "{shown(name)}" in {displayed(settings.path)}'
        + (f'; did you mean "{shown(near)}"?' if near else ""),
        hint,
    )


def find(request: Request, warn: Callable[[str], None]) -> ClientCredentials:
    """Return the credentials of the first source that has any.

    Raises ConfigurationError: `credentials-missing` where none has any, or the first that does has
    only part; `config-invalid` for a URL or a file that is not right.
    """
    settings = settings_for(request)
    if request.env_file is not None:
        return _from_env_file(request.env_file, warn)
    if request.environment is not None and settings is not None:
        table = f"environments.{request.environment}"
        return _from_settings(settings, request.service_map.settings.path, table)
    found = _from_variables(request.environ, "the environment")
    found = found or _beside_project(request, warn)
    found = found or _discovered(_user_env(request.service_map.settings), warn)
    if found is None and settings is not None and _says_anything(settings):
        found = _from_settings(settings, request.service_map.settings.path, "scalekit")
    if found is None:
        raise NoCredentialsError(
            "credentials-missing",
            "no Scalekit client credentials: SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and "
            "SCALEKIT_ENV_URL are not set",
            f"{INSIDE if request.environ.get('SCALEKIT_EXEC') else ''}{LOGIN} {KEPT}\n{ELSEWHERE}",
        )
    return found


def _from_variables(values: Mapping[str, str | None], source: str) -> ClientCredentials | None:
    """Take the three from one source; None where it has none of them. Empty counts as missing."""
    given = {name: value.strip() for name in NAMES if (value := values.get(name)) and value.strip()}
    if not given:
        return None
    url, other = given.get(ENV_URL), given.get(ENVIRONMENT_URL)
    if url and other and _url(url, source, ENV_URL) != _url(other, source, ENVIRONMENT_URL):
        raise ConfigurationError(
            "config-invalid",
            f"{source} sets {ENV_URL} and {ENVIRONMENT_URL} to two different URLs",
            "unset one of them",
        )
    missing = [name for name in (CLIENT_ID, CLIENT_SECRET) if name not in given]
    missing += [] if url or other else [ENV_URL]
    if missing:
        raise ConfigurationError(
            "credentials-missing",
            f"{source} has {' and '.join(given)} but not {' and '.join(missing)}",
            "the three are taken from one source, never mixed: add what is missing there, or take "
            f"out what it has\nfind them {DASHBOARD}",
        )
    name = ENV_URL if url else ENVIRONMENT_URL
    return ClientCredentials(
        _identifier(given[CLIENT_ID], source),
        checked(given[CLIENT_SECRET], f"{source}: {CLIENT_SECRET}"),
        _url(given[name], source, name),
        source,
    )


def _identifier(client_id: str, source: str) -> str:
    """Check a client id. What is none is not shown: it may be the secret, in the wrong place."""
    if not client_id.isascii() or not client_id.isprintable() or len(client_id) > 200:
        raise ConfigurationError(
            "config-invalid",
            f"{source}: {CLIENT_ID} is no client id",
            f"it begins with skc_ and is one line of plain characters; find it {DASHBOARD}",
        )
    return client_id


def _url(text: str, source: str, key: str) -> str:
    try:
        return config.normal_url(text)
    except ValueError as error:
        raise ConfigurationError(
            "config-invalid",
            f"{source}: {key} {error}",
            "write it as the Scalekit dashboard shows it: https://NAME.scalekit.com",
        ) from None


def _values(data: bytes, path: str, warn: Callable[[str], None]) -> dict[str, str | None]:
    """Read our keys out of a .env file, without interpolation and without exporting anything.

    `dotenv_values` would tell of a line that it cannot read through logging, past our own speech.
    """
    from io import StringIO

    from dotenv.parser import parse_stream

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(
            "config-invalid",
            f"{displayed(path)} is not UTF-8 text",
            "save it as UTF-8, lines of NAME=VALUE",
        ) from None
    values: dict[str, str | None] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            text = binding.original.string
            line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
            warn(f"{displayed(path)}: line {line} is not NAME=VALUE and is passed over")
        elif binding.key in NAMES:
            values[str(binding.key)] = binding.value
    return values


def _from_env_file(path: str, warn: Callable[[str], None]) -> ClientCredentials:
    try:
        data = files.read_named(os.path.expanduser(path))
    except FileNotFoundError:
        raise ConfigurationError(
            "config-missing",
            f"the file {displayed(path)} (--env-file) does not exist",
            "name a file with SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and SCALEKIT_ENV_URL",
        ) from None
    _warn_if_open(os.path.expanduser(path), warn)
    found = _from_variables(_values(data, path, warn), displayed(path))
    if found is None:
        raise ConfigurationError(
            "credentials-missing",
            f"{displayed(path)} has none of SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and "
            "SCALEKIT_ENV_URL",
            "write all three into it, lines of NAME=VALUE",
        )
    return found


def told_id(client: ClientCredentials) -> str:
    """Return a client id as it may be shown: what does not look like one may be the secret."""
    plain = client.client_id.startswith(ID_BEGINS)
    return shown(client.client_id) if plain else f"with an id that does not begin with {ID_BEGINS}"


def has_any(path: str) -> bool:
    """Tell whether a `.env` has any of the three; raises ConfigurationError as `find` does."""
    values = _values(files.read_named(path), path, lambda _: None)
    return any(value and value.strip() for value in values.values())


def _warn_if_open(path: str, warn: Callable[[str], None]) -> None:
    if files.readable_by_others(path):
        warn(f"{displayed(path)} can be read by other users; chmod 600 {typed_path(path)}")


def _discovered(path: str, warn: Callable[[str], None]) -> ClientCredentials | None:
    try:
        data = files.read_trusted(path, fifo=True)
    except FileNotFoundError:
        return None
    found = _from_variables(_values(data, path, warn), displayed(path))
    if found is not None:
        _warn_if_open(path, warn)
    return found


def _user_env(settings: UserSettings) -> str:
    return os.path.join(os.path.dirname(settings.path), ".env")


def _beside_project(request: Request, warn: Callable[[str], None]) -> ClientCredentials | None:
    """Take the `.env` beside the project map, unless it names a server that is not the user's.

    A cloned repository may hold one. It counts only where the user has neither `[scalekit]` nor a
    `.env` of their own, or where its URL is one that their files name.
    """
    project = request.service_map.project
    if project is None:
        return None
    path = os.path.join(os.path.dirname(os.path.abspath(project)), ".env")
    settings = request.service_map.settings
    if os.path.abspath(path) == os.path.abspath(_user_env(settings)):
        return None
    found = _discovered(path, warn)
    if found is None:
        return None
    own = _own_urls(settings, warn)
    if own is None or found.env_url in own:
        return found
    hosts = [url.removeprefix("https://") for url in (found.env_url, *sorted(own))]
    raise ConfigurationError(
        "config-invalid",
        f"{displayed(path)} sends to {shown(hosts[0])}, but your own Scalekit is "
        f"{shown(', '.join(hosts[1:]) or 'another')}",
        f'if that is right, add allow_urls = ["{shown(found.env_url)}"] to [scalekit] in '
        f"{displayed(settings.path)}, or name the file with --env-file",
    )


def _own_urls(settings: UserSettings, warn: Callable[[str], None]) -> set[str] | None:
    """Return the URLs that the user's own files name; None without `[scalekit]` and `.env`.

    Those of `[environments.*]` are among them, but alone they hold nothing back.
    """
    urls: set[str] = set()
    tables = [settings.scalekit] if settings.scalekit else []
    for table in (*tables, *settings.environments.values()):
        urls.update(table.allow_urls)
        if table.env_url:
            urls.add(table.env_url)
    own_env = _discovered(_user_env(settings), warn)
    if own_env is not None:
        urls.add(own_env.env_url)
    if settings.scalekit is None and own_env is None:
        return None
    return urls


def _says_anything(settings: ScalekitSettings) -> bool:
    return bool(settings.client_id or settings.env_url or settings.client_secret_command)


def _from_settings(settings: ScalekitSettings, path: str, table: str) -> ClientCredentials:
    """Take id and URL from the user's file, the secret from its command or the keyring."""
    where = f"{displayed(path)} [{shown(table)}]"
    named = table.partition(".")[2]
    login = f"{LOGIN} --environment {shown(named)}" if named else LOGIN
    missing = [key for key in ("client_id", "env_url") if not getattr(settings, key)]
    if missing or not settings.client_id or not settings.env_url:
        raise ConfigurationError(
            "credentials-missing",
            f"{where} lacks {' and '.join(missing)}",
            f"write into that table what it lacks; it is {DASHBOARD}"
            if settings.client_secret_command
            else f"{login} {KEPT}\nor write into that table what it lacks",
        )
    if settings.client_secret_command:
        secret = keeping.from_command(settings.client_secret_command, where)
    else:
        user = keeping.user(settings.client_id, settings.env_url)
        secret = keeping.from_keyring(user, where, login)
    return ClientCredentials(
        _identifier(settings.client_id, where), secret, settings.env_url, where
    )
