from __future__ import annotations

import pytest

from scalekit_exec.record import record, replace


@record
class Point:
    """A point."""

    x: int
    y: int = 2

    @property
    def sum(self) -> int:
        return self.x + self.y


def test_a_record_takes_its_fields_in_order_or_by_name() -> None:
    assert Point(1) == Point(x=1, y=2) == Point(1, y=2)
    assert Point(1).sum == 3
    assert repr(Point(1)) == "Point(x=1, y=2)"
    assert hash(Point(1)) == hash(Point(1, 2))
    match Point(4, 5):
        case Point(x, y):
            assert (x, y) == (4, 5)


def test_a_record_cannot_be_changed_but_copied_with_changes() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.z = 2  # type: ignore[attr-defined]
    assert replace(point, y=7) == Point(1, 7)
    with pytest.raises(TypeError):
        replace(point, z=7)


@pytest.mark.parametrize(
    ("args", "kwargs"), [((), {}), ((1, 2, 3), {}), ((1,), {"x": 1}), ((1,), {"z": 1})]
)
def test_a_record_refuses_fields_that_are_missing_or_too_many(
    args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    with pytest.raises(TypeError):
        Point(*args, **kwargs)


def test_records_of_different_kinds_are_never_equal() -> None:
    @record
    class Other:
        x: int
        y: int

    other: object = Other(1, 2)
    assert Point(1, 2) != other
