"""`scalekit-auth login`: ask for the client credentials, check them, keep them."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from scalekit_exec import connect, credentials, custody, editing, keeping, proof
from scalekit_exec.cli import questions
from scalekit_exec.cli.auth.session import Result, Session, common
from scalekit_exec.config import normal_url
from scalekit_exec.config.settings import is_plain_name
from scalekit_exec.errors import (
    ConfigurationError,
    ScalekitExecError,
    UsageError,
    VaultError,
    shown,
)
from scalekit_exec.files import displayed
from scalekit_exec.model import ClientCredentials
from scalekit_exec.record import record
from scalekit_exec.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from scalekit_exec.model import ScalekitSettings, UserSettings

    T = TypeVar("T")

__all__ = ["Place", "command", "place"]

KEYRING = "keyring"
ENV = "env"
_WHERE = "it is in the Scalekit dashboard: Developers, Settings, API credentials"
_WITHOUT = (
    "scalekit-auth login --store env keeps it in {env}, which only you can read\n"
    'or set client_secret_command in {file}, as in ["pass", "show", "scalekit"]'
)
# What a launch's hints call the three, of which no variable is set here, and what they are.
_SAID = (
    ("SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET", "the client id and the secret"),
    ("SCALEKIT_ENV_URL", "the URL"),
)


@record
class Place:
    """The table of the user's file that a login is for, and what it says so far."""

    settings: UserSettings
    environment: str | None
    current: ScalekitSettings | None

    @property
    def table(self) -> tuple[str, ...]:
        """Its path in the file."""
        return ("scalekit",) if self.environment is None else ("environments", self.environment)

    @property
    def name(self) -> str:
        """The table as it stands in the file."""
        return f"[{'.'.join(self.table)}] in {displayed(self.settings.path)}"


@click.command()
@click.option("--url", metavar="URL", help="As in https://NAME.scalekit.com; else it is asked for.")
@click.option("--client-id", metavar="ID", help="It begins with skc_; else it is asked for.")
@click.option("--secret-stdin", is_flag=True, help="Read the client secret from stdin.")
@click.option(
    "--store",
    type=click.Choice((KEYRING, ENV)),
    help="The system's keyring (default), or your own .env.",
)
@common
def command(
    session: Session,
    url: str | None,
    client_id: str | None,
    store: str | None,
    *,
    secret_stdin: bool,
) -> int:
    """Keep the Scalekit client credentials.

    Asks for them on the terminal, makes one token request to see that they are right, and keeps
    the client secret in the system's keyring; the URL and the client id go into your own
    config.toml, with --environment into [environments.NAME].
    """
    where = place(session)
    store = _store(session, where, store)
    client = _client(where, url, client_id, from_stdin=secret_stdin)
    line = connect.Line(
        session.environ, session.deadline(), session.speaker.verbose, where.current, "https"
    )
    _prove(client, line)
    if store == ENV:
        path = custody.env_path(session.environ)
        custody.keep_in_env(path, client)
        kept = path
        said = f"kept in {displayed(path)}, mode 0600"
    else:
        kept = _keep(session, where, client)
        said = f"the secret is kept in the keyring ({shown(kept, 60)}), the rest as {where.name}"
    _tell_what_goes_before(session, where, store)
    row = {
        "client_id": client.client_id,
        "env_url": client.env_url,
        "environment": where.environment,
        "store": store,
        "place": kept,
        "file": where.settings.path if store == KEYRING else kept,
    }
    host = client.env_url.removeprefix("https://")
    lines = [f"{shown(host)} accepts {client.client_id}", said]
    return session.answer(Result("credentials", [row], lines))


def place(session: Session) -> Place:
    """Return what `--environment` names; UsageError for what cannot be such a name."""
    name = session.environment
    if name is not None and not is_plain_name(name):
        what = f'"{shown(name, 60)}" cannot name an environment'
        raise UsageError("usage", what, "letters, digits, _ . and -, a letter or digit first")
    settings = editing.user_settings(session.environ)
    current = settings.scalekit if name is None else settings.environments.get(name)
    return Place(settings, name, current)


def _store(session: Session, where: Place, store: str | None) -> str:
    """Settle where the secret goes, before anybody types it."""
    env = custody.env_path(session.environ)
    if store == ENV:
        if where.environment is not None:
            what = "a .env holds one environment's credentials, not those of --environment"
            hint = f"use the keyring, or client_secret_command under {where.name}"
            raise UsageError("usage", what, hint)
        return ENV
    if where.current is not None and where.current.client_secret_command:
        raise ConfigurationError(
            "config-invalid",
            f"client_secret_command of {where.name} goes before the keyring",
            "remove that line first, or go on with it and without a login",
        )
    fault = custody.keyring_fault()
    if not fault:
        return KEYRING
    remedy = custody.keyring_remedy()
    if store is None and where.environment is None and questions.is_possible():
        session.speaker.note(f"{fault}; {remedy}" if remedy else fault)
        if questions.confirm(f"Keep the secret in {displayed(env)}, which only you can read?"):
            return ENV
    hint = _WITHOUT.format(env=displayed(env), file=displayed(where.settings.path))
    if where.environment is not None:
        hint = hint.splitlines()[-1].removeprefix("or ")
    told = f"{remedy}\nor {hint}" if remedy else hint
    raise ConfigurationError("credentials-missing", fault, told)


