"""Which environment variables may be set by whom, and the templates that fill them.

Nobody may set a variable that decides which code runs. A project's map, which may have come with a
cloned repository, may set only variables whose name says that they hold a credential or whose it
is. A word on the command line is the user's own: only the first rule holds there.
"""

from __future__ import annotations

from scalekit_exec.errors import shown
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "PROJECT_ENDINGS",
    "TOKEN",
    "Template",
    "Variable",
    "default_variable",
    "expiry_name",
    "is_name",
    "key_of",
    "names_server",
    "parse_template",
    "project_refusal",
    "project_template_refusal",
    "refusal",
]

_UPPER = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DIGITS = frozenset("0123456789")
_FIRST = _UPPER | frozenset("abcdefghijklmnopqrstuvwxyz_")
_LATER = _FIRST | _DIGITS
# A field's name may have a hyphen: static credentials have keys such as X-Api-Key.
_FIELD_LATER = _LATER | {"-"}

_REFUSED = (
    "PATH HOME SHELL IFS ENV BASH_ENV NODE_OPTIONS PYTHONPATH PYTHONSTARTUP PYTHONHOME PERL5OPT "
    "RUBYOPT PROMPT_COMMAND PS4 COMSPEC PATHEXT SYSTEMROOT"
)
_REFUSED_NAMES = frozenset(_REFUSED.split())
_REFUSED_BEGINNINGS = ("LD_", "DYLD_", "SCALEKIT_")
_ENDINGS = (
    "TOKEN KEY SECRET PASSWORD PGPASSWORD PASS PAT AUTH AUTHORIZATION HEADER CREDENTIAL "
    "CREDENTIALS USER USERNAME EMAIL LOGIN ACCOUNT ID DOMAIN SUBDOMAIN TENANT ORG EXPIRES_AT"
)
PROJECT_ENDINGS = tuple(_ENDINGS.split())
_PERSON_ENDINGS = ("USER", "USERNAME", "EMAIL", "LOGIN")
# Fields whose value is known to whoever writes the map.
_CHOSEN_FIELDS = ("identifier", "expires_at")
_PROJECT_TEXT = _LATER | frozenset(" :;,=+-|\"'()<>{}")
# One number is a host (WHATWG URL, "host parsing"; inet_aton(3)); below 2 ** 24 it is nobody's.
_PROJECT_DIGITS = 5
_SERVER_ENDINGS = ("DOMAIN", "SUBDOMAIN", "TENANT", "ACCOUNT")


@record
class Template:
    """A variable's value before the account is known.

    `parts` are pairs of literal text and the field that follows it; the field of the last pair is
    empty where text ends the value.
    """

    parts: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that it asks for, each once, in their order."""
        return tuple(dict.fromkeys(name for _, name in self.parts if name))

    @property
    def has_text(self) -> bool:
        """Whether there is anything in it but fields."""
        return any(text for text, _ in self.parts)

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the value; KeyError with the field's name where `values` has it not."""
        return "".join(text + (values[name] if name else "") for text, name in self.parts)


TOKEN = Template((("", "token"),))


@record
class Variable:
    """An environment variable that a service sets, and from what."""

    name: str
    template: Template

    @property
    def is_token(self) -> bool:
        """Whether it holds the bare token and nothing else."""
        return self.template == TOKEN


def parse_template(text: str) -> Template:
    """Read a template: text, with `{name}` for a field, `{{` and `}}` for a brace.

    Plain names only: an attribute, index, conversion or format would let a map run code of ours
    on a secret. Raises ValueError that says what is wrong and where, and does not repeat the text.
    """
    if "\0" in text:
        raise ValueError("a NUL character cannot be part of a variable")
    parts: list[tuple[str, str]] = []
    literal: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character in "{}" and text[at + 1 : at + 2] == character:
            literal.append(character)
            at += 2
        elif character == "{":
            end = text.find("}", at)
            if end < 0:
                raise ValueError(f"the brace at character {at + 1} is not closed; {{{{ is a brace")
            parts.append(("".join(literal), _field(text[at + 1 : end])))
            literal = []
            at = end + 1
        elif character == "}":
            raise ValueError(f"the brace at character {at + 1} closes nothing; }}}} is a brace")
        else:
            literal.append(character)
            at += 1
    if literal:
        parts.append(("".join(literal), ""))
    return Template(tuple(parts))


