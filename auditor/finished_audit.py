"""A finished audit's settings and inputs once more: read, loaded, and checked to be what was audited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from auditor.analysis import Inputs
from auditor.audit_folder import audit_digests
from auditor.config import AuditConfig
from auditor.data_address import data_place
from auditor.errors import InputError, StoreError
from auditor.inputs.remote.again import with_data_again
from auditor.named_files import check_named_examples, check_named_files, encoder_file, model_folder
from auditor.pipeline import load_inputs
from auditor.records import Dataset, Progress
from auditor.store.manifest import read_audit_json
from auditor.store.open_audit import open_audit_database
from auditor.wording import quote


def audit_settings(folder: Path) -> AuditConfig:
    """The settings of the audit, whose file may be foreign.

    Raises:
        StoreError: no finished audit there, or settings that are none.
    """
    with open_audit_database(folder) as connection:
        row = connection.execute("SELECT config FROM runs").fetchone()
    try:
        return AuditConfig.model_validate(json.loads(row[0]) if row else {})
    except (ValueError, RecursionError) as error:  # pydantic's errors are ValueErrors
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise StoreError(f"the settings of the audit at {folder} cannot be read ({first}); make it again") from error


def settings_again(folder: Path, given: Mapping[str, object], *, out: Path, trust_code: bool) -> AuditConfig:
    """The settings by which the audit's inputs are loaded once more.

    Args:
        folder: The audit.
        given: By setting what was given again, None where it was not: model, weights, data, preprocess, class_map,
            encoder and vocabulary.
        out: Where features go.
        trust_code: Whether a factory's code may run and the files that the audit names may be read; what the audit
            says of it does not count.

    Raises:
        StoreError: no finished audit there, or settings that are none.
        InputError: the audit names files that were not given again, and is not trusted; or an address whose shards are
            not in the cache any more.
    """
    settings = audit_settings(folder)
    check_named_files(folder, _named_files(settings, given), trust_code=trust_code)
    data = None if given.get("data") is None else data_place(given["data"])
    examples = {name: (one.yes, one.no) for name, one in settings.concepts.items()}
    check_named_examples(folder, examples, trust_code=trust_code)
    again = settings.model_copy(
        update={
            **({"data_root": None} if data is not None else {}),  # the root of data that have moved
            **{name: value for name, value in given.items() if value is not None},
            **({"data": data} if data is not None else {}),
            "out": out,
            "trust_code": trust_code,
            "cache": None,  # a folder that a foreign audit names is not written to
        }
    )
    return with_data_again(again, settings.cache, fetch=trust_code or data is not None)


def load_audited(folder: Path, config: AuditConfig, *, on_progress: Progress | None = None) -> Inputs:
    """Load inputs by the settings of :func:`settings_again`, and refuse them where they are not what was audited.

    Raises:
        InputError: names what differs, contents of pictures and masks included.
    """
    inputs = load_inputs(config, on_progress=on_progress)
    _check_inputs(folder, inputs, audit_digests(audit_settings(folder), inputs))
    return inputs


def _named_files(config: AuditConfig, given: Mapping[str, object]) -> dict[str, Path | str | None]:
    """By their flags the files that the audit names and that were not given."""
    files: dict[str, Path | str | None] = {
        "weights": config.weights,
        "predictions": config.predictions,
        "features": config.features,
        "preprocess": config.preprocess,
        "class_map": config.class_map,
        "encoder": encoder_file(config.encoder),
        "model": model_folder(config.model),
        "vocabulary": config.vocabulary,
    }
    return {name.replace("_", "-"): file for name, file in files.items() if given.get(name) is None}


def _check_inputs(folder: Path, inputs: Inputs, digests: Mapping[str, str]) -> None:
    audited = read_audit_json(folder).get("digests") or {}
    for name, digest in digests.items():
        if digest == audited.get(name):
            continue
        if name == "data":
            _refuse_changed_pictures(folder, inputs.dataset)
        what = "class map or settings are" if name == "config" else f"{name} is"
        raise InputError(
            f"the {what} not what was audited (digest {digest[:12]}, the audit's {str(audited.get(name))[:12]}); "
            f"give the audited one{f' with --{name}' if name != 'config' else ''}, or audit again"
        )


def _refuse_changed_pictures(folder: Path, dataset: Dataset) -> None:
    """Name the first picture that is not as it was audited, if there is one."""
    with open_audit_database(folder) as connection:
        audited = dict(connection.execute("SELECT path, content_digest FROM images").fetchall())
    found = {item.path: dataset.contents.get(item.path) for item in dataset.items}
    # pictures that could not be read are not among the audited ones
    changed = sorted(path for path, digest in audited.items() if found.get(path) != digest)
    if changed:
        raise InputError(
            f"{len(changed)} of {len(audited)} pictures are not as they were audited (first: {quote(changed[0])}); "
            "give the audited ones with --data, or audit again"
        )
