"""How long a launch takes, beside bare Python, a curl script, Scalekit's SDK and other launchers.

    python -m bench                     the whole table, some minutes
    python -m bench --quick             on the loopback only, few rounds
    python -m bench --peers FOLDER      install the peers that are not there into FOLDER first
    python -m bench --write             renew docs/speed.md, its picture and README's table too
    python -m bench --render            write those anew from bench/results.json, without measuring

Run it from a clone on a machine that does nothing else. The distances need Linux and root (or
user namespaces); what is missing is left out and named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import contestants, emulator, far, machine, peers, plot, report, results
from bench.timing import peak_memory, take_turns

ROOT = Path(__file__).parent.parent
DISTANCES = (0, 25, 50, results.FARTHEST)


def main() -> int:
    """Measure, print and, where asked, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--far-rounds", type=int, default=7, help="at each distance")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", metavar="FOLDER")
    parser.add_argument("--json", metavar="FILE", type=Path, help="keep every single time here")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--render", action="store_true")
    options = parser.parse_args()
    if options.render:
        write(results.read())
        return 0
    for warning in machine.warnings():
        print(f"note: {warning}", file=sys.stderr)
    if options.peers:
        peers.install(options.peers)
    rounds = 5 if options.quick else options.rounds
    found = near(rounds, options.peers)
    if not options.quick:
        at_distances(found, options.far_rounds)
    print(report.text(found))
    if options.json:
        found.write(options.json)
    if options.write:
        found.write()
        write(found)
    return 0


def near(rounds: int, folder: str | None) -> results.Results:
    """Time everything on the loopback."""
    with tempfile.TemporaryDirectory() as place, emulator.running() as told:
        ground = contestants.Ground(place, told)
        with (
            peers.running(ground, folder) as (others, absent),
            contestants.daemon(ground, (2,)) as warm,
        ):
            bare, ours, sdk = (
                contestants.bare(ground),
                [contestants.launch(ground, number) for number in contestants.MANY],
                [contestants.sdk(ground, number) for number in (1, 2)],
            )
            curl = contestants.curl(ground)
            rows = [bare, *contestants.answers(ground), *warm, *ours, *curl, *sdk, *others]
            take_turns(rows, rounds, ground.errors)
            missing = [*absent, *([] if curl else ["curl"]), *([] if warm else ["the daemon"])]
            memory = {each.key: round(peak_memory(each), 1) for each in (bare, ours[1], sdk[0])}
    return results.Results(machine.facts(), results.collect(rows), memory=memory, missing=missing)


def at_distances(found: results.Results, rounds: int) -> None:
    """Time again at each distance, if this machine lets us make one."""
    for rtt in DISTANCES:
        rows = far.measure(rtt, rounds)
        if rows is None:
            found.missing.append("distances")
            return
        found.far[rtt] = results.collect(rows)


def write(found: results.Results) -> None:
    """Write the page, its picture and README's table."""
    (ROOT / "docs" / "speed.md").write_text(report.markdown(found), encoding="utf-8")
    (ROOT / "docs" / "speed.svg").write_text(plot.svg(found), encoding="utf-8")
    page = ROOT / "README.md"
    text = page.read_text(encoding="utf-8")
    renewed = report.in_readme(text, found)
    if renewed != text:
        page.write_text(renewed, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