def _field(name: str) -> str:
    if not name or name[0] not in _FIRST or not _FIELD_LATER.issuperset(name):
        raise ValueError(
            f'"{{{shown(name, 60)}}}" is not a plain field such as {{token}} or {{username}}'
        )
    return name


def is_name(name: str) -> bool:
    """Tell whether this can be the name of a variable in every shell."""
    return bool(name) and name[0] in _FIRST and _LATER.issuperset(name)


def key_of(name: str, windows: bool) -> str:  # noqa: FBT001 - the one thing that it depends on
    """Return the name as the system compares it: Windows does not look at the case."""
    return name.upper() if windows else name


def expiry_name(name: str) -> str:
    """Return the variable that tells when the bare token in this one expires."""
    return name + "_EXPIRES_AT"


def default_variable(service: str) -> str:
    """Return the variable of a service that names none: `google-drive` gives GOOGLE_DRIVE_TOKEN."""
    out: list[str] = []
    for character in service.upper():
        if character in _UPPER or character in _DIGITS:
            out.append(character)
        elif not out or out[-1] != "_":
            out.append("_")
    if out and out[0] in _DIGITS:
        out.insert(0, "_")
    return "".join(out) + "_TOKEN"


def refusal(name: str, *, windows: bool = False) -> str:
    """Return why nobody may set this variable; an empty string where it is fine."""
    if not is_name(name):
        return f'"{shown(name, 60)}" is not a variable name: letters, digits and _, no digit first'
    key = key_of(name, windows)
    if key.startswith("SCALEKIT_"):
        return f"{name} may not be set: SCALEKIT_* is kept for Scalekit's own settings"
    if key in _REFUSED_NAMES or key.startswith(_REFUSED_BEGINNINGS):
        return f"{name} may not be set: it decides which code runs"
    return ""


def project_refusal(name: str, allowed: Sequence[str]) -> str:
    """Return why a project's map may not set this variable; an empty string where it may.

    `allowed` is what the user's own file lists under `allow_variables`.
    """
    if name in allowed or _ends_in(name, PROJECT_ENDINGS):
        return ""
    return (
        f"a project's map may not set {shown(name, 60)}, whose name does not end in "
        "_TOKEN, _KEY or another word for a credential"
    )


def project_template_refusal(variable: Variable) -> str:
    """Return why a project's map may not fill a variable so; an empty string where it may.

    Clients make hosts and paths even of keys and ids (`dc` of `KEY-dc` at Mailchimp). So what the
    project itself chooses, its text and its identifier, must not be able to end or make one, nor to
    be an option of a command where a shell takes the value apart.
    """
    name, template = variable.name, variable.template
    fields = [field for field in template.names if field not in _CHOSEN_FIELDS]
    alone = template.parts == (("", "identifier"),) and _is_of_person(name)
    if not fields and not alone:
        return f"in a project's map {name} holds something of the account, such as {{token}}"
    if "identifier" in template.names and not alone:
        return f"in a project's map {name} may not hold {{identifier}}, which the map itself sets"
    if not all(_PROJECT_TEXT.issuperset(text) for text, _ in template.parts):
        allowed = "letters, digits, blanks and : ; , = + - _ | \" ' ( ) < > { }"
        return f"in a project's map the text of {name} may have {allowed} and nothing else"
    whole = "".join(text for text, _ in template.parts).lower()
    if "0x" in whole or sum(map(whole.count, _DIGITS)) > _PROJECT_DIGITS:
        most = f"no 0x and at most {_PROJECT_DIGITS} digits"
        return f"in a project's map the text of {name} may have {most}, or it could name a server"
    if template.parts[0][0].startswith("-") or any(" -" in text for text, _ in template.parts):
        return f"in a project's map no word in {name} may begin with -"
    return ""


def _is_of_person(name: str) -> bool:
    return _ends_in(name, _PERSON_ENDINGS)


def names_server(name: str) -> bool:
    """Tell whether clients read from a variable of this name where they send the credential."""
    return _ends_in(name, _SERVER_ENDINGS)


def _ends_in(name: str, endings: Sequence[str]) -> bool:
    return any(name == ending or name.endswith("_" + ending) for ending in endings)
