"""A home and a project with credentials in all the places where they may be."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from scalekit_exec import credentials
from scalekit_exec.credentials import Request
from scalekit_exec.errors import ConfigurationError
from tests.support.maps import GMAIL, Home

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scalekit_exec.model import ClientCredentials

ID, SECRET = "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"
URL, OTHER_URL = "SCALEKIT_ENV_URL", "SCALEKIT_ENVIRONMENT_URL"
ACME = "https://acme.scalekit.com"


def three(name: str, url: str = ACME) -> dict[str, str]:
    return {ID: f"skc_{name}", SECRET: f"secret-of-{name}", URL: url}


def lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


class Place(Home):
    """A home and a project, and the credentials that are found from there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.warnings: list[str] = []
        self.map('identifier = "x"\n' + GMAIL)

    def dot_env(self, values: Mapping[str, str] | str, *, own: bool = False) -> Path:
        """Write a `.env` beside the project's map, or in the user's own folder."""
        path = (self.own.parent if own else self.project) / ".env"
        path.write_text(values if isinstance(values, str) else lines(values))
        path.chmod(0o600)
        return path

    def scalekit(self, text: str = "", url: str = ACME) -> Path:
        """Write the user's `[scalekit]` with a command that prints a secret."""
        command = json.dumps([sys.executable, "-c", "print('secret-of-settings')"])
        return self.user(
            f'[scalekit]\nclient_id = "skc_settings"\nenv_url = "{url}"\n'
            f"client_secret_command = {command}\n{text}"
        )

    def find(
        self,
        environ: Mapping[str, str] | None = None,
        *,
        env_file: str | None = None,
        environment: str | None = None,
        config: str | None = None,
    ) -> ClientCredentials:
        request = Request(environ or {}, self.load(config), env_file, environment)
        return credentials.find(request, self.warnings.append)

    def name(self, environ: Mapping[str, str] | None = None, **options: str) -> str:
        """Return whose credentials were found; all three must be theirs."""
        found = self.find(environ, **options)
        name = found.client_id.removeprefix("skc_")
        assert found.client_secret.reveal() == f"secret-of-{name}"
        return name

    def refused(
        self, environ: Mapping[str, str] | None = None, **options: str
    ) -> ConfigurationError:
        with pytest.raises(ConfigurationError) as caught:
            self.find(environ, **options)
        return caught.value
