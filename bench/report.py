"""The table on the terminal, and docs/speed.md and README's block from the same figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.results import Results, Series
    from bench.timing import Figure

HEAD = ("", "median ms", "quartiles", "CPU ms", "times Python")
FAR = (
    "python", "ours-1", "ours-2", "ours-8", "ours-16", "daemon-2", "curl", "curl-at-once", "curl-z",
    "sdk-1",
)  # fmt: skip
SHOWN_IN_README = (
    "python", "help", "daemon-2", "ours-2", "ours-16", "curl", "curl-at-once", "sdk-1", "sdk-2",
)  # fmt: skip
BEGIN, END = "<!-- speed -->", "<!-- /speed -->"
METHOD = """\
Everything is timed in turns in one run, each round beginning with another row, after one round that
only warms; a row's time is from the start of its first process to the end of its last. Ratios are
taken round by round. The emulator of Scalekit (docs/sandbox.md) runs in a process of its own on the
same cores and answers all of them: TLS 1.3, a certificate that the client is told to trust, one
token request and one read per service. `times Python` compares with `python -c pass`, which every
launch contains.

- *scalekit-exec* is the installed program, cold, HTTPS, and becomes `true`. Nothing is kept between
  two launches. The map has eight services, for sixteen and more it has 64.
- *The curl script* is sh and curl: a token request and two reads, each a curl of its own, in turn;
  or the two reads at once in the background, through files; or both by one `curl -Z`. It knows no
  map, checks next to nothing and shows the client secret in its argv.
- *The SDK* is scalekit-sdk-python: a process and a client for each service, one after another.
- *doppler* fetches from a stub over TLS in one request; *python-dotenv* and *dotenvx* read a file
  and ask nobody. They are here to show what a launcher costs, not to be compared in what they do.
- *Distance* is a round trip that every packet to the emulator takes, through the kernel's own TCP
  (`bench/distance.py`). Round trips are what 200 ms add, divided by it: TCP, TLS 1.3, token
  request, reads.
- *Peak memory* is the largest resident size of one process before it becomes the command.
"""
AGAIN = """\
`python -m bench` prints the table; `--peers FOLDER` installs the peers into that folder first;
`--write` renews this page, its picture and README's table. What does not vary with load is held by
tests/test_cost.py: the connections and requests of a launch, and its instructions.
"""


def row(series: Series, ratio: Figure | None) -> tuple[str, ...]:
    """Return a row's cells."""
    figure = series.figure
    cpu = sorted(series.cpu)[len(series.cpu) // 2]
    return (
        series.label,
        f"{figure.middle:.1f}",
        f"{figure.low:.1f}-{figure.high:.1f}",
        f"{cpu:.0f}",
        f"{ratio.middle:.2f}" if ratio else "",
    )


def near_rows(results: Results) -> list[tuple[str, ...]]:
    return [row(series, results.ratio(key, "python")) for key, series in results.near.items()]


def far_rows(results: Results) -> list[tuple[str, ...]]:
    """Return medians in ms by distance, and the round trips."""
    distances = sorted(results.far)
    found: list[tuple[str, ...]] = [("", *(f"{rtt} ms" for rtt in distances), "round trips")]
    for key in FAR:
        if distances and key in results.far[distances[0]]:
            cells = [f"{results.far[rtt][key].figure.middle:.0f}" for rtt in distances]
            trips = results.round_trips(key, distances[-1]) if distances[-1] else None
            count = f"{trips.middle:.2f}" if trips and key != "python" else ""
            found.append((results.far[0][key].label, *cells, count))
    return found


def goal_rows(results: Results) -> list[tuple[str, ...]]:
    """Return what was promised beside what was found."""
    found: list[tuple[str, ...]] = [("goal", "at most", "aim", "found", "quartiles", "")]
    for goal in results.goals():
        limit = f"{'at least ' if goal.least else ''}{goal.limit:g}"
        spread = f"{goal.found.low:.2f}-{goal.found.high:.2f}"
        aim = f"{goal.aim:g}" if goal.aim else ""
        middle = f"{goal.found.middle:.2f}"
        found.append((goal.text, limit, aim, middle, spread, "" if goal.met else "missed"))
    return found


def memory_line(results: Results) -> str:
    names = {"python": "bare Python", "ours-2": "scalekit-exec", "sdk-1": "the SDK"}
    told = [f"{names[key]} {value:.1f} MB" for key, value in results.memory.items() if key in names]
    return "Peak memory: " + ", ".join(told)


def text(results: Results) -> str:
    """Return the whole table for a terminal."""
    parts = [f"{name}: {value}" for name, value in results.facts.items()]
    parts += ["", *_aligned([HEAD, *near_rows(results)]), "", memory_line(results)]
    if results.far:
        parts += ["", "medians in ms at a distance", *_aligned(far_rows(results))]
    parts += ["", *_aligned(goal_rows(results))]
    parts += [f"not here, so not timed: {', '.join(results.missing)}"] if results.missing else []
    return "\n".join(parts)


def markdown(results: Results) -> str:
    """Return docs/speed.md."""
    facts = results.facts
    rounds = len(next(iter(results.near.values())).ms)
    parts = [
        "# How fast a launch is",
        "",
        "Made by `python -m bench --write` from `bench/results.json`; do not edit.",
        "",
        f"Taken {facts['date']} on {facts['machine']}; Python {facts['python']},",
        f"curl {facts['curl']}, scalekit-sdk-python {facts['SDK']}. Medians of {rounds} rounds.",
        "",
        "![The same figures as a picture](speed.svg)",
        "",
        "## What was promised",
        "",
        *_piped(goal_rows(results)),
        "",
        "## On the loopback",
        "",
        *_piped([HEAD, *near_rows(results)]),
        "",
        memory_line(results) + ".",
        "",
    ]
    if results.far:
        parts += ["## At a distance", "", "Medians in milliseconds.", ""]
        parts += [*_piped(far_rows(results)), ""]
    if results.missing:
        parts += [f"Not installed there, so not timed: {', '.join(results.missing)}.", ""]
    parts += ["## What was measured", "", METHOD]
    parts += [AGAIN]
    return "\n".join(parts)


def readme(results: Results) -> str:
    """Return README's table, with the marks around it."""
    rows: list[tuple[str, ...]] = [("", "median ms", "times Python", "25 ms away", "round trips")]
    for key in SHOWN_IN_README:
        if key not in results.near:
            continue
        series, ratio = results.near[key], results.ratio(key, "python")
        away = results.far.get(25, {}).get(key)
        trips = results.round_trips(key)
        rows.append((
            series.label,
            f"{series.figure.middle:.0f}",
            f"{ratio.middle:.1f}" if ratio else "",
            f"{away.figure.middle:.0f}" if away else "",
            f"{trips.middle:.1f}" if trips and key != "python" else "",
        ))  # fmt: skip
    facts = results.facts
    where = f"{facts['machine']}, Python {facts['python']}, {facts['date']}."
    return "\n".join([BEGIN, *_piped(rows), "", where, END])


def in_readme(page: str, results: Results) -> str:
    """Return README with its table renewed; as it is where it has no marks for one."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return before + readme(results) + after if begin and end else page


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        first, *others = (
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        yield "  ".join([first, *others]).rstrip()


def _piped(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    head, *others = rows
    yield "| " + " | ".join(head) + " |"
    yield "| --- |" + " ---: |" * (len(head) - 1)
    for cells in others:
        yield "| " + " | ".join(cells) + " |"
