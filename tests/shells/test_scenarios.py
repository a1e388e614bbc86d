"""What people do with a launch, under every shell; the table in docs/shells.md is made here.

    python -m tests.shells.test_scenarios

writes the table anew; the tests hold it against a run.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.sandboxes import running_sandbox
from tests.support.shells import BEGIN, END, LANGUAGES, Language, needs, place, row, table, written

if TYPE_CHECKING:
    from tests.support.sandboxes import SandboxHandle

PAGE = Path(__file__).parents[2] / "docs" / "shells.md"
PROGRAMS = str(Path(sys.executable).parent)


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=str)
def test_a_launch_does_under_a_shell_what_the_table_says(
    language: Language,
    sandbox: SandboxHandle,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    needs(language)
    monkeypatch.setenv("PATH", PROGRAMS, prepend=os.pathsep)
    found = row(language, place(tmp_path, sandbox.environ()))
    assert found == written(PAGE.read_text())[language.name]


def test_the_table_has_every_shell() -> None:
    assert list(written(PAGE.read_text())) == list(LANGUAGES)


def main() -> None:
    """Write the table."""
    os.environ["PATH"] = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    rows = {}
    with running_sandbox() as handle:
        for name, language in LANGUAGES.items():
            with tempfile.TemporaryDirectory() as folder:
                rows[name] = row(language, place(Path(folder), handle.environ()))
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table(rows)}\n\n{END}{after}")


if __name__ == "__main__":
    main()