def _prove(client: ClientCredentials, line: connect.Line) -> None:
    """Try the credentials; what is wrong with them is told without variables that nobody set."""
    try:
        proof.prove(client, line)
    except VaultError as error:
        hint = error.hint
        for name, said in _SAID:
            hint = hint.replace(name, said)
        raise VaultError(error.code, error.message, hint, status=error.status) from None


def _client(
    where: Place, url: str | None, client_id: str | None, *, from_stdin: bool
) -> ClientCredentials:
    """Ask for what was not given, and check what came; what was typed wrongly is asked for anew."""
    current = where.current
    if (url is None or client_id is None or not from_stdin) and not questions.is_possible():
        raise UsageError(
            "usage",
            "there is no terminal to ask on",
            "scalekit-auth login --url URL --client-id ID --secret-stdin < FILE",
        )
    if url is None:
        known = (current and current.env_url) or ""
        env_url = _until_right(
            "Scalekit environment URL", lambda text: _url(questions.ask(text, known))
        )
    else:
        env_url = _url(url)
    if client_id is None:
        known_id = (current and current.client_id) or ""
        client_id = _until_right(
            "Client id", lambda text: _client_id(questions.ask(text, known_id))
        )
    client_id = _client_id(client_id)
    if from_stdin:
        secret = _secret(_from_stdin())
    else:
        question = "Client secret (not shown)"
        secret = _until_right(question, lambda text: _secret(questions.ask_secret(text)))
    return ClientCredentials(client_id, secret, env_url, "this login")


def _until_right(question: str, ask: Callable[[str], T]) -> T:
    """Ask until the answer can be right, saying above the question what was wrong with the last."""
    text = question
    while True:
        try:
            return ask(text)
        except UsageError as error:
            text = f"{error.message}; {error.hint}\n{question}"


def _url(text: str) -> str:
    try:
        return normal_url(text.strip())
    except ValueError as error:
        hint = "as on the dashboard's API credentials page: https://NAME.scalekit.com"
        raise UsageError("usage", f"the URL {error}", hint) from None


def _client_id(text: str) -> str:
    if not (text.isascii() and text.isprintable() and 0 < len(text) <= 200):
        # Not shown: it may be the secret, in the wrong place.
        raise UsageError("usage", "that is no client id", f"it begins with skc_; {_WHERE}")
    return text


def _secret(secret: Secret) -> Secret:
    fault = keeping.fault(secret.reveal())
    if fault:
        raise UsageError("usage", f"the client secret {fault}", f"copy it once more; {_WHERE}")
    return secret


def _from_stdin() -> Secret:
    if sys.stdin is None:
        return Secret("")
    data = sys.stdin.buffer.read(keeping.LONGEST_SECRET + 2)
    return Secret(data.decode("utf-8", "surrogateescape").strip())


def _keep(session: Session, where: Place, client: ClientCredentials) -> str:
    """Put the secret into the keyring and the rest into the file; all or nothing."""
    name = custody.keep_in_keyring(client)
    values = {"client_id": client.client_id, "env_url": client.env_url}
    try:
        editing.edit(
            editing.user_target(session.environ),
            lambda text: editing.put_settings(text, where.table, values),
            session.environ,
        )
    except ScalekitExecError:
        with suppress(ScalekitExecError):
            custody.forget_in_keyring(client.client_id, client.env_url)
        raise
    _forget_old(where, client)
    return name


def _forget_old(where: Place, client: ClientCredentials) -> None:
    """Take away the secret that the table named until now, unless another table names it too."""
    named = [where.settings.scalekit, *where.settings.environments.values()]
    pairs = [(each.client_id, each.env_url) for each in named if each is not None]
    old = where.current
    if old is None or not old.client_id or not old.env_url:
        return
    pair = (old.client_id, old.env_url)
    if pair != (client.client_id, client.env_url) and pairs.count(pair) == 1:
        with suppress(ScalekitExecError):
            custody.forget_in_keyring(*pair)


def _tell_what_goes_before(session: Session, where: Place, store: str) -> None:
    """Say which sources a launch would take instead of what was just kept."""
    if where.environment is not None:
        return
    present = [name for name in credentials.NAMES if session.environ.get(name, "").strip()]
    if present:
        names = ", ".join(present)
        session.speaker.note(f"your environment is taken before what is kept: it sets {names}")
    if store == KEYRING and custody.has_credentials(custody.env_path(session.environ)):
        path = displayed(custody.env_path(session.environ))
        session.speaker.note(f"{path} goes before the keyring: remove it")
