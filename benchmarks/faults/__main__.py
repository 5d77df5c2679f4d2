"""Count, print, and end with 1 where something must not be; see the package."""

from __future__ import annotations

import argparse
import datetime
import json
import resource
import sys
from pathlib import Path

import benchmarks.faults
from benchmarks.faults.series import SERIES, measured
from benchmarks.machine import describe_machine


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=benchmarks.faults.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--series", choices=SERIES, nargs="+", default=list(SERIES))
    parser.add_argument("--trials", type=int, default=300, help="a kind of file; for healed a fiftieth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder in which each trial is noted, so that a stopped run goes on")
    parser.add_argument("--output", type=Path, help="JSON file that the counts of these series are put into")
    given = parser.parse_args()
    bad: list[str] = []
    for series in given.series:
        tally = measured(series, trials=given.trials, seed=given.seed, work=given.work)
        print(f"{tally.table()}\n", flush=True)
        bad += tally.bad
        if given.output is not None:
            command = f"python -m benchmarks.faults --series {series} --trials {given.trials} --seed {given.seed}"
            said = json.loads(given.output.read_text()) if given.output.exists() else {}
            said[series] = {
                "command": command,
                "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
                "machine": describe_machine(),
                "counts": tally.counts,
                "bad": len(tally.bad),
            }
            given.output.write_text(json.dumps(said, indent=2) + "\n")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
    for line in bad:
        print(line, file=sys.stderr)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
