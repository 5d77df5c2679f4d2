"""Make everything below `sample_data/data`. The one command:

    python -m sample_data.build [--retrain] [--cache DIR]

Renders both audit sets, trains the encoder (kept if present, unless `--retrain`), trains both classifiers and measures
from paired renders what they rely on. About 50 minutes on 2 shared cores with `--retrain`. The same seeds give the same
pictures; weights depend on the machine's rounding besides, so `truth.json` is measured anew.
"""  # noqa: D415

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

from sample_data.classifiers import RECIPES, audit_accuracy, train_classifier, write_classifiers
from sample_data.encoder import STEPS, train_encoder
from sample_data.model_card import write_model_card
from sample_data.sets import MIXTURES, write_audit_set
from sample_data.truth import measure, render_bank, write_truth
from sample_data.vocabulary import write_vocabulary

_LOG = logging.getLogger(__name__)

DATA = Path(__file__).parent / "data"


def build(data: Path, cache: Path, *, retrain: bool) -> None:
    """Write every file of the sample data.

    Args:
        data: Folder that is filled.
        cache: Folder for rendered training pictures.
        retrain: Train the encoder even where its weights are present.
    """
    for name in MIXTURES:
        _LOG.info("rendering the %s audit set", name)
        write_audit_set(name, data / name)
    write_vocabulary(data / "encoder")
    if retrain or not (data / "encoder" / "weights.safetensors").exists():
        train_encoder(data / "encoder", cache, steps=STEPS)
        write_model_card(data / "encoder")
    build_classifiers(data, cache)


def build_classifiers(data: Path, cache: Path) -> None:
    """Train both classifiers and measure the truth about them."""
    models = {name: train_classifier(name, recipe, cache) for name, recipe in RECIPES.items()}
    accuracy = {name: audit_accuracy(name, model, cache) for name, model in models.items()}
    write_classifiers(models, accuracy, data / "classifiers")
    labels, pictures = render_bank(cache)
    measured = {name: measure(model, labels, pictures) for name, model in models.items()}
    write_truth(measured, accuracy, data / "truth.json")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retrain", action="store_true", help="train the encoder even where it is present")
    parser.add_argument("--cache", type=Path, help="keep rendered training pictures here (default: a temporary folder)")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if arguments.cache is not None:
        build(DATA, arguments.cache, retrain=arguments.retrain)
        return
    with tempfile.TemporaryDirectory() as folder:
        build(DATA, Path(folder), retrain=arguments.retrain)


if __name__ == "__main__":
    main()
