"""A launch inside another that serves: its services come from the broker, not from Scalekit.

It needs no client credentials and no map. Where there is a map it must mean the same accounts.
"""

from __future__ import annotations

import time

from scalekit_exec import config
from scalekit_exec.broker.client import ask_environment, ask_token
from scalekit_exec.config.selection import check_conflicts
from scalekit_exec.environment import Filled
from scalekit_exec.errors import (
    ConfigurationError,
    CredentialError,
    Failure,
    ScalekitExecError,
    UsageError,
    shown,
)
from scalekit_exec.files import displayed
from scalekit_exec.model import Service, ServiceMap, UserSettings
from scalekit_exec.record import record
from scalekit_exec.variables import TOKEN, Template, Variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.broker.messages import Held
    from scalekit_exec.broker.wire import Address
    from scalekit_exec.clock import Deadline
    from scalekit_exec.config import Word
    from scalekit_exec.model import Wanted
    from scalekit_exec.secret import Secret

__all__ = ["Inside", "Taken", "take"]

ORIGIN = "the launch around this one"


@record
class Inside:
    """How a launch asks the broker that it found.

    `service_map` is None where there is no map; `identifier` is that of `--identifier`; `min_ttl`
    is in seconds, None where nothing was asked for and the broker's own rule is enough.
    """

    to: Address
    deadline: Deadline
    service_map: ServiceMap | None = None
    identifier: str | None = None
    min_ttl: float | None = None
    windows: bool = False


@record
class Taken:
    """What the broker gave; `around` are all variables of the launch around this one."""

    wanted: tuple[Wanted, ...]
    filled: tuple[Filled, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...]
    around: tuple[str, ...]


def take(words: Sequence[str], how: Inside) -> Taken:
    """Take the services that these words name from the broker.

    What the broker could not get comes back as failures, that of an optional service of the map as
    a warning. Raises UsageError for the words, `variable-conflict` among them; ConfigurationError
    `config-invalid` where the map means another account; ScalekitExecError `broker`.
    """
    filled: dict[object, Filled] = {}
    failures: list[Failure] = []
    warnings: list[Failure] = []
    around: dict[str, None] = {}
    for word in _words(words, how):
        try:
            held = _ask(word, how)
            one = _fill(word, held, how)
        except ScalekitExecError as error:
            if not error.failures and not isinstance(error, CredentialError):
                raise
            mapped = _mapped(word, how)
            optional = mapped is not None and not mapped.required
            (warnings if optional else failures).extend(_told(word, error))
            continue
        around.update(dict.fromkeys(held.launch))
        wanted = one.wanted
        filled.setdefault((wanted.service.name, wanted.identifier, wanted.variables), one)
    chosen = tuple(one.wanted for one in filled.values())
    check_conflicts(chosen, windows=how.windows)
    return Taken(chosen, tuple(filled.values()), tuple(failures), tuple(warnings), tuple(around))


def _words(words: Sequence[str], how: Inside) -> list[Word]:
    """Take the words apart; a group of the map stands for its services."""
    groups = how.service_map.groups if how.service_map is not None else {}
    found = []
    for text in words:
        word = config.parse_word(text)
        if word.name in groups and word.variable is not None:
            what = f"{word.name} is a group, which takes no ={word.variable}"
            members = " ".join(groups[word.name])
            raise UsageError("usage", what, f"name its services one by one: {members}")
        members_of = groups.get(word.name, (word.name,))
        found += [config.Word(name, word.identifier, word.variable) for name in members_of]
    return found


def _mapped(word: Word, how: Inside) -> Service | None:
    return how.service_map.services.get(word.name) if how.service_map is not None else None


