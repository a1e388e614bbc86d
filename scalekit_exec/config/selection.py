"""The words of a launch, `NAME[@IDENTIFIER][=VARIABLE]`, and what they want of the map."""

from __future__ import annotations

from scalekit_exec.config.services import identifier_fault
from scalekit_exec.config.settings import is_plain_name
from scalekit_exec.errors import ConfigurationError, Failure, UsageError, nearest, shown
from scalekit_exec.files import displayed
from scalekit_exec.model import Wanted
from scalekit_exec.record import record
from scalekit_exec.variables import TOKEN, Variable, expiry_name, is_name, key_of, refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.model import Service, ServiceMap

__all__ = ["Word", "check_conflicts", "is_word", "parse_word", "select", "unknown"]

_FORM = "NAME, NAME@IDENTIFIER, NAME=VARIABLE or NAME@IDENTIFIER=VARIABLE"


@record
class Word:
    """A SERVICE word in its parts; `name` is a service's or a group's."""

    name: str
    identifier: str | None = None
    variable: str | None = None

    @property
    def named(self) -> str:
        """The word without its variable."""
        return self.name if self.identifier is None else f"{self.name}@{self.identifier}"

    @property
    def text(self) -> str:
        """The word as it is typed."""
        return self.named if self.variable is None else f"{self.named}={self.variable}"


def parse_word(text: str) -> Word:
    """Take a word apart; UsageError `usage` where it has another form.

    The identifier, which may be an e-mail address or anything else, runs from the first `@` to the
    last `=` that stands before a valid name of a variable.
    """
    name, at, rest = text.partition("@")
    if not at:
        name, equals, variable = text.partition("=")
        if is_plain_name(name) and (not equals or is_name(variable)):
            return Word(name, None, variable if equals else None)
        raise _malformed(text)
    identifier, equals, variable = rest.rpartition("=")
    if not equals or not is_name(variable):
        identifier, equals, variable = rest, "", ""
    if is_plain_name(name) and identifier:
        return Word(name, identifier, variable if equals else None)
    raise _malformed(text)


def is_word(text: str) -> bool:
    """Tell whether this has the form of a SERVICE word, known or not."""
    try:
        parse_word(text)
    except UsageError:
        return False
    return True


def _malformed(text: str) -> UsageError:
    what = f'"{shown(text, 80)}" is not a SERVICE word'
    name, at, _ = text.partition("@")
    if at and is_plain_name(name):
        what += ": there is no identifier after @"
    elif at and "=" in name:
        what += ": =VARIABLE comes last"
    elif is_plain_name(text.partition("=")[0]):
        what += ": after = stands the name of a variable, letters, digits and _, no digit first"
    return UsageError("usage", what, f"write {_FORM}")


def select(
    service_map: ServiceMap,
    words: Sequence[str],
    *,
    identifier: str | None,
    windows: bool = False,
    sets_variables: bool = True,
) -> tuple[Wanted, ...]:
    """Settle what each word wants: service, identifier and variables, in the order of the words.

    `identifier` is the launch's own, for services that are named without `@`. A group stands for
    its services; what is wanted twice alike counts once. Where nothing `sets_variables`, two may
    want the same one.

    Raises UsageError `usage` for a word of another form, `variable-conflict` where two want the
    same variable; ConfigurationError `unknown-service`, and `config-invalid` where an identifier is
    missing.
    """
    if identifier is not None:
        _check_identifier(identifier, "--identifier")
    parsed = [parse_word(text) for text in words]
    for word in parsed:
        _check_word(word, service_map, windows=windows)
    strangers = {
        word.name: word
        for word in parsed
        if word.name not in service_map.services and word.name not in service_map.groups
    }
    if strangers:
        raise unknown(tuple(strangers), service_map)
    wanted: dict[object, Wanted] = {}
    for word in parsed:
        for name in service_map.groups.get(word.name, (word.name,)):
            single = Word(name, word.identifier, word.variable)
            one = _want(service_map.services[name], single, identifier)
            wanted.setdefault((name, one.identifier, one.variables), one)
    chosen = tuple(wanted.values())
    if sets_variables:
        check_conflicts(chosen, windows=windows)
    return chosen


