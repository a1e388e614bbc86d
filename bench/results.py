"""What one run of the bench found, and what follows from it; reads and writes results.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.timing import Figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.timing import Row

KEPT = Path(__file__).parent / "results.json"
FARTHEST = 200  # where counted round trips drown the noise


@dataclass(slots=True)
class Series:
    """One row's times in milliseconds, a value a round, and the CPU time that it took itself."""

    label: str
    ms: list[float]
    cpu: list[float]

    @property
    def figure(self) -> Figure:
        return Figure.of(self.ms)


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that was promised, and what it came to; `least` where more is better."""

    text: str
    limit: float
    found: Figure
    aim: float | None = None
    least: bool = False

    @property
    def met(self) -> bool:
        value = self.found.middle
        return value >= self.limit if self.least else value <= self.limit


@dataclass(slots=True)
class Results:
    """All series of a run: `near` on the loopback, `far` by round trip in milliseconds."""

    facts: dict[str, str]
    near: dict[str, Series]
    far: dict[int, dict[str, Series]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def ratio(self, key: str, to: str, rtt: int | None = None) -> Figure | None:
        """Return how a row compares with another, round by round; None where one is missing."""
        rows = self.near if rtt is None else self.far.get(rtt, {})
        if key not in rows or to not in rows:
            return None
        pairs = zip(rows[key].ms, rows[to].ms, strict=True)
        return Figure.of([ours / theirs for ours, theirs in pairs])

    def round_trips(self, key: str, rtt: int = FARTHEST) -> Figure | None:
        """Return how many round trips a row takes: what the distance adds to it, divided by it."""
        here, there = self.far.get(0, {}).get(key), self.far.get(rtt, {}).get(key)
        if here is None or there is None:
            return None
        base = here.figure.middle
        return Figure.of([(value - base) / rtt for value in there.ms])

    def goals(self) -> list[Goal]:
        """Return every promise that this run could test."""
        promised = [
            ("two services, times a curl script (reads in turn)", 1.6, 1.35,
             self.ratio("ours-2", "curl")),
            ("two services, times a curl script (reads at once)", 1.6, 1.35,
             self.ratio("ours-2", "curl-at-once")),
            ("two services, times bare Python", 5.0, 4.0, self.ratio("ours-2", "python")),
            ("sixteen services, times one", 1.6, None, self.ratio("ours-16", "ours-1")),
            ("round trips, two services", 4.3, None, self.round_trips("ours-2")),
            ("round trips, eight services", 4.5, None, self.round_trips("ours-8")),
            ("at 25 ms, times a curl script (reads in turn)", 1.0, None,
             self.ratio("ours-2", "curl", 25)),
            ("at 25 ms, times a curl script (both by curl -Z)", 1.0, None,
             self.ratio("ours-2", "curl-z", 25)),
            ("through the daemon, times bare Python", 2.6, 2.0,
             self.ratio("daemon-2", "python")),
            ("through the daemon, times a cold launch", 0.6, None,
             self.ratio("daemon-2", "ours-2")),
            ("round trips through the daemon, at 25 ms", 1.1, None,
             self.round_trips("daemon-2", 25)),
            *((f"{self.near[key].label}, times bare Python", 2.0, None,
               self.ratio(key, "python"))
              for key in ("help", "version", "words", "usage", "no-map") if key in self.near),
        ]  # fmt: skip
        goals = [Goal(text, limit, found, aim) for text, limit, aim, found in promised if found]
        faster = self.ratio("sdk-2", "ours-2")
        if faster:
            text = "two services, faster than one SDK client each by"
            goals.insert(3, Goal(text, 8.0, faster, least=True))
        if self.memory.get("sdk-1"):
            share = self.memory["ours-2"] / self.memory["sdk-1"]
            goals.insert(4, Goal("peak memory, times the SDK's", 0.4, Figure.of([share])))
        return goals

    def write(self, path: Path = KEPT) -> None:
        """Keep it, a line a series."""
        text = json.dumps(self._plain(), indent=1)
        path.write_text(_short_lists(text) + "\n", encoding="utf-8")

    def _plain(self) -> dict[str, object]:
        def plain(rows: dict[str, Series]) -> dict[str, object]:
            return {
                key: {"label": row.label, "ms": row.ms, "cpu": row.cpu} for key, row in rows.items()
            }

        return {
            "version": 1,
            "facts": self.facts,
            "memory_mb": self.memory,
            "missing": self.missing,
            "near": plain(self.near),
            "far": {str(rtt): plain(rows) for rtt, rows in self.far.items()},
        }


def collect(rows: Sequence[Row]) -> dict[str, Series]:
    """Turn timed rows into series, rounded to what can be told apart."""
    return {
        row.key: Series(
            row.label,
            [round(value * 1000, 2) for value in row.seconds],
            [round(value * 1000, 1) for value in row.cpu],
        )
        for row in rows
    }


def read(path: Path = KEPT) -> Results:
    """Read what a run kept."""
    found = json.loads(path.read_text(encoding="utf-8"))

    def series(rows: dict[str, dict[str, object]]) -> dict[str, Series]:
        return {key: Series(**row) for key, row in rows.items()}  # type: ignore[arg-type]

    return Results(
        found["facts"],
        series(found["near"]),
        {int(rtt): series(rows) for rtt, rows in found["far"].items()},
        found["memory_mb"],
        found["missing"],
    )


def _short_lists(text: str) -> str:
    """Put every list of numbers on one line."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside:
            inside = line.strip()[:1] != "]"
            lines[-1] += line.strip() + (" " if inside and line.endswith(",") else "")
        else:
            lines.append(line)
            inside = line.endswith("[")
    return "\n".join(lines)
