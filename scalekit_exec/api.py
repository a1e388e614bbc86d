"""Tokens for Python code: `get_token("gmail")`.

Outside a launch, Scalekit is asked, over https only; nothing in the caller's process is changed:
no signal, no environment variable, no log. Inside one, the variable that the launch set is used
while it has not expired.
"""

from __future__ import annotations

import os

from scalekit_exec import config, connect, credentials, resolver
from scalekit_exec.clock import LONGEST, Deadline, parse_rfc3339, read_seconds
from scalekit_exec.errors import (
    ConfigurationError,
    ScalekitExecError,
    UsageError,
    absent,
    again,
    raise_failures,
    shown,
)
from scalekit_exec.files import working_folder
from scalekit_exec.record import record, replace
from scalekit_exec.resolver import Rules
from scalekit_exec.secret import Secret
from scalekit_exec.variables import TOKEN, Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.environment import Filled
    from scalekit_exec.model import ServiceMap, Wanted

__all__ = ["get_token", "get_tokens"]

TIMEOUT = 30.0
MIN_TTL = 60.0
# What a broker says where it cannot help, and where it cannot reach Scalekit now.
NOT_THERE = ("broker", "unknown-service", "usage")
OF_THE_WAY = ("unreachable", "timed-out", "rate-limited")


@record
class Options:
    """Where to look, and how patient to be; None means what a launch would do."""

    config: str | None = None
    env_file: str | None = None
    environment: str | None = None
    identifier: str | None = None
    timeout: float | None = None
    links_for_missing: bool = False


@record
class Held:
    """A token that somebody near holds already; `expires_at` is in POSIX seconds, None unknown."""

    token: Secret
    expires_at: float | None = None


def get_token(
    service: str,
    *,
    identifier: str | None = None,
    config: str | None = None,
    env_file: str | None = None,
    environment: str | None = None,
    timeout: float | None = None,
) -> str:
    """Return a fresh token for a service of the map, as a plain string.

    `service` is `NAME` or `NAME@IDENTIFIER`; `timeout` is in seconds, SCALEKIT_EXEC_TIMEOUT or 30
    where it is None. Inside a launch the token
    that it set is used while it lives; elsewhere Scalekit is asked.

    Raises ConfigurationError for the map and the credentials, AuthorizationError where a person
    must authorize first (its `link` says where), and ScalekitExecError, whose `code` says what,
    for everything else.
    """
    options = Options(config, env_file, environment, identifier, timeout)
    return tokens([service], options)[service]


def get_tokens(
    *services: str,
    identifier: str | None = None,
    config: str | None = None,
    env_file: str | None = None,
    environment: str | None = None,
    timeout: float | None = None,
) -> dict[str, str]:
    """Return fresh tokens for several services at once, by the words they were asked with.

    They are read in parallel. Raises as `get_token` does; where several fail, the error's
    `failures` has each.
    """
    return tokens(services, Options(config, env_file, environment, identifier, timeout))


def tokens(services: Sequence[str], options: Options) -> dict[str, str]:
    """Return tokens by word: those that are near, the others from Scalekit."""
    environ = dict(os.environ)
    given: Sequence[object] = services  # a caller without a type checker may give anything
    for word in given:
        if not isinstance(word, str):
            what = f"a service is named by a string, not by {type(word).__name__}"
            raise UsageError("usage", what, 'as in get_token("gmail")')
    patience(options, environ)  # what is wrong with it is told inside a launch too
    found = {word: held.token.reveal() for word, held in near(services, options, environ).items()}
    missing = [word for word in dict.fromkeys(services) if word not in found]
    if missing:
        try:
            asked = ask(missing, options, environ)
        except ConfigurationError as error:
            if error.code not in ("config-missing", "credentials-missing"):
                raise
            for word in missing:
                _served(word, options, environ, explain=True)
            ended = "".join(_ended(word, options, environ) for word in missing)
            told = f"{error.message}{ended}"
            raise ConfigurationError(
                error.code, told, error.hint, failures=error.failures
            ) from None
        found |= {word: filled.values["TOKEN"].reveal() for word, filled in asked.items()}
    return {word: found[word] for word in services}


