"""The launchers that every scenario in this folder runs over."""

from __future__ import annotations

import pytest

from tests.support.processes import FUNCTIONS, Launcher

LAUNCHERS = [FUNCTIONS]


@pytest.fixture(params=LAUNCHERS, ids=str)
def launcher(request: pytest.FixtureRequest) -> Launcher:
    assert isinstance(request.param, Launcher)
    return request.param
