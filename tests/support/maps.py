"""A home folder with maps in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec import config

if TYPE_CHECKING:
    from pathlib import Path

    from scalekit_exec.model import ServiceMap

GMAIL = '[services.gmail]\nconnection_name = "gmail_1"\n'


class Home:
    """A home folder with a project in it, and what `load` finds from there."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.project = self.home / "code" / "app"
        self.own = self.home / ".config" / "scalekit-exec" / "config.toml"
        self.project.mkdir(parents=True)
        self.own.parent.mkdir(parents=True)
        self.environ = {"HOME": str(self.home)}

    def load(self, explicit: str | None = None) -> ServiceMap:
        return config.load(explicit, self.environ, str(self.project))

    def user(self, text: str) -> Path:
        self.own.write_text(text)
        return self.own

    def map(self, text: str, name: str = "scalekit.toml") -> Path:
        path = self.project / name
        path.write_text(text)
        return path
