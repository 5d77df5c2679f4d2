"""Attempts to bring a release through the gate that it should stop: each an entry of a table.

The release is an audit in which "landbird" is flagged for forest, so that ``auditor gate`` ends with 1. An attempt
changes its files, its policy, its baseline, or what it was made of; then it must end with the code and say the
word that stand beside it. Whoever writes both tables and digests forges: that is marked ``forged``, and caught by
``--expect-digest``, which is given then.
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
from typer.testing import CliRunner

from auditor.cli.app import app
from auditor.config import AuditConfig
from auditor.pipeline import run_audit
from auditor.records import fingerprint
from auditor.regular_files import file_sha256
from auditor.release.check import check_release
from auditor.store.checksums import DIGEST, FILES, audit_digest
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME, read_audit_json
from benchmarks.faults.sample_audit import sample_settings
from benchmarks.faults.tally import Tally

_CLASS = "landbird"
_TODAY = datetime.datetime.now(datetime.UTC).date()
_LATER, _BEFORE = _TODAY + datetime.timedelta(days=60), _TODAY - datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Releases:
    """What attempts are made with: an audit that the gate stops, and one of another release that it lets pass."""

    stopped: Path
    settings: AuditConfig
    passing: Path
    concept_id: str  # that the class is flagged for
    concept: str

    @property
    def digest(self) -> str:
        """What ``auditor run`` printed of the audit that is stopped."""
        return str(read_audit_json(self.stopped)[DIGEST])


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What is done, and what must come out."""

    name: str
    code: int
    word: str
    sql: tuple[str, ...] = ()  # on the tables
    change: Callable[[Path, Releases], object] | None = None  # of the folder of the audit
    forged: bool = False  # digests are written again after that, and --expect-digest is given
    signed: bool = False  # digests are written again after that; the gate must see it without being told
    policy: str | None = None  # policy.toml of the working directory
    baseline: str | None = None  # baseline.toml of the working directory
    arguments: tuple[str, ...] = ()  # of the gate
    made_of: Callable[[Path, Releases], Mapping[str, object]] | None = None  # settings of another audit in its place


def releases(work: Path) -> Releases:
    """Make both audits."""
    settings = sample_settings(work / "stopped")
    passing = run_audit(sample_settings(work / "passing", "balanced"), resume=True)
    return releases_of(run_audit(settings, resume=True), settings, passing)


def releases_of(stopped: Path, settings: AuditConfig, passing: Path) -> Releases:
    """Two audits that were made, with what the first is stopped for."""
    (found,) = (item for item in check_release(stopped).items if item.class_name == _CLASS and item.level == "error")
    return Releases(stopped, settings, passing, found.concept_id or "", found.concept or "")


def prepared(attempt: Attempt, given: Releases, work: Path) -> str:
    """Make the files of an attempt in the folder; what ``auditor run`` said where it refused to make the audit."""
    work.mkdir()
    audit, said, names = work / "audit", "", _names(given)
    for file, text in (("policy.toml", attempt.policy), ("baseline.toml", attempt.baseline)):
        if text is not None:
            (work / file).write_text(_filled(text, names), encoding="utf-8")
    if attempt.made_of is None:
        shutil.copytree(given.stopped, audit)
    else:
        said = _audited(given.settings, audit, attempt.made_of(work, given))
    if attempt.sql:
        with duckdb.connect(str(audit / DATABASE_NAME)) as connection:
            for statement in attempt.sql:
                connection.execute(statement)
    if attempt.change is not None:
        attempt.change(audit, given)
    if attempt.forged or attempt.signed:
        _sign(audit)
    return said


def gated(attempt: Attempt, given: Releases, work: Path, said: str = "") -> str:
    """Run the gate there: "found" where it ends and says what it must, else what is wrong, a line."""
    arguments = [_filled(argument, _names(given)) for argument in attempt.arguments]
    arguments += ["--expect-digest", given.digest] if attempt.forged else []
    with contextlib.chdir(work):
        result = CliRunner().invoke(app, ["gate", str(work / "audit"), *arguments], env={"COLUMNS": "400"})
    said = " ".join(f"{said} {result.output}".split())
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return f"traceback: {result.exception!r}"
    if result.exit_code == attempt.code and attempt.word in said:
        return "found"
    return f"silent: exit code {result.exit_code}, expected {attempt.code} and {attempt.word!r}: {said[-500:]}"


