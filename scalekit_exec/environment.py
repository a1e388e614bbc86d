"""The child's environment: a pure function of the caller's environment and the credentials.

Every rule about what the child may see is here, and nowhere else.
"""

from __future__ import annotations

from scalekit_exec.clock import format_rfc3339
from scalekit_exec.errors import CredentialError, nearest, shown
from scalekit_exec.record import record
from scalekit_exec.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scalekit_exec.model import Credential, Wanted
    from scalekit_exec.variables import Variable

__all__ = [
    "AUTH",
    "MARK",
    "OWN_CREDENTIALS",
    "URL",
    "Filled",
    "Policy",
    "Served",
    "build",
    "fill",
    "keep_from_proxies",
    "longest_value",
    "owned",
]

# With the client secret a child could mint tokens for every user of the environment.
OWN_CREDENTIALS = (
    "SCALEKIT_CLIENT_ID",
    "SCALEKIT_CLIENT_SECRET",
    "SCALEKIT_ENV_URL",
    "SCALEKIT_ENVIRONMENT_URL",
    "TOOL_CLIENT_ID",
    "TOOL_CLIENT_SECRET",
    "TOOL_ENV_URL",
)
MARK = "SCALEKIT_EXEC"
# Where a launch's broker is, and what it asks for.
URL = "SCALEKIT_EXEC_URL"
AUTH = "SCALEKIT_EXEC_AUTH"
LOOPBACK = ("127.0.0.1", "localhost")
EXPIRY_SUFFIX = "_EXPIRES_AT"
PRISTINE = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LC_*", "TZ", "TMPDIR")
PRISTINE_WINDOWS = (
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE"),
    *("USERNAME", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA"),
    "PROGRAMFILES*",
)


@record
class Policy:
    """What the caller wants passed on.

    `passed` are the names of `--pass`, each perhaps with `*` at its end; `windows` compares names
    without their case.
    """

    pristine: bool = False
    passed: tuple[str, ...] = ()
    keep_credentials: bool = False
    windows: bool = False


@record
class Filled:
    """A wanted service with the values of its variables.

    `token` is the account's bare token, if it has one, and `fields` is all that it yielded,
    whatever the variables are made of. `as_of` is the server's time of the answer.
    """

    wanted: Wanted
    values: Mapping[str, Secret]
    expires_at: float | None = None
    token: Secret | None = None
    fields: Mapping[str, Secret] = {}
    as_of: float = 0.0


@record
class Served:
    """Where the child finds the broker of its launch."""

    url: str
    bearer: Secret


def longest_value(platform: str) -> int:
    """Return how many bytes `NAME=value` may have, its NUL included, on a platform.

    Linux: 32 pages, MAX_ARG_STRLEN of include/uapi/linux/binfmts.h. Windows: 32,767 characters
    (SetEnvironmentVariable). Elsewhere only the sum is limited; a quarter of a mebibyte is left.
    """
    if platform == "linux":
        import os

        return 32 * os.sysconf("SC_PAGE_SIZE")
    return 32767 if platform == "win32" else 262144


def fill(wanted: Wanted, credential: Credential, *, longest: int) -> Filled:
    """Fill a service's variables from its credential.

    Raises CredentialError: `no-credential` where the account lacks a value that a variable wants,
    `unusable-token` where the value fits no environment variable, or a token no header.
    """
    values = {}
    plain = {name: secret.reveal() for name, secret in credential.fields.items()}
    for variable in wanted.variables:
        value = _value(wanted, variable, credential, plain)
        _check(wanted, variable, value, longest)
        values[variable.name] = Secret(value)
    return Filled(
        wanted,
        values,
        credential.expires_at,
        credential.token,
        credential.fields,
        credential.account.as_of,
    )


def _value(
    wanted: Wanted, variable: Variable, credential: Credential, plain: Mapping[str, str]
) -> str:
    if variable.is_token and credential.token is not None:
        return credential.token.reveal()
    # One of several values is it only where the map says of the others what they are.
    alone = variable.is_token and all(each.is_token for each in wanted.variables)
    try:
        return variable.template.fill({} if alone else plain)
    except KeyError as missing:
        name = wanted.service.name
        known = [field for field in sorted(plain) if field not in ("identifier", "expires_at")]
        if known in ([], ["domain"]):
            raise CredentialError(
                "no-credential",
                f"{shown(name)}: the account is ACTIVE but holds no credential",
                "a connection of one shared credential keeps none per user; check it in the "
                "Scalekit dashboard",
            ) from None
        fields = ", ".join(shown(field, 40) for field in known)
        example = ", ".join(f'{_screaming(name, field)} = "{{{field}}}"' for field in known[:3])
        what = "has no single token"
        if not variable.is_token:
            lacking = missing.args[0]
            what = f"has no {shown(lacking)}"
            meant = nearest(lacking, known) or known[0]
            example = f'{variable.name} = "{{{meant}}}"'
        raise CredentialError(
            "no-credential",
            f"{shown(name)}: the account {what} for {variable.name}; it has {fields}",
            f"say what goes where in [services.{shown(name)}]: env = {{ {shown(example)} }}",
        ) from None


def _screaming(service: str, field: str) -> str:
    text = f"{service}_{field}".upper()
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text)


def _check(wanted: Wanted, variable: Variable, value: str, longest: int) -> None:
    name = shown(wanted.service.name)
    problem = ""
    if "\0" in value:
        problem = "has a NUL byte"
    elif any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        problem = "has half a surrogate pair, which is no text"
    elif variable.is_token and any(ord(character) < 0x20 for character in value):
        # No header can carry it (RFC 9110 section 5.5); a password or a key in PEM form may.
        problem = "has a line break or another control character"
    elif len(variable.name) + len(value.encode()) + 2 > longest:
        problem = f"is too long for one environment variable ({len(value.encode())} bytes)"
    if problem:
        raise CredentialError(
            "unusable-token",
            f"{name}: the value for {variable.name} {problem}",
            f"authorize {name} again, or look at the account in the Scalekit dashboard",
        )


