"""Make everything below `sample_data/data`. The one command:

    python -m sample_data.build [--retrain] [--cache DIR]

Renders the audit sets, trains the encoder and the classifiers (weights that are present are kept, unless `--retrain`)
and measures from paired renders what the classifiers rely on. About 50 minutes on 2 shared cores with `--retrain`. The
same seeds give the same pictures; weights depend on the machine's rounding besides, so each truth is measured anew.
"""  # noqa: D415

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

from sample_data import shots
from sample_data.classifiers import RECIPES, audit_accuracy, read_classifier, train_classifier, write_classifiers
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
        retrain: Train encoder and classifiers even where their weights are present.
    """
    for name in MIXTURES:
        _LOG.info("rendering the %s audit set", name)
        write_audit_set(name, data / name)
    _LOG.info("rendering the %s audit set", shots.SET_NAME)
    shots.write_shots(data / shots.SET_NAME)
    write_vocabulary(data / "encoder")
    if retrain or not (data / "encoder" / "weights.safetensors").exists():
        train_encoder(data / "encoder", cache, steps=STEPS)
        write_model_card(data / "encoder")
    build_classifiers(data, cache, retrain=retrain)


def build_classifiers(data: Path, cache: Path, *, retrain: bool) -> None:
    """Train the classifiers and measure the truth about them."""
    folder = data / "classifiers"
    models = {}
    for name, recipe in RECIPES.items():
        if not retrain and (folder / f"{name}.safetensors").exists():
            models[name] = read_classifier(name, folder)
        elif name == shots.SET_NAME:
            models[name] = shots.train(recipe)
        else:
            models[name] = train_classifier(name, recipe, cache)
    stamped = models[shots.SET_NAME]
    accuracy = {name: audit_accuracy(name, models[name], cache) for name in MIXTURES}
    accuracy[shots.SET_NAME] = shots.audit_accuracy(stamped)
    write_classifiers(models, accuracy, folder)
    labels, pictures = render_bank(cache)
    measured = {name: measure(models[name], labels, pictures) for name in MIXTURES}
    write_truth(measured, {name: accuracy[name] for name in MIXTURES}, data / "truth.json")
    shots.write_truth(shots.measure(stamped), accuracy[shots.SET_NAME], data / shots.SET_NAME / "truth.json")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--retrain", action="store_true", help="train even what is present")
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
