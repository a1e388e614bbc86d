"""The flow on its own: no network, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.authorization import (
    PASSING_IN_A_ROW,
    RENEWALS,
    Ask,
    Authorized,
    Failed,
    MakeLink,
    Pending,
    ShowLink,
    Target,
    Tick,
    Wait,
    authorize,
)
from scalekit_exec.errors import AuthorizationError, ScalekitExecError, VaultError
from scalekit_exec.model import Account, AccountKey, Link, Service, Wanted
from scalekit_exec.variables import TOKEN, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = AccountKey("c", "mess")
VARIABLES = (Variable("T", TOKEN),)
WANTED = Wanted(Service("gmail", "c", VARIABLES), "mess", VARIABLES, "gmail")
MISSING = AuthorizationError("account-not-found", "no account")
BUSY = VaultError("unreachable", "down")


class World:
    """Drives a flow through answers that are given, on a clock that it turns itself."""

    def __init__(
        self,
        answers: Sequence[Account | ScalekitExecError],
        *,
        life: float | None = 60.0,
        target: Target | None = None,
    ) -> None:
        self.answers = list(answers)
        self.life = life
        self.now = 1000.0
        self.ends: float | None = None
        self.links = 0
        self.waits: list[float] = []
        self.events: list[object] = []
        self.flow = authorize(target or Target(WANTED, "EXPIRED"), lambda: 0.5)

    def reply(self, event: object) -> object:
        match event:
            case MakeLink():
                self.links += 1
                self.ends = None if self.life is None else self.now + self.life
                return Link(f"https://a.example/{self.links}", self.ends)
            case ShowLink():
                return Tick(self.now, self.ends)
            case Wait(seconds):
                self.waits.append(seconds)
                self.now += seconds
                return Tick(self.now, self.ends)
            case Ask():
                return self.answers.pop(0) if self.answers else Account(KEY, "EXPIRED")
        return None

    def run(self) -> object:
        event: object = next(self.flow)
        for _ in range(10000):
            self.events.append(event)
            try:
                event = self.flow.send(self.reply(event))  # type: ignore[arg-type]
            except StopIteration:
                return self.events[-1]
        raise AssertionError("the flow does not end")


def state(status: str, updated_at: str = "") -> Account:
    return Account(KEY, status, updated_at=updated_at)


def test_a_link_is_shown_and_the_account_asked_for_until_it_is_active() -> None:
    world = World([state("EXPIRED"), state("PENDING_AUTH"), state("ACTIVE")])
    assert isinstance(world.run(), Authorized)
    assert world.links == 1
    assert [type(event).__name__ for event in world.events] == [
        *("MakeLink", "ShowLink", "Wait", "Ask", "Wait", "Ask", "Wait", "Ask", "Authorized")
    ]


def test_an_account_that_is_not_there_yet_is_waited_for() -> None:
    world = World([MISSING, MISSING, state("ACTIVE")])
    assert isinstance(world.run(), Authorized)


def test_a_link_that_ends_is_made_anew_five_times_at_most() -> None:
    world = World([], life=7.0)
    end = world.run()
    assert isinstance(end, Failed)
    assert world.links == RENEWALS + 1
    numbers = [event.number for event in world.events if isinstance(event, ShowLink)]
    assert numbers == list(range(1, RENEWALS + 2))


def test_a_link_that_has_ended_before_it_is_shown_is_waited_for_before_the_next() -> None:
    world = World([], life=-60.0)
    assert isinstance(world.run(), Failed)
    assert world.links == RENEWALS + 1
    assert len(world.waits) == world.links
    assert min(world.waits) >= 2


def test_the_question_before_a_links_end_is_not_lost() -> None:
    world = World([state("EXPIRED"), state("ACTIVE")], life=4.0)
    assert isinstance(world.run(), Authorized)
    assert sum(world.waits) == pytest.approx(4.0)
    assert world.links == 1


def test_a_link_without_an_end_is_waited_for_as_long_as_the_driver_likes() -> None:
    world = World([state("EXPIRED")] * 500 + [state("ACTIVE")], life=None)
    assert isinstance(world.run(), Authorized)
    assert world.links == 1


@given(st.floats(0, 1))
def test_questions_are_two_to_five_seconds_apart(jitter: float) -> None:
    flow = authorize(Target(WANTED, "EXPIRED"), lambda: jitter)
    next(flow)
    flow.send(Link("https://a.example"))
    event = flow.send(Tick(0.0))
    assert isinstance(event, Wait)
    assert 2 <= event.seconds <= 5


def test_the_outstanding_check_is_told_once() -> None:
    pending = state("PENDING_VERIFICATION")
    world = World([pending, pending, state("ACTIVE")])
    world.run()
    assert len([event for event in world.events if isinstance(event, Pending)]) == 1


def test_passing_troubles_are_sat_out_but_not_for_ever() -> None:
    patient = World([BUSY] * (PASSING_IN_A_ROW - 1) + [state("EXPIRED"), BUSY, state("ACTIVE")])
    assert isinstance(patient.run(), Authorized)
    tired = World([BUSY] * PASSING_IN_A_ROW).run()
    assert isinstance(tired, Failed)
    assert tired.error is BUSY


@pytest.mark.parametrize("code", ["forbidden", "credentials-rejected", "untrusted-server"])
def test_a_refusal_that_stays_ends_it_at_once(code: str) -> None:
    error = VaultError(code, "no")
    end = World([error]).run()
    assert isinstance(end, Failed)
    assert end.error is error


def test_a_link_that_cannot_be_made_ends_it() -> None:
    flow = authorize(Target(WANTED, ""), lambda: 0.0)
    assert isinstance(next(flow), MakeLink)
    end = flow.send(BUSY)
    assert isinstance(end, Failed)


def test_by_force_an_active_account_is_done_when_it_has_changed() -> None:
    target = Target(WANTED, "ACTIVE", "then", force=True)
    world = World([state("ACTIVE", "then"), state("ACTIVE", "now")], target=target)
    assert isinstance(world.run(), Authorized)
    assert len(world.waits) == 2


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["EXPIRED", "PENDING_AUTH", "PENDING_VERIFICATION", "DISCONNECTED"]),
            st.just("busy"),
            st.just("missing"),
        ),
        max_size=30,
    ),
    st.one_of(st.none(), st.floats(-100, 100)),
)
def test_whatever_happens_the_flow_ends_and_says_how(says: list[str], life: float | None) -> None:
    known: dict[str, Account | ScalekitExecError] = {"busy": BUSY, "missing": MISSING}
    answers: list[Account | ScalekitExecError]
    answers = [known.get(word) or state(word) for word in says]
    world = World([*answers, state("ACTIVE")], life=life)
    assert isinstance(world.run(), Authorized | Failed)
    assert world.links <= RENEWALS + 1