def _names(given: Releases) -> dict[str, str]:
    return {
        "fingerprint": fingerprint(_CLASS, given.concept_id),
        "concept": given.concept,
        "later": _LATER.isoformat(),
        "before": _BEFORE.isoformat(),
        "passing": str(given.passing),
        "stopped": str(given.stopped),
        "digest": given.digest,
    }


def _filled(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def _audited(settings: AuditConfig, out: Path, changes: Mapping[str, object]) -> str:
    """What ``auditor run`` says where it refuses; then there is no audit."""
    given = AuditConfig.model_validate({**settings.model_dump(), "out": out, **changes})
    path = out.with_suffix(".toml")
    kept = given.model_dump(mode="json", exclude_none=True, exclude={"trust_code", "attributes", "concepts"})
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in kept.items() if key != "core"))
    with path.open("a") as file:
        for name, terms in given.core.items():
            file.writelines(
                f"[core.{name}]\n{json.dumps(term)} = {json.dumps(why.reason)}\n" for term, why in terms.items()
            )
    result = CliRunner().invoke(app, ["run", "--config", str(path), "--quiet"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output if result.exit_code else ""


def _sign(audit: Path) -> None:
    """Write digests of what is there, as a forger would."""
    path = audit / MANIFEST_NAME
    said = json.loads(path.read_text())
    said[FILES][DATABASE_NAME] = file_sha256(audit / DATABASE_NAME)
    _write(path, {**said, DIGEST: audit_digest(said)})


def _write(path: Path, said: Mapping[str, object]) -> None:
    path.write_text(json.dumps(said))


def _said(change: Callable[[dict[str, object]], object]) -> Callable[[Path, Releases], object]:
    """Change what ``audit.json`` says, its digest left as it is."""

    def changed(audit: Path, _: Releases) -> None:
        said = json.loads((audit / MANIFEST_NAME).read_text())
        change(said)
        _write(audit / MANIFEST_NAME, said)

    return changed


def _take(*names: str) -> Callable[[Path, Releases], object]:
    """Files of the audit that passes in the place of those of the one that does not."""

    def taken(audit: Path, given: Releases) -> None:
        for name in names:
            shutil.copyfile(given.passing / name, audit / name)

    return taken


def _linked(audit: Path, given: Releases) -> None:
    (audit / DATABASE_NAME).unlink()
    (audit / DATABASE_NAME).symlink_to(given.passing / DATABASE_NAME)


def _without_digests(audit: Path, given: Releases) -> None:
    said = json.loads((audit / MANIFEST_NAME).read_text())
    _write(audit / MANIFEST_NAME, {key: value for key, value in said.items() if key not in (FILES, DIGEST)})


def _flipped(audit: Path, _: Releases) -> None:
    content = bytearray((audit / DATABASE_NAME).read_bytes())
    content[len(content) // 2] ^= 1
    (audit / DATABASE_NAME).write_bytes(content)


def _cut(name: str) -> Callable[[Path, Releases], object]:
    return lambda audit, _: os.truncate(audit / name, (audit / name).stat().st_size // 2)


def _replaced(audit: Path, given: Releases) -> None:
    shutil.rmtree(audit)
    shutil.copytree(given.passing, audit)


def _rows(change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> Callable[..., Mapping[str, object]]:
    """Another audit, of the rows of the manifest that are left or changed."""

    def made(work: Path, given: Releases) -> Mapping[str, object]:
        with given.settings.local_data.open(newline="") as file:
            rows = change(list(csv.DictReader(file)))
        path = given.settings.local_data.with_name(f"{work.name}.csv")  # beside the pictures
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["path", "label"])
            writer.writeheader()
            writer.writerows(rows)
        return {"data": path}

    return made


def _unreadable(share: float) -> Callable[..., Mapping[str, object]]:
    """Another audit, in which this share of the pictures of each class are text, and as many may be."""

    def made(work: Path, given: Releases) -> Mapping[str, object]:
        data = Path(shutil.copytree(given.settings.local_data.parent, work / "data"))
        for folder in {path.parent for path in data.rglob("*.jpg")}:
            pictures = sorted(folder.glob("*.jpg"))
            for path in pictures[: round(share * len(pictures))]:
                path.write_text("no picture")
        return {"data": data / "manifest.csv", "max_failure_share": 1.0}

    return made


def _vocabulary(work: Path, _: Releases) -> Mapping[str, object]:
    (work / "vocabulary.toml").write_text('[[concept]]\nterm = "water"\nkind = "scene"\n')
    return {"vocabulary": work / "vocabulary.toml"}


def _one_of_each(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({row["label"]: row for row in rows}.values())


def _accepting(**changes: str) -> str:
    """A baseline whose one entry would let the finding pass, but for what is changed."""
    values = {
        "class": f'"{_CLASS}"',
        "concept": '"{concept}"',
        "verdict": '"flagged"',
        "fingerprint": '"{fingerprint}"',
        "reason": '"known"',
        "who": '"Ann"',
        "expires": "{later}",
    }
    return "[[accepted]]\n" + "".join(f"{key} = {value}\n" for key, value in {**values, **changes}.items() if value)


_FLAGGED = "UPDATE verdicts SET verdict = 'clean', severity = 'none', concept_id = NULL, concept = NULL"
_OURS = f"WHERE class_name = '{_CLASS}'"

ATTEMPTS = (
    # the files
    Attempt(name="nothing is done", code=1, word="severity"),
    Attempt(name="clean written over flagged", sql=(_FLAGGED,), code=2, word="damaged"),
    Attempt(name="clean written over flagged, digests as well", sql=(_FLAGGED,), forged=True, code=2, word="expected"),
    Attempt(
        name="the sentence of a verdict edited, digests as well",
        sql=("UPDATE verdicts SET sentence = 'All is well.', claim = 'All is well.'",),
        forged=True,
        code=2,
        word="expected",
    ),
    Attempt(name="findings deleted", sql=("DELETE FROM findings",), code=2, word="damaged"),
    Attempt(name="findings deleted, digests as well", sql=("DELETE FROM findings",), signed=True, code=1, word="new"),
    Attempt(
        name="findings deleted, and the digest is known",
        sql=("DELETE FROM findings",),
        forged=True,
        code=2,
        word="expected",
    ),
    Attempt(name="verdicts emptied", sql=("DELETE FROM verdicts",), code=2, word="damaged"),
    Attempt(
        name="verdicts emptied, digests as well", sql=("DELETE FROM verdicts",), signed=True, code=2, word="no classes"
    ),
    Attempt(
        name="pictures emptied, digests as well", sql=("DELETE FROM images",), signed=True, code=2, word="no pictures"
    ),
    Attempt(
        name="the flagged class has no verdict, digests as well",
        sql=(f"DELETE FROM verdicts {_OURS}",),
        signed=True,
        code=2,
        word="no verdict on",
    ),
    Attempt(
        name="a verdict that none gives, digests as well",
        sql=(f"UPDATE verdicts SET verdict = 'fine' {_OURS}",),
        signed=True,
        code=2,
        word="does not know",
    ),
    Attempt(
        name="a severity that none gives, digests as well",
        sql=(f"UPDATE verdicts SET severity = 'nil' {_OURS}",),
        signed=True,
        code=2,
        word="does not know",
    ),
    Attempt(
        name="flagged without a concept, digests as well",
        sql=(f"UPDATE verdicts SET concept_id = NULL, concept = NULL, concept_kind = NULL {_OURS}",),
        signed=True,
        code=2,
        word="not analysed",
    ),
    Attempt(
        name="no verdict at all (NULL), digests as well",
        sql=("ALTER TABLE verdicts ALTER verdict DROP NOT NULL", f"UPDATE verdicts SET verdict = NULL {_OURS}"),
        signed=True,
        code=2,
        word="error",
    ),
    Attempt(
        name="a second, clean verdict on the class, digests as well",
        sql=(f"INSERT INTO verdicts SELECT * REPLACE ('clean' AS verdict, 'none' AS severity) FROM verdicts {_OURS}",),
        signed=True,
        code=1,
        word="1 new",
    ),
    Attempt(
        name="classes emptied, digests as well",
        sql=("UPDATE runs SET class_names = []",),
        signed=True,
        code=1,
        word="1 new",
    ),
    Attempt(
        name="the class renamed, digests as well",
        sql=(f"UPDATE verdicts SET class_name = 'bird' {_OURS}",),
        signed=True,
        code=2,
        word="no verdict on",
    ),
    Attempt(
        name="the class left out everywhere, digests as well",
        sql=(
            f"DELETE FROM verdicts {_OURS}",
            f"UPDATE runs SET class_names = [c for c in class_names if c <> '{_CLASS}']",
        ),
        forged=True,
        code=2,
        word="expected",
    ),
    Attempt(
        name="a table dropped, digests as well",
        sql=("DROP TABLE counterexamples",),
        signed=True,
        code=2,
        word="counterexamples",
    ),
    Attempt(
        name="a column renamed, digests as well",
        sql=("ALTER TABLE verdicts RENAME verdict TO said",),
        signed=True,
        code=2,
        word="verdicts.verdict",
    ),
    Attempt(
        name="verdicts a view, digests as well",
        sql=(
            "ALTER TABLE verdicts RENAME TO v",
            "CREATE VIEW verdicts AS SELECT * REPLACE ('clean' AS verdict) FROM v",
        ),
        signed=True,
        code=2,
        word="a view",
    ),
    Attempt(
        name="gaps that are no numbers, digests as well",
        sql=(
            "UPDATE findings SET effect = 'nan', low = 'nan', high = 'nan'",
            "UPDATE verdicts SET verdict = 'suspect' WHERE verdict = 'flagged'",
        ),
        policy="max_gap = 0.05\n",
        signed=True,
        code=2,
        word="no number",
    ),
    Attempt(
        name="shares that are no numbers, digests as well",
        sql=(
            "UPDATE class_concepts SET share = 'nan', share_low = 'nan', share_high = 'nan'",
            "UPDATE verdicts SET verdict = 'suspect' WHERE verdict = 'flagged'",
        ),
        policy="max_share = 0.05\n",
        signed=True,
        code=2,
        word="no number",
    ),
    Attempt(name="a flipped bit in the tables", change=_flipped, code=2, word="damaged"),
    Attempt(name="tables cut in half", change=_cut(DATABASE_NAME), code=2, word="damaged"),
    Attempt(name="tables missing", change=lambda audit, _: (audit / DATABASE_NAME).unlink(), code=2, word="missing"),
    Attempt(name="tables of another audit", change=_take(DATABASE_NAME), code=2, word="damaged"),
    Attempt(
        name="tables of another audit, digests as well", change=_take(DATABASE_NAME), signed=True, code=2, word="mixed"
    ),
    Attempt(name="a link to tables of another audit", change=_linked, code=2, word="damaged"),
    Attempt(name="audit.json of another audit", change=_take(MANIFEST_NAME), code=2, word="damaged"),
    Attempt(
        name="both of another audit",
        change=_take(DATABASE_NAME, MANIFEST_NAME),
        arguments=("--expect-digest", "{digest}"),
        code=2,
        word="expected",
    ),
    Attempt(
        name="an older audit under the new name",
        change=_replaced,
        arguments=("--expect-digest", "{digest}"),
        code=2,
        word="expected",
    ),
    Attempt(
        name="an older audit under the new name, against itself",
        change=_replaced,
        arguments=("--against", "{passing}"),
        code=2,
        word="same audit",
    ),
    Attempt(
        name="an audit against itself",
        arguments=("--against", "{stopped}"),
        policy="fail_on = []\nmax_growth = 0.05\n",
        code=2,
        word="same audit",
    ),
    Attempt(
        name="audit.json without digests",
        change=_without_digests,
        sql=(_FLAGGED,),
        arguments=("--expect-digest", "{digest}"),
        code=2,
        word="expected",
    ),
    Attempt(
        name="audit.json binds no file", change=_said(lambda said: said.update({FILES: {}})), code=2, word="damaged"
    ),
    Attempt(
        name="audit.json binds no file, its digest as well",
        change=_said(lambda said: said.update({FILES: {}, DIGEST: audit_digest({**said, FILES: {}})})),
        sql=(_FLAGGED,),
        code=2,
        word="damaged",
    ),
    Attempt(name="audit.json cut in half", change=_cut(MANIFEST_NAME), code=2, word="cannot be read"),
    Attempt(
        name="audit.json missing", change=lambda audit, _: (audit / MANIFEST_NAME).unlink(), code=2, word="incomplete"
    ),
    Attempt(
        name="audit.json of a later version",
        change=_said(lambda said: said.update(schema_version=999)),
        code=2,
        word="schema 999",
    ),
    Attempt(
        name="a log beside the tables",
        change=lambda audit, _: (audit / f"{DATABASE_NAME}.wal").write_bytes(b"x"),
        code=2,
        word="lies beside",
    ),
    Attempt(name="another digest is expected", arguments=("--expect-digest", "0" * 64), code=2, word="expected"),
    Attempt(name="an empty digest is expected", arguments=("--expect-digest", ""), code=2, word="expected"),
    Attempt(
        name="the folder of another release, and its digest is not",
        arguments=("--against", "{passing}"),
        policy="max_growth = 0.1\n",
        code=2,
        word="cannot be compared",
    ),
    # the policy
    Attempt(name="a misspelt key", policy='fail_onn = ["flagged"]\n', code=2, word="did you mean 'fail_on'"),
    Attempt(name="a key in a table of its own", policy="[policy]\nfail_on = []\n", code=2, word="unknown key"),
    Attempt(name="a limit below zero", policy="max_gap = -0.1\n", code=2, word="a fraction"),
    Attempt(name="a limit that is no number", policy="max_gap = nan\n", code=2, word="a fraction"),
    Attempt(name="a limit without end", policy="max_share = inf\n", code=2, word="a fraction"),
    Attempt(name="a limit of 101 points", policy="max_gap = 1.01\n", code=2, word="a fraction"),
    Attempt(name="points for a fraction", policy="max_growth = 20\n", code=2, word="a fraction"),
    Attempt(name="a truth value for a fraction", policy="max_gap = true\n", code=2, word="a fraction"),
    Attempt(name="a verdict that none gives", policy='fail_on = ["Flagged"]\n', code=2, word="fail_on"),
    Attempt(name="a word for a list", policy='fail_on = "suspect"\n', code=2, word="a list of"),
    Attempt(name="a rule for no class", policy="[[rule]]\nclasses = []\nfail_on = []\n", code=2, word="classes"),
    Attempt(name="a rule for no kind", policy="[[rule]]\nkinds = []\nfail_on = []\n", code=2, word="kinds"),
    Attempt(name="no limit of pictures below zero", policy="min_images = -5\n", code=2, word="min_images"),
    Attempt(name="the flagged class may be skipped", policy=f'may_skip = ["{_CLASS}"]\n', code=1, word="new"),
    Attempt(
        name="every class may be skipped, none has enough pictures",
        policy='may_skip = ["*"]\nmin_images = 1000\nfail_on = []\n',
        code=2,
        word="no class was judged",
    ),
    Attempt(
        name="a rule for a class of the same look",
        policy='[[rule]]\nclasses = ["landbird\\u200b"]\nfail_on = []\n',
        code=1,
        word="1 new",
    ),
    Attempt(name="half a policy", policy='fail_on = ["flag', code=2, word="not valid TOML"),
    Attempt(
        name="a folder as policy", change=lambda audit, _: (audit.parent / "policy.toml").mkdir(), code=2, word="policy"
    ),
    Attempt(
        name="a dangling link as policy",
        change=lambda audit, _: (audit.parent / "policy.toml").symlink_to("gone"),
        code=2,
        word="policy",
    ),
    Attempt(
        name="a named pipe as policy",
        change=lambda audit, _: os.mkfifo(audit.parent / "policy.toml"),
        code=2,
        word="no regular file",
    ),
    Attempt(name="a device as policy", arguments=("--policy", os.devnull), code=2, word="no regular file"),
    Attempt(name="a policy that is not there", arguments=("--policy", "gone.toml"), code=2, word="gone.toml"),
    Attempt(
        name="classes that are not shown, under --strict",
        policy="fail_on = []\n",
        arguments=("--strict",),
        code=1,
        word="too weak",
    ),
    # the baseline
    Attempt(name="accepted", baseline=_accepting(), code=0, word="1 accepted"),
    Attempt(name="an acceptance that has expired", baseline=_accepting(expires="{before}"), code=1, word="expired"),
    Attempt(name="an acceptance without an end", baseline=_accepting(expires=""), code=2, word="expires"),
    Attempt(
        name="an acceptance that ends on a day that is none",
        baseline=_accepting(expires='"never"'),
        code=2,
        word="expires",
    ),
    Attempt(
        name="an acceptance of all classes", baseline=_accepting(**{"class": '"*"'}), code=1, word="under other names"
    ),
    Attempt(name="an acceptance of all concepts", baseline=_accepting(concept='"*"'), code=1, word="under other names"),
    Attempt(
        name="an acceptance of all fingerprints", baseline=_accepting(fingerprint='"*"'), code=2, word="64 hexadecimal"
    ),
    Attempt(
        name="an acceptance whose class has a character without width",
        baseline=_accepting(**{"class": f'"{_CLASS}\\u200b"'}),
        code=1,
        word="under other names",
    ),
    Attempt(
        name="an acceptance whose fingerprint has a character without width",
        baseline=_accepting(fingerprint='"{fingerprint}\\u200b"'),
        code=2,
        word="64 hexadecimal",
    ),
    Attempt(
        name="an acceptance as suspect only", baseline=_accepting(verdict='"suspect"'), code=1, word="as suspect only"
    ),
    Attempt(
        name="an acceptance without a visible reason", baseline=_accepting(reason='"\\u200b"'), code=2, word="reason"
    ),
    Attempt(name="an acceptance by nobody", baseline=_accepting(who='" "'), code=2, word="who"),
    Attempt(name="an acceptance of another state", baseline=_accepting(state='"always"'), code=2, word="state"),
    Attempt(
        name="an acceptance of another concept of the class",
        baseline=_accepting(concept='"snow"', fingerprint='"' + fingerprint(_CLASS, "snow") + '"'),
        code=1,
        word="new",
    ),
    Attempt(
        name="the same acceptance twice", baseline=_accepting(expires="{before}") + _accepting(), code=2, word="twice"
    ),
    Attempt(name="a list that accepts everything", baseline='accepted = "*"\n', code=2, word="accepted"),
    Attempt(
        name="an entry that nothing matches, under --strict",
        policy="fail_on = []\n",
        baseline=_accepting(
            fingerprint='"' + "0" * 64 + '"',
        ),
        arguments=("--strict",),
        code=1,
        word="stale",
    ),
    Attempt(
        name="accepted to yesterday", arguments=("--update-baseline", "--expires", "{before}"), code=2, word="is past"
    ),
    Attempt(name="accepted for no reason", arguments=("--update-baseline", "--reason", " "), code=2, word="blank"),
    Attempt(
        name="the report over the policy",
        policy='fail_on = ["flagged"]\n',
        arguments=("--output", "policy.toml"),
        code=2,
        word="destroy",
    ),
    Attempt(name="a format that always passes", arguments=("--format", "json"), code=1, word=_CLASS),
    # what the audit is made of
    Attempt(
        name="other pictures",
        made_of=lambda work, given: {"data": given.passing.parent / "data" / "manifest.csv"},
        arguments=("--against", "{stopped}"),
        code=2,
        word="the data differ",
    ),
    Attempt(
        name="another model, and the digest is known",
        made_of=lambda *_: {"model": "sample:balanced"},
        arguments=("--expect-digest", "{digest}"),
        code=2,
        word="expected",
    ),
    Attempt(
        name="another vocabulary, and the digest is known",
        made_of=_vocabulary,
        arguments=("--expect-digest", "{digest}"),
        code=2,
        word="expected",
    ),
    Attempt(
        name="another vocabulary, against the release before",
        made_of=_vocabulary,
        arguments=("--against", "{stopped}"),
        code=2,
        word="no words for",
    ),
    Attempt(name="no model", made_of=lambda *_: {"model": "none"}, code=2, word="not analysed"),
    Attempt(
        name="classes under other names",
        made_of=_rows(lambda rows: [{**row, "label": row["label"].upper() + "s"} for row in rows]),
        code=2,
        word="class",
    ),
    Attempt(name="one picture a class", made_of=_rows(_one_of_each), code=2, word="pictures"),
    Attempt(name="no picture", made_of=_rows(lambda rows: []), code=2, word="no"),
    Attempt(
        name="no picture of the flagged class",
        made_of=_rows(lambda rows: [row for row in rows if row["label"] != _CLASS]),
        code=2,
        word="not analysed",
    ),
    Attempt(
        name="all pictures of one class",
        made_of=_rows(lambda rows: [{**row, "label": "cat"} for row in rows]),
        code=2,
        word="only one label",
    ),
    Attempt(name="no labels", made_of=_rows(lambda rows: [{**row, "label": ""} for row in rows]), code=2, word=""),
    Attempt(name="all pictures unreadable", made_of=_unreadable(1.0), code=2, word="could not be read"),
    Attempt(name="most pictures unreadable", made_of=_unreadable(0.9), code=2, word=""),
    Attempt(
        name="allowed by the settings",
        made_of=lambda _, given: {"core": {_CLASS: {given.concept: "so be it"}}},
        policy="allow_core = false\n",
        code=1,
        word="core refused",
    ),
)


def gate_attempts(work: Path, tally: Tally) -> None:
    """Make all attempts."""
    given = releases(work)
    for number, attempt in enumerate(ATTEMPTS):
        folder = work / f"attempt-{number}"
        before = prepared(attempt, given, folder)

        tally.trial(f"gate: {attempt.name}", number, partial(gated, attempt, given, folder, before))
        shutil.rmtree(folder)
