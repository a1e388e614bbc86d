"""What a broker of its own, or one around it, changes in the child's environment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.environment import Filled, Policy, Served, build
from scalekit_exec.secret import Secret
from tests.support.brokers import want

SERVED = Served("http://127.0.0.1:4711", Secret("bearer"))
AROUND = {
    "SCALEKIT_EXEC": "gmail=GMAIL_TOKEN,slack=SLACK_TOKEN,freshdesk",
    "SCALEKIT_EXEC_URL": "http://127.0.0.1:1",
    "SCALEKIT_EXEC_AUTH": "outer",
    "GMAIL_TOKEN": "outer-gmail",
    "SLACK_TOKEN": "outer-slack",
    "SLACK_TOKEN_EXPIRES_AT": "2100-01-01T00:00:00Z",
    "DESK_KEY": "outer-desk",
    "OTHER": "x",
}
OWNED = ("GMAIL_TOKEN", "SLACK_TOKEN", "SLACK_TOKEN_EXPIRES_AT", "DESK_KEY")
GMAIL = want("gmail")
FILLED = Filled(GMAIL, {"GMAIL_TOKEN": Secret("t")})
hosts = st.lists(st.sampled_from(["a", "b.example", "127.0.0.1", "localhost"]), max_size=4)


def served(parent: dict[str, str], *, windows: bool = False) -> dict[str, str]:
    return build(parent, (), (), Policy(windows=windows), served=SERVED)


def inside(**policy: object) -> dict[str, str]:
    return build(AROUND, (GMAIL,), (FILLED,), Policy(**policy), around=OWNED)  # type: ignore[arg-type]


@given(hosts.map(",".join), hosts.map(",".join))
def test_all_that_needed_no_proxy_needs_none_now(upper: str, lower: str) -> None:
    got = served({"NO_PROXY": upper, "no_proxy": lower})
    for name, own, other in (("NO_PROXY", upper, lower), ("no_proxy", lower, upper)):
        listed = got[name].split(",")
        assert {"127.0.0.1", "localhost"} <= set(listed)
        assert got[name].startswith(own or other)
        assert len(listed) <= len((own or other).split(",")) + 2


def test_a_star_covers_everything_and_stays_alone() -> None:
    assert served({"NO_PROXY": "*"})["no_proxy"] == "*"


def test_windows_has_one_such_variable() -> None:
    assert served({"No_Proxy": "a"}, windows=True)["No_Proxy"] == "a,127.0.0.1,localhost"
    got = served({}, windows=True)
    assert [name for name in got if name.upper() == "NO_PROXY"] == ["NO_PROXY"]


def test_a_broker_of_its_own_replaces_the_one_around() -> None:
    got = served(AROUND)
    assert (got["SCALEKIT_EXEC_URL"], got["SCALEKIT_EXEC_AUTH"]) == (SERVED.url, "bearer")
    assert build(AROUND, (), (), Policy(pristine=True), served=SERVED)["SCALEKIT_EXEC_AUTH"]


def test_without_a_broker_no_proxy_is_left_alone() -> None:
    assert build({"A": "b"}, (), (), Policy()) == {"A": "b"}


def test_a_launch_inside_has_just_its_own() -> None:
    assert inside() == {"GMAIL_TOKEN": "t", "OTHER": "x", "SCALEKIT_EXEC": "gmail=GMAIL_TOKEN"}


def test_a_launch_inside_keeps_what_it_is_told_to() -> None:
    got = inside(passed=("SCALEKIT_EXEC_*", "SLACK_*"))
    assert got["SCALEKIT_EXEC_AUTH"] == "outer"
    assert got["SLACK_TOKEN"] == "outer-slack"
    assert "DESK_KEY" not in got
    assert got["SCALEKIT_EXEC"] == "slack=SLACK_TOKEN,gmail=GMAIL_TOKEN"


@pytest.mark.parametrize("passed", [(), ("SCALEKIT_EXEC_URL",)])
def test_a_pristine_launch_has_no_broker_unless_told_to(passed: tuple[str, ...]) -> None:
    got = inside(pristine=True, passed=passed)
    assert got.keys() == {"GMAIL_TOKEN", "SCALEKIT_EXEC", *passed}


def test_a_launch_with_credentials_of_its_own_takes_the_broker_alone_away() -> None:
    """It may hold another account under the same name, and `get_token` asks it first."""
    got = build(AROUND, (GMAIL,), (FILLED,), Policy())
    assert got["SLACK_TOKEN"] == "outer-slack"
    assert not {"SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH"} & got.keys()
    words = "slack=SLACK_TOKEN,freshdesk,gmail=GMAIL_TOKEN"
    assert got["SCALEKIT_EXEC"] == words, "their variables are still there"
    got = build(AROUND, (GMAIL,), (FILLED,), Policy(passed=("SCALEKIT_EXEC_*",)))
    assert got["SCALEKIT_EXEC_AUTH"] == "outer"
    assert got["SCALEKIT_EXEC"] == words
    bare = {name: value for name, value in AROUND.items() if not name.startswith("SCALEKIT_EXEC_")}
    assert build(bare, (GMAIL,), (FILLED,), Policy())["SCALEKIT_EXEC"] == words
