"""A finished audit in Python: its tables as pandas frames, its pictures, one picture explained, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.faithfulness_records import FaithfulnessRow
from auditor.gate.decision import GateDecision
from auditor.records import VERDICTS, AnyPath, Finding, Verdict
from auditor.release.check import check_release
from auditor.store.frames import frame_of, query_frame
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.chosen_pictures import chosen_pictures
from auditor.store.queries.picture_lists import GridPicture

if TYPE_CHECKING:
    import pandas as pd

    from auditor.explain import Explanation
    from auditor.models.live_model import AnyModel
    from auditor.models.preprocess import Transform


class Audit:
    """A finished audit. Every call reads its folder anew and closes it, so that nothing is kept open.

    It is a path itself: whatever takes the folder of an audit takes it.

    Args:
        folder: Of the audit, as ``auditor run --out`` made it.

    Raises:
        StoreError: no finished audit there, or one that cannot be read.
    """

    def __init__(self, folder: AnyPath) -> None:
        self.folder = Path(folder).expanduser().absolute()  # a notebook may change its folder
        with open_audit_database(self.folder):
            pass  # what is wrong with it should be said now

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        with open_audit_database(self.folder) as connection:
            counts = queries.verdict_counts(connection)
        told = ((name.replace("_", " "), getattr(counts, name)) for name in VERDICTS)
        return f"Audit({str(self.folder)!r}): {', '.join(f'{number:,} {name}' for name, number in told if number)}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the first screen of the HTML report, in small."""
        from reports.page.notebook_card import render_card

        with open_audit_database(self.folder) as connection:
            return render_card(connection, where=str(self.folder))

    @property
    def verdicts(self) -> pd.DataFrame:
        """A row for every class, the worst first; columns are the fields of :class:`auditor.records.Verdict`.

        Shares, gaps and effects are fractions; what was not measured is NaN or None.
        """
        with open_audit_database(self.folder) as connection:
            return frame_of(queries.verdicts(connection), Verdict)

    @property
    def findings(self) -> pd.DataFrame:
        """A row for every piece of evidence, by class and rule; columns are those of :class:`auditor.records.Finding`.

        Effects are in the unit of their rule (docs/rules), a fraction.
        """
        with open_audit_database(self.folder) as connection:
            return frame_of(queries.findings(connection), Finding)

    @property
    def faithfulness(self) -> pd.DataFrame:
        """A row for every measure of maps, groups and words, as ``auditor faithfulness`` kept them; none until then.

        Columns are the fields of :class:`auditor.faithfulness_records.FaithfulnessRow`; ``against`` is None where the
        value is the measure itself.
        """
        with open_audit_database(self.folder) as connection:
            return frame_of(queries.faithfulness(connection), FaithfulnessRow)

    def pictures(self, class_name: str, concept: str, present: bool = False) -> pd.DataFrame:
        """Pictures of a class that break a concept (they are without it), or with ``present`` that carry it.

        Args:
            class_name: Name of a class.
            concept: Its term ("water", "site = s1") or id; one that the findings are on.
            present: Those with the concept, the surest first; else those without it, mistakes first.

        Returns:
            A row for every picture, none of them left out: path, label, what it is called with what confidence, whether
            that is right, presence of the concept in [0, 1], and its share of the words (NaN where they lack it).

        Raises:
            InputError: no such class, or a concept that was not measured; the nearest is named.
        """
        with open_audit_database(self.folder) as connection:
            found = chosen_pictures(connection, "carrying" if present else "breaking", class_name, concept)
        columns = {"label_name": "label", "predicted_name": "called"}
        return frame_of(found, GridPicture).drop(columns=["predicted_idx", "score"]).rename(columns=columns)

    def sql(self, query: str, parameters: Mapping[str, object] | Sequence[object] | None = None) -> pd.DataFrame:
        """The answer to a question in DuckDB's SQL; docs/schema.md has the tables.

        The audit is only read, no other file and no variable can be named, and a question that takes longer than ten
        seconds (more for a large audit) is stopped.

        Args:
            query: A SELECT.
            parameters: For ``?`` (a list) or ``$name`` (a mapping) in it; no text should be put into it otherwise.

        Raises:
            InputError: DuckDB cannot answer it.
            StoreError: It took too long.
        """
        return query_frame(self.folder, query, parameters)

    def explain(
        self,
        image: AnyPath,
        *,
        class_name: str | None = None,
        model: AnyModel | None = None,
        transform: Transform | None = None,
        weights: AnyPath | None = None,
        data: AnyPath | None = None,
        preprocess: AnyPath | None = None,
        map_method: str | None = None,
        doubtful_words: bool = False,
        trust_code: bool = False,
    ) -> Explanation:
        """Where the model looks in one picture, and the words for it; a notebook draws it.

        Args:
            image: A path of the audited data set, an image id, or the path of any picture.
            class_name: Class to explain; None for the predicted one.
            model: The module that was audited, where it was one in memory; a spec where it is no longer the audit's.
            transform: What pictures go through before a module in memory.
            weights: File of the weights of a spec.
            data: Root of the pictures, where it has moved.
            preprocess: TOML file of the preprocessing.
            map_method: How maps are drawn; None for how the audit drew them.
            doubtful_words: Whether words are said of a class that the encoder sees in every word, too.
            trust_code: Whether a factory's code may run and the files that the audit names may be read; without it
                each of them must be given again.

        Raises:
            ModelError: it is not the audited model, or the data were audited alone.
            InputError: no such picture, one that has changed, no such class, or files that were not given again.
        """
        from auditor.explain import explain_image
        from auditor.models.live_model import model_given

        return explain_image(
            self.folder,
            image,
            class_name=class_name,
            model=model_given(model, transform=transform, class_names=None, weights=weights),
            weights=weights,
            data=data,
            preprocess=preprocess,
            map_method=map_method,
            doubtful_words=doubtful_words,
            trust_code=trust_code,
        )

    def gate(
        self,
        *,
        policy: AnyPath | None = None,
        baseline: AnyPath | None = None,
        against: AnyPath | None = None,
        allow_different_data: bool = False,
        strict: bool = False,
        expected_digest: str | None = None,
    ) -> GateDecision:
        """Whether the release passes: ``exit_code`` 0, 1 or 2, a ``summary``, and an item for every class and concept.

        Unlike the command, it looks for no ``policy.toml`` and ``baseline.toml`` by itself. Arguments and errors are
        those of :func:`auditor.release.check.check_release`.
        """
        return check_release(
            self.folder,
            policy=policy,
            baseline=baseline,
            against=against,
            allow_different_data=allow_different_data,
            strict=strict,
            expected_digest=expected_digest,
        )


def open_audit(folder: AnyPath) -> Audit:
    """Open a finished audit, a folder as ``auditor run --out`` or :func:`auditor.run_audit` made it.

    Raises:
        StoreError: no finished audit there, or one that cannot be read.
    """
    return Audit(folder)