def _ask(word: Word, how: Inside) -> Held:
    """Ask for the account that the word means, and see that the map means no other."""
    mapped = _mapped(word, how)
    identifier = word.identifier or how.identifier
    if identifier is not None:
        held = ask_environment(how.to, f"{word.name}@{identifier}", how.deadline)
    elif mapped is not None and mapped.identifier is not None:
        held = _ask_mapped(word, mapped.identifier, how)
    else:
        held = ask_environment(how.to, word.name, how.deadline)
    if mapped is not None:
        theirs = (held.connection_name, held.organization_id, held.user_id)
        if (mapped.connection_name, mapped.organization_id, mapped.user_id) != theirs:
            raise _disagree(mapped, mapped.connection_name, held.connection_name)
        if identifier is None and mapped.identifier not in (None, held.identifier):
            raise _disagree(mapped, str(mapped.identifier), held.identifier)
    return held


def _ask_mapped(word: Word, identifier: str, how: Inside) -> Held:
    """Ask for the map's user; where the launch has another, that is what there is to tell."""
    try:
        return ask_environment(how.to, f"{word.name}@{identifier}", how.deadline)
    except ConfigurationError as error:
        if error.code != "unknown-service":
            raise
        return ask_environment(how.to, word.name, how.deadline)


def _disagree(mapped: Service, ours: str, theirs: str) -> ConfigurationError:
    if ours == theirs:
        what = "names another organization_id or user_id than the launch around this one"
    else:
        what = f'names "{shown(ours, 60)}", the launch around this one has "{shown(theirs, 60)}"'
    return ConfigurationError(
        "config-invalid",
        f"{displayed(mapped.origin)}: [services.{mapped.name}] {what}",
        "make the two agree; or pass over the project's map: -c /dev/null; "
        "or give this launch client credentials of its own: --env-file FILE",
    )


def _fill(word: Word, held: Held, how: Inside) -> Filled:
    """Let the word rename, as it would with a map that says what the broker has."""
    variables = tuple(
        Variable(name, TOKEN if name in held.bare else Template((("", name),)))
        for name in held.variables
    )
    mapped = _mapped(word, how)
    service = Service(
        held.service,
        held.connection_name,
        variables,
        held.identifier,
        mapped is None or mapped.required,
        origin=ORIGIN,
    )
    alone = ServiceMap({word.name: service}, {}, UserSettings(""))
    (wanted,) = config.select(alone, [word.text], identifier=how.identifier, windows=how.windows)
    values = {each.name: _value(wanted, each, held, how) for each in wanted.variables}
    _check_life(wanted, held, how)
    # By names that stand for secrets, so that `--redact` takes them for such.
    hidden = [*held.secrets, *(values[each.name] for each in wanted.variables if each.is_token)]
    fields = {f"secret_{at}": secret for at, secret in enumerate(hidden)}
    return Filled(wanted, values, held.expires_at, fields=fields)


def _value(wanted: Wanted, variable: Variable, held: Held, how: Inside) -> Secret:
    if not variable.is_token:
        return held.variables[variable.template.names[0]]
    if held.bare:
        return held.variables[held.bare[0]]
    named = f"{wanted.service.name}@{wanted.identifier}"
    return ask_token(how.to, named, how.deadline).token


def _check_life(wanted: Wanted, held: Held, how: Inside) -> None:
    """Hold the token to what this launch asked for; the broker's clock is our own."""
    if how.min_ttl is None or held.expires_at is None:
        return
    left = held.expires_at - time.time()
    if left < how.min_ttl:
        name = shown(wanted.service.name)
        raise CredentialError(
            "token-expiring",
            f"{name}: the token lives only {max(0, int(left))} s more, less than {how.min_ttl:g}",
            "give the launch around this one a longer --min-ttl, or ask for less here",
        )


def _told(word: Word, error: ScalekitExecError) -> list[Failure]:
    """Return the failures of an error, each with the name of a service."""
    told = error.failures or (Failure(error.code, error.message, error.hint),)
    return [
        each
        if each.service
        else Failure(
            each.code, each.message, each.hint, word.name, identifier=word.identifier or ""
        )
        for each in told
    ]
