"""The nouns: what the map names, what Scalekit keeps, what a launch wants of both."""

from __future__ import annotations

from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.secret import Secret
    from scalekit_exec.variables import Variable

__all__ = [
    "ACTIVE",
    "Account",
    "AccountKey",
    "ClientCredentials",
    "Credential",
    "DaemonSettings",
    "Link",
    "NotifySettings",
    "ScalekitSettings",
    "Service",
    "ServiceMap",
    "UserSettings",
    "Wanted",
]

ACTIVE = "ACTIVE"
PENDING_VERIFICATION = "PENDING_VERIFICATION"


@record
class AccountKey:
    """What Scalekit finds one connected account by."""

    connection_name: str
    identifier: str
    organization_id: str | None = None
    user_id: str | None = None


@record
class Service:
    """An entry of the map.

    `identifier` is the entry's own, else its file's default. `origin` is the file that it was read
    from. `hosts` None means: those that the provider table knows.
    """

    name: str
    connection_name: str
    variables: tuple[Variable, ...]
    identifier: str | None = None
    required: bool = True
    organization_id: str | None = None
    user_id: str | None = None
    provider: str | None = None
    hosts: tuple[str, ...] | None = None
    origin: str = ""


@record
class ScalekitSettings:
    """`[scalekit]` or one `[environments.NAME]` of the user's file."""

    client_id: str | None = None
    env_url: str | None = None
    transport: str | None = None
    ca_bundle: str | None = None
    allow_urls: tuple[str, ...] = ()
    user_verify_url: str | None = None
    client_secret_command: tuple[str, ...] | None = None


@record
class NotifySettings:
    """`[notify]`: the command that is told of a link, and the seconds that it may take."""

    command: tuple[str, ...]
    timeout: float = 10.0


@record
class DaemonSettings:
    """`[daemon]`: whether a launch starts one where there is none, and what that one remembers.

    `cache` is for how many seconds it remembers a credential, 0 for not at all.
    """

    enabled: bool = False
    cache: float = 0.0


@record
class UserSettings:
    """What only the user's own file may say. `path` is that file, whether or not it exists.

    `redact` hides secrets in the output of every launch that does not say otherwise.
    """

    path: str
    scalekit: ScalekitSettings | None = None
    environments: Mapping[str, ScalekitSettings] = {}
    allow_variables: tuple[str, ...] = ()
    notify: NotifySettings | None = None
    redact: bool = False
    daemon: DaemonSettings = DaemonSettings()


@record
class ServiceMap:
    """Both files together.

    `project` is the project's file (or the `connections.json` that stands for it), `files` all that
    were read, `notes` the lines to say on stderr, such as a service of the user's replaced by the
    project. `again` is what a hinted command needs to find the same files.
    """

    services: Mapping[str, Service]
    groups: Mapping[str, tuple[str, ...]]
    settings: UserSettings
    project: str | None = None
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    again: str = ""


@record
class Wanted:
    """One service of one launch, with its identifier and variables settled.

    `single` is the name of its one variable that is a bare token, if it has just that; `named` is
    how the user wrote it, `NAME` or `NAME@IDENTIFIER`.
    """

    service: Service
    identifier: str
    variables: tuple[Variable, ...]
    named: str

    @property
    def key(self) -> AccountKey:
        """What Scalekit finds the account by."""
        service = self.service
        return AccountKey(
            service.connection_name, self.identifier, service.organization_id, service.user_id
        )

    @property
    def single(self) -> str | None:
        """The variable that holds the bare token, where that is all there is."""
        if len(self.variables) == 1 and self.variables[0].is_token:
            return self.variables[0].name
        return None


@record
class ClientCredentials:
    """With what, and to whom, we speak. `source` says where it was found, for people."""

    client_id: str
    client_secret: Secret
    env_url: str
    source: str


@record
class Account:
    """A connected account's state, without its credential.

    `status` is one of Scalekit's words. `expires_at` is in POSIX seconds; None where Scalekit knows
    of no expiry. `as_of` is the server's own time of this answer, also in POSIX seconds;
    `updated_at` is Scalekit's mark of the last change, to be compared only.
    """

    key: AccountKey
    status: str
    id: str = ""
    provider: str = ""
    authorization_type: str = ""
    expires_at: float | None = None
    as_of: float = 0.0
    updated_at: str = ""


@record
class Credential:
    """What an ACTIVE account yields.

    `token` is the bare token where there is one and only one; `fields` are all values by name,
    those that are not secret too. There is no refresh token among them.
    """

    account: Account
    token: Secret | None
    fields: Mapping[str, Secret]
    expires_at: float | None = None


@record
class Link:
    """A magic link; `expires_at` is its own end in POSIX seconds, None where it was not told.

    `lives` are the seconds to that end by the server's clock: ours may be fast or slow.
    """

    url: str
    expires_at: float | None = None
    lives: float | None = None