def build(
    parent: Mapping[str, str],
    wanted: Sequence[Wanted],
    filled: Sequence[Filled],
    policy: Policy,
    *,
    served: Served | None = None,
    around: Sequence[str] | None = None,
) -> dict[str, str]:
    """Return the child's environment.

    `wanted` are all services of the launch, `filled` those that yielded a credential: what a
    service owns is removed first, so that no stale value of it stays. `served` is the launch's own
    broker. `around` are the variables of the launch around this one, where its broker gave the
    credentials: the child gets just its own of them. In no case is that broker passed on by itself:
    it may hold another account under a name of ours.
    """
    child = _inherited(parent, policy)
    gone = {_same(name, policy) for service in wanted for name in owned(service)}
    leave = (URL, AUTH, *(around or ()))
    gone.update(_same(name, policy) for name in leave if not _matches(name, policy.passed, policy))
    for name in [name for name in child if _same(name, policy) in gone]:
        del child[name]
    for service in filled:
        child.update(_expiries(service))
        # Last, since a map may fill a variable with that ending by itself.
        child.update((name, secret.reveal()) for name, secret in service.values.items())
    inherited = child.pop(MARK, "")
    mark = _mark(inherited, wanted, filled, child, policy, alone=around is not None)
    if mark:
        child[MARK] = mark
    if served is not None:
        child[URL] = served.url
        child[AUTH] = served.bearer.reveal()
        keep_from_proxies(child, windows=policy.windows)
    return child


def keep_from_proxies(child: dict[str, str], *, windows: bool) -> None:
    """Let no proxy be asked for this machine: it would see the bearer, and reach nobody.

    Programs read one of the two names or the other, most the lower-case one first; so each that is
    missing starts as a copy of the other, or it would hide what that says.
    """
    if windows:
        names = [name for name in child if name.upper() == "NO_PROXY"] or ["NO_PROXY"]
    else:
        names = ["no_proxy", "NO_PROXY"]
    given = [child.get(name, "") for name in names]
    for name in names:
        hosts = child.get(name) or next((value for value in given if value), "")
        if hosts.strip() == "*":  # all hosts, but for most programs only if it stands alone
            child[name] = hosts
            continue
        known = [host.strip() for host in hosts.split(",")]
        child[name] = ",".join([hosts] * bool(hosts) + [h for h in LOOPBACK if h not in known])


def _inherited(parent: Mapping[str, str], policy: Policy) -> dict[str, str]:
    child = dict(parent)
    if policy.pristine:
        basis = PRISTINE + PRISTINE_WINDOWS if policy.windows else PRISTINE
        # The mark only tells of variables; those that were not passed are taken out of it.
        kept = OWN_CREDENTIALS if policy.keep_credentials else ()
        names = (*basis, *policy.passed, *kept, MARK)
        child = {name: value for name, value in child.items() if _matches(name, names, policy)}
    if not policy.keep_credentials:
        own = frozenset(OWN_CREDENTIALS)
        child = {name: value for name, value in child.items() if _same(name, policy) not in own}
    return child


def _same(name: str, policy: Policy) -> str:
    return name.upper() if policy.windows else name


def _matches(name: str, patterns: Iterable[str], policy: Policy) -> bool:
    compared = _same(name, policy)
    for given in patterns:
        pattern = _same(given, policy)
        if compared == pattern or (pattern[-1:] == "*" and compared.startswith(pattern[:-1])):
            return True
    return False


def _expiries(service: Filled) -> dict[str, str]:
    if service.expires_at is None:
        return {}
    ends = format_rfc3339(service.expires_at)
    bare = [variable.name for variable in service.wanted.variables if variable.is_token]
    return {name + EXPIRY_SUFFIX: ends for name in bare}


def owned(wanted: Wanted) -> list[str]:
    """Return all variables that a service may set, also those that tell of an expiry."""
    names = []
    for variable in wanted.variables:
        names.append(variable.name)
        if variable.is_token:
            names.append(variable.name + EXPIRY_SUFFIX)
    return names


def _word(wanted: Wanted) -> str:
    """Write a service as it would be typed, so that it survives in a list with commas."""
    name, at, identifier = wanted.named.partition("@")
    word = name + at + "".join(_percent(character) for character in identifier)
    return f"{word}={wanted.single}" if wanted.single else word


def _percent(character: str) -> str:
    code = ord(character)
    if character in ",=%" or code < 0x20 or code == 0x7F:
        return f"%{code:02X}"
    if 0x80 <= code < 0xA0:
        return "".join(f"%{byte:02X}" for byte in character.encode())
    return character


def _mark(
    inherited: str,
    wanted: Sequence[Wanted],
    filled: Sequence[Filled],
    child: Mapping[str, str],
    policy: Policy,
    *,
    alone: bool,
) -> str:
    """Name what the child has: an outer launch's words that still hold, then ours."""
    mine = [_word(service.wanted) for service in filled]
    taken = {_same(name, policy) for service in wanted for name in owned(service)}
    replaced = {_word(service).partition("=")[0] for service in wanted if not service.single}
    words = []
    for word in inherited.split(","):
        named, _, variable = word.partition("=")
        if not word or word in mine or (variable and _same(variable, policy) in taken):
            continue
        if variable and not any(_same(variable, policy) == _same(name, policy) for name in child):
            continue
        if not variable and (named in replaced or policy.pristine or alone):
            continue
        words.append(word)
    return ",".join(words + mine)