def given(word: str) -> str | None:
    """Return the token that the launch we run in has for a word; None where there is none.

    Raises what its broker tells of the account, ScalekitExecError.
    """
    found = near([word], Options(), dict(os.environ)).get(word)
    return None if found is None else found.token.reveal()


def near(
    words: Sequence[str], options: Options, environ: Mapping[str, str], *, anew: bool = False
) -> dict[str, Held]:
    """Return the tokens that the launch we run in has for us, as far as it has any.

    Its broker is asked first, if it has one. `anew` passes over what the launch set once and cannot
    change any more. Raises what the broker tells of an account, ScalekitExecError.
    """
    if not options.config is options.env_file is options.environment is None:
        return {}
    found = {}
    for word in dict.fromkeys(words):
        try:
            held = _served(word, options, environ)
        except ScalekitExecError as error:
            held = None if anew else _own(word, options, environ)
            if held is None or error.code not in OF_THE_WAY:
                raise
        if held is None and not anew:
            held = _own(word, options, environ)
        if held is not None:
            found[word] = held
    return found


def _served(
    word: str, options: Options, environ: Mapping[str, str], *, explain: bool = False
) -> Held | None:
    """Ask the broker of the launch that we run in; None where it is not there or has no such word.

    `explain` raises in that case too, for what is then the best there is to say.
    """
    if "SCALEKIT_EXEC_URL" not in environ:
        return None
    from scalekit_exec.broker import client

    to = client.find(environ)
    if to is None:
        return None
    try:
        given = client.ask_token(
            to, _with_identifier(word, options), Deadline(patience(options, environ))
        )
    except ScalekitExecError as error:
        if explain or error.code not in NOT_THERE:
            raise
        return None
    return Held(given.token, given.expires_at)


def _with_identifier(word: str, options: Options) -> str:
    given = options.identifier is not None and "@" not in word
    return f"{word}@{options.identifier}" if given else word


def _own(word: str, options: Options, environ: Mapping[str, str]) -> Held | None:
    """Return the token that the launch we run in has set for just this word, while it lives."""
    variable = _variable_of(word, options, environ)
    token, ends = environ.get(variable), environ.get(f"{variable}_EXPIRES_AT")
    try:
        expires_at = None if ends is None else parse_rfc3339(ends)
    except ValueError:
        return None
    lives = expires_at is None or expires_at > _now()
    return Held(Secret(token), expires_at) if token and lives else None


def _variable_of(word: str, options: Options, environ: Mapping[str, str]) -> str:
    """Return the variable that the launch we run in has set for just this word; empty for none."""
    word = _with_identifier(word, options)
    for told in environ.get("SCALEKIT_EXEC", "").split(","):
        named, _, variable = told.rpartition("=")
        if named and _decoded(named) == word:
            return variable
    return ""


def _ended(word: str, options: Options, environ: Mapping[str, str]) -> str:
    """Tell of a token of the launch that was passed over because it has ended, by our clock."""
    variable = _variable_of(word, options, environ)
    ends = environ.get(f"{variable}_EXPIRES_AT")
    if ends is None or not environ.get(variable) or _own(word, options, environ) is not None:
        return ""
    return f"; {variable} of this launch ended at {shown(ends, 40)}, and here it is {_here()}"


def _here() -> str:
    from scalekit_exec.clock import format_rfc3339

    return format_rfc3339(_now())


def _now() -> float:
    import time

    return time.time()


def _decoded(named: str) -> str:
    from urllib.parse import unquote

    return unquote(named)


def _first(*values: str | None) -> str | None:
    return next((value for value in values if value), None)


