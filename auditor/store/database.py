"""The DuckDB file of an audit: written beside its place, renamed when whole, read-only from then on."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import pyarrow as pa

from auditor.concept_records import (
    Attribute,
    AttributeConcept,
    ClassFit,
    ConceptFamily,
    Copy,
    CoreConcept,
    Counterexample,
    ExampleConcept,
    FixedPlace,
    UnboundedGap,
    UnnamedLead,
)
from auditor.edit_records import DoseResponse
from auditor.errors import StoreError
from auditor.records import (
    ActivationStats,
    AtlasSpace,
    BoolArray,
    ChannelGroups,
    ClassChannelGroup,
    ClassConcept,
    Concept,
    Failure,
    Finding,
    FloatArray,
    ImageItem,
    IntArray,
    Phrases,
    SaliencyMap,
    Subgroup,
    Verdict,
)
from auditor.store import connection, migrations, tables
from auditor.store.manifest import DATABASE_NAME, sync_folder
from auditor.store.run_record import Run
from auditor.version import auditor_version

#: A dense table becomes rows with ids by this many cells, or memory would follow the number of pictures.
_CELLS_AT_ONCE = 500_000
#: Pictures whose presence lies together, by concept id. DuckDB passes over some 120,000 rows where what is asked for is
#: not between their least and their greatest: a list of one concept's pictures reads the tenth part and less. Of many
#: more pictures each value of ``image_id`` would stand by itself, and one picture's concepts take ten times as long.
_PICTURES_TOGETHER = 4096


class AuditDatabase:
    """Writer of ``audit.duckdb``: a context manager whose file appears when the block ends without an error.

    The ``add_`` methods append; call them batch by batch, in any order.

    Args:
        folder: folder of the audit; made if missing. What an interrupted writer left there is removed.
        copy_of: the file of another audit to begin with, brought to today's tables; nothing where it is None.
        without: tables of that audit whose rows are left out.

    Raises:
        StoreError: from any method, when the disk is full or the folder cannot be written; no file is left then.
    """

    def __init__(self, folder: Path, *, copy_of: Path | None = None, without: Sequence[str] = ()) -> None:
        self._path = folder / DATABASE_NAME
        self._copy_of, self._without = copy_of, tuple(without)
        self._unfinished = folder / f"{DATABASE_NAME}.tmp-{uuid.uuid4().hex[:12]}"
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        with self._writing():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_unfinished()
            if self._copy_of is not None:
                shutil.copyfile(self._copy_of, self._unfinished)
            self._connection = connection.connect_to_write(self._unfinished)
            migrations.migrate(self._connection, auditor_version=auditor_version())
            for table in self._without:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a name of this program)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        with self._writing():
            self.connection.execute("CHECKPOINT")
            self.connection.close()
            self._connection = None
            with self._unfinished.open("rb+") as file:
                os.fsync(file.fileno())
            self._unfinished.replace(self._path)
            sync_folder(self._path.parent)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection that writes, for checks of what was written so far."""
        if self._connection is None:
            raise ValueError("the writer of an audit is open inside its `with` block only")
        return self._connection

    def add_run(self, run: Run) -> None:
        """Write the one row of ``runs``."""
        self._insert("runs", tables.run_table(run, len(migrations.MIGRATIONS)))

    def add_images(
        self,
        items: Sequence[ImageItem],
        sizes: Sequence[tuple[int, int]],
        content_digests: Sequence[str],
        thumbnails: Sequence[bytes | None],
    ) -> None:
        """Append a batch of pictures with their (width, height), and their attributes; the order is kept."""
        start = int(self.connection.execute("SELECT count(*) FROM images").fetchall()[0][0])
        self._insert("images", tables.image_table(items, sizes, content_digests, thumbnails, start=start))
        self._insert("image_attributes", tables.attribute_table(items))

    def add_predictions(
        self,
        image_ids: Sequence[str],
        predicted_idx: IntArray,
        label_idx: IntArray,
        confidence: FloatArray,
        class_names: Sequence[str],
    ) -> None:
        """Append predictions of a batch; -1 is a picture without a label or, with NaN, without a prediction."""
        self._insert(
            "predictions", tables.prediction_table(image_ids, predicted_idx, label_idx, confidence, class_names)
        )

    def add_concepts(
        self, concepts: Sequence[Concept], embeddings: FloatArray, kappa: FloatArray | None = None
    ) -> None:
        """Write the vocabulary that was used, in its order, with the (V, D) rows that phrases are solved with.

        ``kappa`` (V,) is that of presence told twice, NaN where it was not.
        """
        self._insert("concepts", tables.concept_table(concepts, embeddings, kappa))

    def add_concept_families(self, rows: Sequence[ConceptFamily]) -> None:
        """Append what the concepts are members of."""
        self._insert("concept_families", tables.record_table(rows, ConceptFamily))

    def add_channels(
        self,
        use: FloatArray,
        words: Sequence[str],
        groups: ChannelGroups,
        group_names: Sequence[str],
        *,
        directions: FloatArray,
        stats: ActivationStats,
    ) -> None:
        """Write the K channels with use, words, (K, D) directions and statistics, the G groups, and who is in which."""
        self._insert_all(tables.channel_tables(use, words, groups, group_names, directions=directions, stats=stats))

    def add_attributions(
        self,
        image_ids: Sequence[str],
        class_idx: IntArray,
        phrases: Phrases,
        *,
        class_names: Sequence[str],
        concepts: Sequence[Concept],
    ) -> None:
        """Append the phrases of a batch of (picture, class) pairs and what they leave unexplained."""
        self._insert_all(
            tables.attribution_tables(image_ids, class_idx, phrases, class_names=class_names, concepts=concepts)
        )

    def add_concept_presence(self, image_ids: Sequence[str], concept_ids: Sequence[str], presence: FloatArray) -> None:
        """Append presence in [0, 1] of a batch, (B, V'): the concepts that the evidence used."""
        by_id = sorted(range(len(concept_ids)), key=concept_ids.__getitem__)
        width = _CELLS_AT_ONCE // _PICTURES_TOGETHER
        for first in range(0, len(image_ids), _PICTURES_TOGETHER):
            rows = slice(first, first + _PICTURES_TOGETHER)
            for start in range(0, len(by_id), width):
                columns = by_id[start : start + width]
                ids = [concept_ids[column] for column in columns]
                table = tables.presence_table(image_ids[rows], ids, presence[rows][:, columns])
                self._insert("concept_presence", table)

    def add_concepts_seen(self, image_ids: Sequence[str], seen: BoolArray) -> None:
        """Append which of the V words of the vocabulary the pictures of a batch show, (B, V)."""
        self._insert("concepts_seen", tables.seen_table(image_ids, seen))

    def add_class_concepts(self, rows: Sequence[ClassConcept]) -> None:
        """Append E1's shares."""
        self._insert("class_concepts", tables.record_table(rows, ClassConcept))

    def add_subgroups(self, rows: Sequence[Subgroup]) -> None:
        """Append E4's counts."""
        self._insert("subgroups", tables.record_table(rows, Subgroup))

    def add_findings(self, rows: Sequence[Finding]) -> None:
        """Append findings with their fingerprints."""
        self._insert("findings", tables.finding_table(rows))

    def add_verdicts(self, rows: Sequence[Verdict]) -> None:
        """Append verdicts."""
        self._insert("verdicts", tables.record_table(rows, Verdict))

    def add_attributes(self, rows: Sequence[Attribute], concepts: Sequence[AttributeConcept]) -> None:
        """Append the manifest's columns, and the concepts that their values are."""
        self._insert("attributes", tables.record_table(rows, Attribute))
        self._insert("attribute_concepts", tables.record_table(concepts, AttributeConcept))

    def add_example_concepts(self, rows: Sequence[ExampleConcept]) -> None:
        """Append what the settings give by examples."""
        self._insert("example_concepts", tables.record_table(rows, ExampleConcept))

    def add_copies(self, rows: Sequence[Copy]) -> None:
        """Append the pictures that have copies."""
        self._insert("copies", tables.record_table(rows, Copy))

    def add_core_concepts(self, rows: Sequence[CoreConcept]) -> None:
        """Append the concepts that a class may rest on although their kind is context."""
        self._insert("core_concepts", tables.record_table(rows, CoreConcept))

    def add_fixed_places(self, rows: Sequence[FixedPlace]) -> None:
        """Append the places that classes' evidence lies at."""
        self._insert("fixed_places", tables.record_table(rows, FixedPlace))

    def add_unnamed_leads(self, rows: Sequence[UnnamedLead]) -> None:
        """Append the halves of classes that the model treats differently."""
        self._insert("unnamed_leads", tables.record_table(rows, UnnamedLead))

    def add_counterexamples(self, rows: Sequence[Counterexample]) -> None:
        """Append what breaks the shortcuts, and what is missing."""
        self._insert("counterexamples", tables.record_table(rows, Counterexample))

    def add_dose_responses(self, rows: Sequence[DoseResponse]) -> None:
        """Append what pictures are called at levels of a property."""
        self._insert("dose_responses", tables.record_table(rows, DoseResponse))

    def add_unbounded_gaps(self, rows: Sequence[UnboundedGap]) -> None:
        """Append gaps that are not excluded, and what is missing for it."""
        self._insert("unbounded_gaps", tables.record_table(rows, UnboundedGap))

    def add_encoder_fit(self, rows: Sequence[ClassFit]) -> None:
        """Append of which classes the encoder's words say something."""
        self._insert("encoder_fit", tables.record_table(rows, ClassFit))

    def add_atlas(self, image_ids: Sequence[str], space: AtlasSpace, places: FloatArray) -> None:
        """Append where pictures lie on a plane, (N, 2)."""
        self._insert("atlas", tables.atlas_table(image_ids, space, places))

    def add_failures(self, rows: Sequence[Failure]) -> None:
        """Append pictures that could not be used."""
        self._insert("failures", tables.record_table(rows, Failure))

    def add_saliency(self, maps: Sequence[SaliencyMap], class_names: Sequence[str]) -> None:
        """Append maps as bytes."""
        self._insert("saliency", tables.saliency_table(maps, class_names))

    def add_class_channel_groups(self, rows: Sequence[ClassChannelGroup]) -> None:
        """Append which channel groups carry the evidence of which class."""
        self._insert("class_channel_groups", tables.record_table(rows, ClassChannelGroup))

    def _insert_all(self, arrow_tables: Mapping[str, pa.Table]) -> None:
        for name, table in arrow_tables.items():
            self._insert(name, table)

    def _insert(self, name: str, table: pa.Table) -> None:
        columns = self.connection.table(name).columns
        if sorted(columns) != sorted(table.column_names):
            raise ValueError(f"table {name} has columns {columns}, got {table.column_names}")
        if not table.num_rows:
            return
        with self._writing():
            # By position, hence the select; no row passes through SQL text.
            self.connection.from_arrow(table.select(columns)).insert_into(name)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turn what the disk does to us into one line, and leave nothing behind."""
        try:
            yield
        except connection.WRITE_ERRORS as error:
            self._discard()
            reason = connection.reason_of(error)
            raise StoreError(
                f"the audit cannot be written to {self._path.parent}: {reason}; free some space or choose another "
                "--out, then run again with --resume"
            ) from error

    def _discard(self) -> None:
        if self._connection is not None:
            with suppress(duckdb.Error):  # a database that is broken already cannot be closed well
                self._connection.close()
            self._connection = None
        self._remove_unfinished()

    def _remove_unfinished(self) -> None:
        for path in self._path.parent.glob(f"{DATABASE_NAME}.tmp-*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
