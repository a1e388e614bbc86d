"""The picture of the figures, written as SVG by hand: bars on the loopback, lines over distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.results import Results

OURS, OTHER, QUIET, INK, FAINT = "#0b6bcb", "#c2570c", "#8a94a6", "#1c2430", "#d9dee6"
SCRIPT = "#6b8e23"
BARS = (
    "python", "help", "daemon-2", "ours-1", "ours-2", "ours-16", "ours-64",
    "curl", "curl-at-once", "curl-z", "doppler", "dotenv", "dotenvx", "sdk-1", "sdk-2",
)  # fmt: skip
LINES = (
    ("daemon-2", "daemon, 2", OURS, "5 4"), ("ours-2", "scalekit-exec, 2", OURS, ""),
    ("curl-at-once", "curl, at once", SCRIPT, "5 4"), ("curl", "curl, in turn", SCRIPT, ""),
    ("sdk-1", "SDK, one client", OTHER, ""),
)  # fmt: skip
WIDTH = 980
BAR = 21


@dataclass(frozen=True, slots=True)
class Box:
    """Where a panel draws, in pixels."""

    left: float
    top: float
    width: float
    height: float


def svg(results: Results) -> str:
    """Return the picture; it has its own light ground, for dark pages too."""
    bars = [key for key in BARS if key in results.near]
    height = 96 + BAR * len(bars)
    fonts = f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {fonts}>',
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        _text(20, 28, "On the loopback, ms", weight="600"),
        *_bars(results, bars, Box(236, 46, 300, BAR * len(bars))),
    ]
    if results.far:
        parts.append(_text(590, 28, "At a distance, ms over round trip in ms", weight="600"))
        parts += _lines(results, Box(626, 46, 230, BAR * len(bars)))
    facts = results.facts
    parts.append(
        _text(20, height - 14, f"{facts['date']}, {facts['machine']}, Python {facts['python']}",
              colour=QUIET, size=11)
    )  # fmt: skip
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bars(results: Results, keys: Sequence[str], box: Box) -> list[str]:
    """Draw a bar a row with its quartiles; one that is far longer than the others is cut."""
    middles = sorted(results.near[key].figure.middle for key in keys)
    most = min(middles[-1], 1.25 * middles[-3]) if len(middles) > 3 else middles[-1]
    scale = box.width / most
    parts = []
    for at, key in enumerate(keys):
        series = results.near[key]
        figure = series.figure
        y = box.top + at * BAR
        length = min(figure.middle, most) * scale
        colour = OURS if key.startswith(("ours", "help", "daemon")) else _colour_of(key)
        parts.append(_text(box.left - 8, y + 14, series.label, anchor="end"))
        parts.append(
            f'<rect x="{box.left:.1f}" y="{y + 3:.1f}" width="{length:.1f}" '
            f'height="{BAR - 7}" fill="{colour}" rx="2"/>'
        )
        end = box.left + length
        if figure.middle > most:
            parts.append(_line(end - 14, y + 1, end - 20, y + BAR - 2, "#ffffff", 4))
        else:
            low, high = (box.left + min(value, most) * scale for value in (figure.low, figure.high))
            parts.append(_line(low, y + BAR / 2 - 0.5, high, y + BAR / 2 - 0.5, INK, 1.5))
            end = max(end, high)
        parts.append(_text(end + 6, y + 14, f"{figure.middle:.0f}", colour=INK))
    return parts


def _colour_of(key: str) -> str:
    if key.startswith("sdk"):
        return OTHER
    return SCRIPT if key.startswith("curl") else QUIET


def _lines(results: Results, box: Box) -> list[str]:
    """Draw medians over distance, each named at its right end."""
    distances = sorted(results.far)
    shown = [line for line in LINES if line[0] in results.far[distances[0]]]
    points = {key: [results.far[rtt][key].figure.middle for rtt in distances] for key, *_ in shown}
    most = max(max(values) for values in points.values()) * 1.05
    farthest = distances[-1] or 1

    def place(rtt: float, value: float) -> tuple[float, float]:
        return (
            box.left + rtt / farthest * box.width,
            box.top + box.height * (1 - value / most),
        )

    parts = []
    step = next(size for size in (50, 100, 250, 500, 1000, 5000) if most / size <= 6)
    for value in range(0, int(most) + 1, step):
        _, y = place(0, value)
        parts.append(_line(box.left, y, box.left + box.width, y, FAINT, 1))
        parts.append(_text(box.left - 6, y + 4, str(value), colour=QUIET, anchor="end"))
    for rtt in distances:
        x, y = place(rtt, 0)
        parts.append(_text(x, y + 16, str(rtt), colour=QUIET, anchor="middle"))
    labels = []
    for key, name, colour, dashes in shown:
        at = [place(rtt, value) for rtt, value in zip(distances, points[key], strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'
        )
        labels.append((at[-1][1] + 4, name, colour))
    return parts + _apart(labels, box.left + box.width + 8)


def _apart(labels: list[tuple[float, str, str]], x: float) -> list[str]:
    """Write labels where their lines end, each at least a line below the one before."""
    parts, lowest = [], 0.0
    for y, name, colour in sorted(labels):
        lowest = max(y, lowest + 14)
        parts.append(_text(x, lowest, name, colour=colour))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _text(
    x: float, y: float, words: str, *, colour: str = INK, anchor: str = "start",
    size: int = 12, weight: str = "400",
) -> str:  # fmt: skip
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" '
        f'font-size="{size}" font-weight="{weight}">{escape(words)}</text>'
    )
