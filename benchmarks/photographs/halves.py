"""Whether the halves of a class that the model treats differently show a person what was planted, with no word for it.

    python -m benchmarks.photographs.halves --photos DIR --work DIR --output benchmarks/results/photographs_halves.json

Audits of the photographs' models (no interventions, no maps), once with neither vocabulary nor measured properties and
once with the default vocabulary. Of their leads (`auditor/evidence/verdicts/unnamed_leads.py`) the first three are
read, by the lower bound of the gap: a lead shows the context where its two strips of at most twelve pictures differ in
it (Fisher's exact test, two-sided, .05). Asked are audits in which a class relies on the context by 20 points or more;
beside them stand all leads of the controls.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse, stats

from auditor.concept_records import UnnamedLead
from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.verdicts.unnamed_leads import unnamed_leads
from auditor.place_grid import N_CELLS
from benchmarks.machine import write_result
from benchmarks.photographs import PHOTOS
from benchmarks.photographs.bank import Bank, conse_encoder
from benchmarks.photographs.models import Made, make
from benchmarks.photographs.pools import SIDES
from benchmarks.photographs.scenarios import GRIDS, grid
from benchmarks.planted import protocol
from benchmarks.planted.audit import audit, remembering
from benchmarks.planted.score import LARGE

_READ, _P = 3, 0.05


def examine(made: Made, given: EvidenceInput) -> dict[str, Any]:
    """The leads of one model's audit, without words and with them."""
    scenario = made.scenario
    relies = sorted(
        {one.class_idx for one in made.truth if one.status == "relies" and one.effect >= LARGE}
        if scenario.control is None
        else ()
    )
    n = len(given.image_ids)
    # leads are looked for where maps are known: here nobody asks what they show
    given = replace(given, places=np.full((n, N_CELLS), np.nan, np.float32))
    wordless = replace(
        given,
        concepts=(),
        shares=sparse.csr_array((n, 0), dtype=np.float32),
        presence=np.zeros((n, 0), np.float32),
        kappa=None,
        kappa_elsewhere=None,
        core={},
        core_entries={},
        same_as={},
        edits={},
    )
    return {
        **scenario.as_dict(),
        "relies": relies,
        "leads": {name: _read(made, one) for name, one in (("no words", wordless), ("words", given))},
    }


def _read(made: Made, given: EvidenceInput) -> list[dict[str, Any]]:
    row = {image_id: k for k, image_id in enumerate(given.image_ids)}
    leads = sorted(unnamed_leads(given), key=lambda one: -one.low)
    return [_strips(one, made, row) for one in leads]


def _strips(lead: UnnamedLead, made: Made, row: dict[str, int]) -> dict[str, Any]:
    shown = [made.present[[row[one] for one in ids]] for ids in (lead.first_ids, lead.second_ids)]
    there = [int(strip.sum()) for strip in shown]
    table = [[count, strip.size - count] for count, strip in zip(there, shown, strict=True)]
    return {
        "class_idx": lead.class_idx,
        "low": round(lead.low, 4),
        "with": there,
        "of": [strip.size for strip in shown],
        "p": float(stats.fisher_exact(table).pvalue),
    }


def report(found: Sequence[dict[str, Any]]) -> str:
    """Audits whose first three leads show the context, and leads of controls that do: a Markdown table."""
    lines = [
        "| the audit has | audits with a class that relies | with a lead on it | whose strips show the context | "
        "controls: audits | leads | that show it |",
        "|---|---|---|---|---|---|---|",
    ]
    for mode in ("no words", "words"):
        planted = [one for one in found if one["relies"]]
        controls = [one for one in found if one["control"] is not None]
        own = [[lead for lead in one["leads"][mode][:_READ] if lead["class_idx"] in one["relies"]] for one in planted]
        of_controls = [lead for one in controls for lead in one["leads"][mode]]
        shown = sum(any(lead["p"] <= _P for lead in leads) for leads in own)
        lines.append(
            f"| {mode} | {len(planted)} | {sum(bool(leads) for leads in own)} | {shown} | {len(controls)} | "
            f"{len(of_controls)} | {sum(lead['p'] <= _P for lead in of_controls)} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", choices=SIDES, default="open")
    parser.add_argument("--grid", choices=GRIDS, default="full")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of the photographs")
    parser.add_argument("--work", type=Path, required=True, help="where features are kept")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    bank, encoder = Bank(arguments.photos.resolve(), arguments.work / "features"), remembering(conse_encoder())
    found = []
    for scenario in grid(arguments.side, arguments.grid):
        made = make(scenario, bank)
        examined = made.examined(bank, column=False, properties=False)
        found.append(examine(made, audit(examined, encoder, seed=0).evidence_input))
    print(report(found))
    if arguments.output is not None:
        result = {"side": arguments.side, "grid": arguments.grid, "protocol": protocol.state(), "audits": found}
        write_result(arguments.output, result, reused={})


if __name__ == "__main__":
    main()
