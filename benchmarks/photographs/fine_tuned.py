"""A few networks that learn end to end: EfficientNet-Lite0 tuned on photographs with a context, every layer of it.

    python -m benchmarks.photographs.fine_tuned [--output FILE] [--photos DIR] [--work DIR]

The rest is as of the heads: which photographs, the truth from each of them edited both ways, the encoder (untuned). By
words each network is audited as a user would, with all that is done to pictures; with the column given without that.
The tuned network's own last layer is the head that is audited.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from auditor.records import FloatArray, IntArray, LinearHead
from benchmarks.machine import write_result
from benchmarks.photographs import PHOTOS, report
from benchmarks.photographs.bank import Bank, conse_encoder, network
from benchmarks.photographs.contexts import CONTEXTS, Context
from benchmarks.photographs.files import audit_files
from benchmarks.photographs.models import make
from benchmarks.photographs.outcomes import outcome
from benchmarks.photographs.pools import Photo
from benchmarks.photographs.run import audits_encoder, code
from benchmarks.photographs.scenarios import SETS, Scenario
from benchmarks.planted import protocol
from benchmarks.planted.audit import audit
from benchmarks.resumable import keep

_BATCH = 32
_RATES = {"head": 3e-3, "body": 3e-4}  # of AdamW
_WEIGHT_DECAY = 1e-2
_BALANCED = ("watermark", "greyscale", "blur", "forest against street")
#: Epochs, and pictures a class that are trained on and audited at most.
SIZES = {"full": (8, 100, 200), "toy": (1, 6, 12)}


@dataclass(frozen=True, slots=True, eq=False)
class TunedBank(Bank):
    """Features of the tuned network beside the ImageNet logits of the untuned one."""

    tuned: Any  # an EfficientNet
    made: dict[Path, FloatArray] = field(default_factory=dict)  # of one network: too many to keep on the disk

    def network(self, head: LinearHead) -> nn.Module:
        """The tuned network, whose own head it is."""
        return cast(nn.Module, self.tuned)

    def _kept(self, members: Sequence[Photo], context: Context | None, present: bool) -> tuple[FloatArray, FloatArray]:
        _, logits = Bank._kept(self, members, context, present)
        path = self._path(members, context, present)
        if path not in self.made:
            with torch.inference_mode():
                batches = self._batches(members, context, present)
                x = [self.tuned.extract_features(batch).mean((2, 3)).numpy() for batch in batches]
            self.made[path] = np.concatenate(x)
        return self.made[path], logits


def scenarios(size: str) -> Iterator[Scenario]:
    """Every context learnt with cats or dogs, and four that are learnt with neither."""
    _, n_train, n_audit = SIZES[size]
    balanced = [one for one in CONTEXTS if one.name in _BALANCED]
    for i, context in enumerate((*CONTEXTS, *balanced)):
        control = None if i < len(CONTEXTS) else "balanced"
        yield Scenario(
            seed=30_000 + i,
            side=context.side,
            photos="cats_dogs",
            context_name=context.name,
            control=control,  # type: ignore[arg-type]  # a literal
            planted=(i % 2,),
            correlation=0.5 if control else 0.95,
            audited=0.5 if control else 0.8,
            elsewhere=0.5 if control else 0.2,
            n_train=n_train,
            n_audit=n_audit,
            noise=0.0 if control else 0.3,
            penalty=0.0,
        )


def tune(
    bank: Bank, scenario: Scenario, photos: Sequence[Photo], labels: IntArray, present: NDArray[np.bool_], epochs: int
) -> Any:
    """Train every layer by AdamW; BatchNorm keeps ImageNet's statistics, as batches are small."""
    torch.manual_seed(scenario.seed)
    rng = np.random.default_rng((scenario.seed, 84))
    n_classes = len(SETS[scenario.photos])
    found = network(LinearHead(np.zeros((n_classes, 1280), np.float32), np.zeros(n_classes, np.float32)))
    found.requires_grad_(True).eval()
    head = [p for name, p in found.named_parameters() if name.startswith("_fc.")]
    body = [p for name, p in found.named_parameters() if not name.startswith("_fc.")]
    groups = [{"params": head, "lr": _RATES["head"]}, {"params": body, "lr": _RATES["body"]}]
    steps = epochs * -(-len(photos) // _BATCH)
    optimiser = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    preprocess = conse_encoder().preprocess
    pictures = [
        preprocess(bank.picture(photo, scenario.context, bool(there)))
        for photo, there in zip(photos, present, strict=True)
    ]
    for _ in range(epochs):
        order = rng.permutation(len(photos))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            batch = torch.stack([pictures[i] for i in rows])
            batch = torch.stack([one.flip(-1) if rng.random() < 0.5 else one for one in batch])
            batch = batch.contiguous(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(found(batch), torch.from_numpy(labels[rows]))
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return found.requires_grad_(False)


def examine(scenario: Scenario, epochs: int, bank: Bank) -> list[dict[str, Any]]:
    """Tune, audit by words and with the column given, and compare with the truth."""
    banks: list[TunedBank] = []

    def fit(photos: Sequence[Photo], labels: IntArray, present: NDArray[np.bool_]) -> tuple[LinearHead, Bank]:
        found = tune(bank, scenario, photos, labels, present, epochs)
        banks.append(TunedBank(bank.root, bank.work, found))
        return LinearHead(found._fc.weight.numpy().copy(), found._fc.bias.numpy().copy()), banks[-1]

    one = make(scenario, bank, fit=fit)
    (tuned,) = banks
    bare, with_column = (one.examined(tuned, column=given, properties=False) for given in (False, True))
    with TemporaryDirectory() as folder:
        words, _ = audit_files(one, tuned, bare, conse_encoder(), Path(folder), cache=bank.work / "cache", seed=0)
    column = audit(with_column, audits_encoder(), seed=0)
    return [outcome(one, "words", words, with_peers=False), outcome(one, "column", column, with_peers=False)]


def run(size: str, photos: Path, work: Path) -> list[dict[str, Any]]:
    """All networks; what is there already is read."""
    torch.set_num_threads(1)
    found = []
    for scenario in scenarios(size):
        digest = hashlib.sha256(Path(__file__).read_bytes() + code().encode())
        path = work / "tuned" / f"{size}-{scenario.seed}-{digest.hexdigest()[:12]}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            outcomes = examine(scenario, SIZES[size][0], Bank(photos, work / "features"))
            keep(path, {"outcomes": outcomes})
            print(lines(outcomes), flush=True)
        found += json.loads(path.read_text(encoding="utf-8"))["outcomes"]
    return found


def lines(outcomes: Sequence[dict[str, Any]]) -> str:
    """A row a network, class and mode: a Markdown table."""
    rows = [
        "| context | class | given | accuracy | recall with − without | truth | verdict, for |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in outcomes:
        what = one["scenario"]
        for c, (told, accuracy) in enumerate(zip(one["classes"], one["accuracy"], strict=True)):
            pair = next(p for p in one["pairs"] if p["class_idx"] == c)
            lead = f", {told['lead']}" if told["lead"] else ""
            sort = what["context_name"] + (f" ({what['control']})" if what["control"] else "")
            rows.append(
                f"| {sort} | {told['class_name']} | {what['mode']} | {accuracy:.2f} | {pair['effect']:+.2f} "
                f"[{pair['low']:+.2f}, {pair['high']:+.2f}] | {told['status']} | {told['verdict']}{lead} |"
            )
    return "\n".join(rows)


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="folder of the photographs")
    parser.add_argument("--work", type=Path, default=Path("audits/photographs-benchmark"))
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    kept = set(arguments.work.glob("tuned/*.json"))
    outcomes = run(arguments.size, arguments.photos.resolve(), arguments.work)
    made = len(set(arguments.work.glob("tuned/*.json")) - kept)
    print(lines(outcomes))
    print(report.table(report.summarise(outcomes)))
    if arguments.output is not None:
        result = {"protocol": protocol.state(), "outcomes": outcomes}
        write_result(arguments.output, result, reused={"networks": len(outcomes) // 2 - made})


if __name__ == "__main__":
    main()