def patience(options: Options, environ: Mapping[str, str]) -> float:
    """Return the seconds that one resolution may take; UsageError `usage` where they are none."""
    given: object = options.timeout
    if given is None:
        told = _variable(environ, "SCALEKIT_EXEC_TIMEOUT", above_zero=True)
        return TIMEOUT if told is None else told
    if isinstance(given, int | float) and 0 < given <= LONGEST:
        return float(given)
    what = f"timeout={shown(repr(given), 40)} is no number of seconds"
    raise UsageError("usage", what, f"above 0 and at most {LONGEST:.0f}, as in timeout=30")


def _variable(environ: Mapping[str, str], name: str, *, above_zero: bool = False) -> float | None:
    """Read a variable as seconds, as a launch does; None where it is empty or not there."""
    text = environ.get(name, "")
    if not text:
        return None
    seconds = read_seconds(text, above_zero=above_zero)
    if seconds is not None:
        return seconds
    what = f"{name} is {shown(text, 40)}, which is no number of seconds"
    raise UsageError("usage", what, f"at most {LONGEST:.0f}, as in {name}=30; or unset it")


def ask(
    words: Sequence[str],
    options: Options,
    environ: Mapping[str, str],
    variables: tuple[Variable, ...] = (Variable("TOKEN", TOKEN),),
) -> dict[str, Filled]:
    """Ask Scalekit, with the same map, credentials and defaults as a launch.

    `variables` are filled from each account, whatever the map makes of it. Raises
    ConfigurationError `config-invalid` too where a package is not installed.
    """
    try:
        return _ask(words, options, environ, variables)
    except ModuleNotFoundError as error:
        raise (absent(error) or error) from None


def _ask(
    words: Sequence[str],
    options: Options,
    environ: Mapping[str, str],
    variables: tuple[Variable, ...],
) -> dict[str, Filled]:
    path = _first(options.config, environ.get("SCALEKIT_EXEC_CONFIG"))
    service_map = config.load(path, environ, working_folder(path), tuple(words))
    identifier = _first(options.identifier, environ.get("SCALEKIT_EXEC_IDENTIFIER"))
    wanted = {word: _want(service_map, word, identifier, variables) for word in words}
    env_file, environment = options.env_file, options.environment
    if env_file is None and environment is None:
        env_file = environ.get("SCALEKIT_EXEC_ENV_FILE") or None
        environment = environ.get("SCALEKIT_EXEC_ENVIRONMENT") or None
    request = credentials.Request(environ, service_map, env_file, environment)
    client = credentials.find(request, _silent)
    settings = credentials.settings_for(request)
    deadline = Deadline(patience(options, environ))
    line = connect.Line(environ, deadline, _silent, settings, "https")
    min_ttl = _variable(environ, "SCALEKIT_EXEC_MIN_TTL")
    rules = Rules(
        min_ttl=MIN_TTL if min_ttl is None else min_ttl,
        strict=min_ttl is not None,
        again=again(
            {
                "--config": path,
                "--env-file": env_file,
                "--environment": environment,
                "--identifier": identifier,
            }
        ),
        host=client.env_url.removeprefix("https://"),
        user_verify_url=(settings.user_verify_url if settings else None) or "",
        links_for_missing=options.links_for_missing,
    )
    vault = connect.scalekit(client, line)
    try:
        outcome = resolver.resolve(tuple(wanted.values()), vault, deadline, rules)
    finally:
        vault.close()
    raise_failures(outcome.failures)
    return dict(zip(wanted, outcome.filled, strict=True))


def _want(
    service_map: ServiceMap, word: str, identifier: str | None, variables: tuple[Variable, ...]
) -> Wanted:
    """Want these, whatever variables the map fills; and want them for certain."""
    parsed = config.parse_word(word)
    if parsed.variable is not None or parsed.name in service_map.groups:
        raise UsageError(
            "usage",
            f'"{shown(word)}" is not one service',
            "ask for NAME or NAME@IDENTIFIER; get_tokens takes several",
        )
    (wanted,) = config.select(service_map, [word], identifier=identifier)
    return replace(
        wanted,
        variables=variables,
        service=replace(wanted.service, required=True),
    )


def _silent(text: str) -> None:
    del text