def _check_word(word: Word, service_map: ServiceMap, *, windows: bool) -> None:
    if word.identifier is not None:
        _check_identifier(word.identifier, f"{word.name}@")
    if word.variable is None:
        return
    if word.name in service_map.groups:
        what = f"{word.name} is a group, which takes no ={word.variable}"
        members = " ".join(service_map.groups[word.name])
        raise UsageError("usage", what, f"name its services one by one: {members}")
    why = refusal(word.variable, windows=windows)
    if why:
        raise UsageError("usage", why, f"choose another name: {shown(word.named)}=API_TOKEN")


def _check_identifier(text: str, where: str) -> None:
    fault = identifier_fault(text)
    if fault:
        raise UsageError("usage", f"{where}: {fault}", "check the identifier")


def unknown(
    names: tuple[str, ...], service_map: ServiceMap, way_out: str = ""
) -> ConfigurationError:
    """Say which words are in neither file, and what to do: seldom a slip, mostly not set up yet.

    `way_out` stands in place of the way to set it up at Scalekit.
    """
    known = (*service_map.services, *service_map.groups)
    files = " or ".join(displayed(path) for path in service_map.files) or "the map"
    failures = [
        Failure("unknown-service", f'no service "{shown(name, 60)}" in {files}', service=name)
        for name in names
    ]
    guesses = [meant for meant in (nearest(name, known) for name in names) if meant]
    guess = f"did you mean {' and '.join(guesses)}? Otherwise: " if guesses else ""
    hint = guess + (
        way_out
        or "1. create a connection in the Scalekit dashboard, "
        f"2. scalekit-auth config {names[0]} CONNECTION_NAME{service_map.again}, 3. run this again"
    )
    listed = ", ".join(f'"{shown(name, 60)}"' for name in names)
    message = f"no services {listed} in {files}" if len(names) > 1 else failures[0].message
    return ConfigurationError("unknown-service", message, hint, failures=failures)


def _want(service: Service, word: Word, identifier: str | None) -> Wanted:
    settled = word.identifier or identifier or service.identifier
    if settled is None:
        name = service.name
        raise ConfigurationError(
            "config-invalid",
            f"{displayed(service.origin)}: [services.{name}] has no identifier",
            f"give one: {name}@IDENTIFIER, or --identifier (SCALEKIT_EXEC_IDENTIFIER), or "
            f"identifier in [services.{name}], or identifier at the top of the file",
        )
    variables = service.variables
    if word.variable is not None:
        variables = (_renamed(service, word.variable),)
    return Wanted(service, settled, variables, word.named)


def _renamed(service: Service, name: str) -> Variable:
    """Give the service's value another name: its one template, else the bare token."""
    templates = {variable.template for variable in service.variables}
    return Variable(name, templates.pop() if len(templates) == 1 else TOKEN)


def check_conflicts(chosen: Sequence[Wanted], *, windows: bool) -> None:
    """Refuse two that set the same variable, be it only as the other's expiry."""
    owners: dict[str, Wanted] = {}
    for one in chosen:
        for variable in one.variables:
            first = owners.setdefault(key_of(variable.name, windows), one)
            if first is not one:
                raise _conflict(first, one, variable.name)
    for one in chosen:
        for variable in one.variables:
            name = expiry_name(variable.name)
            other = owners.get(key_of(name, windows), one)
            if variable.is_token and other is not one:
                raise _conflict(other, one, name, f", the expiry of {variable.name}")


def _conflict(first: Wanted, second: Wanted, name: str, why: str = "") -> UsageError:
    return UsageError(
        "variable-conflict",
        f"{shown(first.named, 80)} and {shown(second.named, 80)} both set {name}{why}",
        f"name one of them yourself: {shown(second.named, 80)}=OTHER_TOKEN",
    )
