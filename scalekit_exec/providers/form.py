"""How a provider wants its credential in a request: headers, made of an account's fields.

A form is a template like those of a map, so that the same code fills it and complains where a
field is missing. Its value is the headers, a line each.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from scalekit_exec.errors import CredentialError
from scalekit_exec.record import record
from scalekit_exec.variables import Template, parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BEARER", "Form", "Header", "read_form"]

_BASIC = "basic "


@record
class Header:
    """One header: its name, its template, and whether the value is sent in base64."""

    name: str
    template: Template
    basic: bool = False

    def line(self, values: Mapping[str, str]) -> str:
        """Return the header's line; KeyError with the name of a field that `values` has not.

        Raises CredentialError `unusable-token` for what no header carries: clients complain too,
        but they repeat the value.
        """
        value = self.template.fill(values)
        if self.basic:
            from base64 import b64encode

            value = "Basic " + b64encode(value.encode()).decode()
        if value != value.strip() or any(not " " <= character <= "~" for character in value):
            raise CredentialError(
                "unusable-token",
                f"the value for the header {self.name} has a character that no header carries",
                "authorize it again, or look at the account in the Scalekit dashboard",
            )
        return f"{self.name}: {value}"


@record
class Form(Template):
    """Several ways to make the headers; the first is taken whose fields the account has."""

    parts: tuple[tuple[str, str], ...] = ()
    choices: tuple[tuple[Header, ...], ...] = ()

    @property
    def of_token(self) -> Form | None:
        """The way that needs the bare token and nothing else, if there is one."""
        for choice in self.choices:
            if all(set(header.template.names) <= {"token"} for header in choice):
                return Form(choices=(choice,))
        return None

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the headers' lines; KeyError with the first field that is missing."""
        missing: KeyError | None = None
        for choice in self.choices:
            try:
                return "\n".join(header.line(values) for header in choice)
            except KeyError as error:
                missing = missing or error
        raise missing or KeyError("token")


@cache
def read_form(choices: tuple[str, ...]) -> Form:
    """Read the forms of one provider out of the table."""
    return Form(choices=tuple(tuple(map(_header, text.split(" and "))) for text in choices))


def _header(text: str) -> Header:
    name, colon, value = text.partition(": ")
    if not colon:
        name, value = "Authorization", text
    basic = value.startswith(_BASIC)
    return Header(name, parse_template(value.removeprefix(_BASIC)), basic)


BEARER = read_form(("Bearer {token}",))
