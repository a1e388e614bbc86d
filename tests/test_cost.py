"""What a launch costs, as far as it does not vary with what else the machine does.

Times are `python -m bench`'s affair; imports are held by test_house.py.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench import instructions, plot, report, results

if TYPE_CHECKING:
    from tests.support.launches import Folder
    from tests.support.sandboxes import SandboxHandle

ROOT = Path(__file__).parent.parent
CONNECTIONS = 8


def map_of(services: int) -> str:
    names = [f"s{number}" for number in range(services)]
    tables = (f'[services.{name}]\nconnection_name = "{name}"\n' for name in names)
    return 'identifier = "mess"\n' + "".join(tables)


def knock(sandbox: SandboxHandle) -> None:
    """Open one connection that is on the record."""
    connection = sandbox.connect()
    try:
        connection.request("GET", "/knock")
        connection.getresponse().read()
    finally:
        connection.close()


@pytest.mark.parametrize("services", [1, 2, 8, 16, 64])
def test_a_launch_makes_one_token_request_and_one_read_a_service(
    folder: Folder, sandbox: SandboxHandle, services: int
) -> None:
    folder.map(map_of(services))
    names = [f"s{number}" for number in range(services)]
    assert folder.launch(*names, "--", "true").status == 0
    seen = sandbox.requests()
    assert Counter(each["operation"] for each in seen) == {"token": 1, "auth": services}
    assert {each["connector"] for each in seen if each["operation"] == "auth"} == set(names)
    assert {each["transport"] for each in seen} == {"rest"}


@pytest.mark.parametrize("services", [1, 2, 8, 16, 64])
def test_a_launch_opens_a_connection_a_service_and_never_more_than_eight(
    folder: Folder, sandbox: SandboxHandle, services: int
) -> None:
    folder.map(map_of(services))
    knock(sandbox)
    launched = folder.launch(*(f"s{number}" for number in range(services)), "--", "true")
    knock(sandbox)
    assert launched.status == 0
    # Connections are numbered as they are accepted, also those on which nothing is asked.
    first, last = (each["connection"] for each in sandbox.requests() if each["path"] == "/knock")
    assert 1 <= last - first - 1 <= min(services, CONNECTIONS)


@pytest.fixture(scope="module")
def counted(
    tmp_path_factory: pytest.TempPathFactory, open_sandbox: SandboxHandle
) -> dict[str, int]:
    """Count the instructions of every case, once."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    return instructions.count_all(tmp_path_factory.mktemp("cost"), open_sandbox.environ())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", instructions.CASES)
def test_a_launch_takes_as_many_instructions_as_it_is_committed_to(
    counted: dict[str, int], case: str
) -> None:
    """Renewing the figure is right where the change is worth it: say so in the commit."""
    kept = instructions.read()
    if instructions.build() not in kept:
        # Another build of Python: it differs, but never by as much as an import of the SDK.
        most = max(figures[case] for figures in kept.values())
        assert counted[case] <= most * instructions.BETWEEN_BUILDS
        return
    change = counted[case] / kept[instructions.build()][case] - 1
    assert abs(change) <= instructions.TOLERANCE, (
        f"{case} takes {change:+.1%} instructions; to renew: python -m bench.instructions --write"
    )


def test_the_page_and_the_picture_of_the_figures_are_what_their_generator_makes() -> None:
    found = results.read()
    assert (ROOT / "docs" / "speed.md").read_text(encoding="utf-8") == report.markdown(found)
    assert (ROOT / "docs" / "speed.svg").read_text(encoding="utf-8") == plot.svg(found)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert report.in_readme(page, found) == page
