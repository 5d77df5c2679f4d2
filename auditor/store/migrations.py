"""How an audit file came to its tables: ordered named functions, each run once and recorded in ``migrations``.

A change of the tables is a new function at the end of ``MIGRATIONS``; a function that was released is never edited.
The schema version of a file is the number of its migrations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import duckdb

Migration = Callable[[duckdb.DuckDBPyConnection], None]
Column = tuple[str, str, str]

_RUN_TABLES = """
CREATE TABLE runs (
    run_id VARCHAR NOT NULL, created_at VARCHAR NOT NULL, schema_version INTEGER NOT NULL,
    data_path VARCHAR NOT NULL, data_digest VARCHAR NOT NULL,
    model_spec VARCHAR NOT NULL, model_digest VARCHAR NOT NULL,
    encoder_spec VARCHAR NOT NULL, encoder_digest VARCHAR NOT NULL, vocabulary_digest VARCHAR NOT NULL,
    config VARCHAR NOT NULL, config_digest VARCHAR NOT NULL, versions VARCHAR NOT NULL, counts VARCHAR NOT NULL,
    seed BIGINT NOT NULL, class_names VARCHAR[] NOT NULL, notices VARCHAR[] NOT NULL
);
CREATE TABLE failures (
    image_id VARCHAR NOT NULL, path VARCHAR NOT NULL, stage VARCHAR NOT NULL, reason VARCHAR NOT NULL
);
"""

_IMAGE_TABLES = """
CREATE TABLE images (
    image_idx INTEGER NOT NULL, image_id VARCHAR NOT NULL, path VARCHAR NOT NULL, label VARCHAR, split VARCHAR,
    group_id VARCHAR, mask_path VARCHAR, width INTEGER NOT NULL, height INTEGER NOT NULL,
    content_digest VARCHAR NOT NULL, thumbnail BLOB
);
CREATE TABLE image_attributes (image_id VARCHAR NOT NULL, attribute VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE predictions (
    image_id VARCHAR NOT NULL, predicted_idx INTEGER NOT NULL, predicted_name VARCHAR NOT NULL,
    label_idx INTEGER, label_name VARCHAR, confidence REAL NOT NULL, correct BOOLEAN
);
CREATE TABLE saliency (
    image_id VARCHAR NOT NULL, class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, concept_id VARCHAR,
    height INTEGER NOT NULL, width INTEGER NOT NULL, data BLOB NOT NULL, scale DOUBLE NOT NULL
);
"""

_WORD_TABLES = """
CREATE TABLE concepts (
    concept_idx INTEGER NOT NULL, concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL, concept_kind VARCHAR NOT NULL,
    is_context BOOLEAN NOT NULL, synonyms VARCHAR[] NOT NULL, embedding REAL[] NOT NULL
);
CREATE TABLE channels (
    channel_idx INTEGER NOT NULL, "use" DOUBLE NOT NULL, group_idx INTEGER NOT NULL, words VARCHAR NOT NULL,
    direction REAL[] NOT NULL, mean_activation REAL NOT NULL, mean_abs_deviation REAL NOT NULL
);
CREATE TABLE channel_groups (
    group_idx INTEGER NOT NULL, name VARCHAR NOT NULL, "use" DOUBLE NOT NULL, n_channels INTEGER NOT NULL,
    direction REAL[] NOT NULL
);
CREATE TABLE channel_group_members (group_idx INTEGER NOT NULL, channel_idx INTEGER NOT NULL, "use" DOUBLE NOT NULL);
CREATE TABLE attributions (
    image_id VARCHAR NOT NULL, class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL,
    concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL, weight REAL NOT NULL, share REAL NOT NULL
);
CREATE TABLE attribution_residuals (
    image_id VARCHAR NOT NULL, class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, residual REAL NOT NULL
);
CREATE TABLE concept_presence (image_id VARCHAR NOT NULL, concept_id VARCHAR NOT NULL, presence REAL NOT NULL);
"""

_EVIDENCE_TABLES = """
CREATE TABLE class_concepts (
    class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,
    concept_kind VARCHAR NOT NULL, share DOUBLE, share_low DOUBLE, share_high DOUBLE, share_elsewhere DOUBLE,
    lift DOUBLE, n_images BIGINT NOT NULL
);
CREATE TABLE subgroups (
    class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,
    present BOOLEAN NOT NULL, n BIGINT NOT NULL, n_correct BIGINT NOT NULL
);
CREATE TABLE findings (
    class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,
    concept_kind VARCHAR NOT NULL, rule_id VARCHAR NOT NULL, effect DOUBLE, low DOUBLE, high DOUBLE,
    p DOUBLE, q DOUBLE, n_images BIGINT NOT NULL, evidence_image_ids VARCHAR[] NOT NULL, status VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL
);
CREATE TABLE verdicts (
    class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, verdict VARCHAR NOT NULL, severity VARCHAR NOT NULL,
    concept_id VARCHAR, concept VARCHAR, concept_kind VARCHAR, sentence VARCHAR NOT NULL, n_images BIGINT NOT NULL,
    share DOUBLE, gap DOUBLE, gap_low DOUBLE, gap_high DOUBLE, detectable_effect DOUBLE
);
"""


def m0001_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every table of the first version."""
    for statements in (_RUN_TABLES, _IMAGE_TABLES, _WORD_TABLES, _EVIDENCE_TABLES):
        connection.execute(statements)


_CONTEXT_TABLES = """
CREATE TABLE attributes (
    attribute VARCHAR NOT NULL, state VARCHAR NOT NULL, n_values BIGINT NOT NULL, n_images BIGINT NOT NULL,
    reason VARCHAR NOT NULL
);
CREATE TABLE attribute_concepts (
    concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL, attribute VARCHAR NOT NULL, n_images BIGINT NOT NULL,
    n_known BIGINT NOT NULL, same_as VARCHAR, agreement DOUBLE
);
CREATE TABLE core_concepts (
    class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,
    concept_kind VARCHAR NOT NULL, reason VARCHAR NOT NULL, by_words BOOLEAN NOT NULL, by_data BOOLEAN NOT NULL
);
CREATE TABLE counterexamples (
    class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,
    concept_kind VARCHAR NOT NULL, state VARCHAR NOT NULL, present BOOLEAN NOT NULL, n BIGINT NOT NULL,
    n_correct BIGINT, accuracy DOUBLE, accuracy_low DOUBLE, accuracy_high DOUBLE, n_missing BIGINT,
    n_others BIGINT NOT NULL, n_others_called BIGINT, n_others_missing BIGINT, image_ids VARCHAR[] NOT NULL
);
"""
#: What an audit without a model cannot fill.
_NOT_WITHOUT_MODEL = {"predictions": ("predicted_idx", "predicted_name", "confidence"), "subgroups": ("n_correct",)}


def m0002_context(connection: duckdb.DuckDBPyConnection) -> None:
    """Known attributes, core concepts and counterexamples; audits without a model."""
    connection.execute(_CONTEXT_TABLES)
    for table, columns in _NOT_WITHOUT_MODEL.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")


def m0003_saliency_crop(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which part of its picture a map covers; NULL in audits from before, and where no box can be told."""
    connection.execute("ALTER TABLE saliency ADD COLUMN crop DOUBLE[]")


def m0004_class_channel_groups(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which channel groups carry the evidence of a class, and in which pictures."""
    connection.execute(
        "CREATE TABLE class_channel_groups (class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL,"
        " group_idx INTEGER NOT NULL, share DOUBLE NOT NULL, n_images BIGINT NOT NULL, image_ids VARCHAR[] NOT NULL)"
    )


def m0005_permuted(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what erasure takes away when presence is permuted."""
    connection.execute("ALTER TABLE findings ADD COLUMN permuted DOUBLE")


def m0006_calibrations(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what ``auditor calibrate`` counts; empty until then."""
    connection.execute(
        "CREATE TABLE calibrations (measure VARCHAR NOT NULL, effect DOUBLE, n BIGINT NOT NULL,"
        " n_found BIGINT NOT NULL, n_suspect BIGINT NOT NULL, low DOUBLE NOT NULL, high DOUBLE NOT NULL)"
    )


def m0007_kappa(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep how far presence told twice agrees."""
    connection.execute("ALTER TABLE concepts ADD COLUMN kappa DOUBLE")


def m0008_reasons(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which rule decided a verdict and by which effect, and its sentence in parts; NULL in audits from before."""
    for column in (
        "rule_id VARCHAR",
        "effect DOUBLE",
        "effect_low DOUBLE",
        "effect_high DOUBLE",
        "agreeing_rule_id VARCHAR",
        "claim VARCHAR",
        "numbers VARCHAR",
        "advice VARCHAR",
    ):
        connection.execute(f"ALTER TABLE verdicts ADD COLUMN {column}")
    connection.execute("UPDATE verdicts SET claim = sentence, numbers = '', advice = ''")
    connection.execute("ALTER TABLE counterexamples ADD COLUMN rule_id VARCHAR")


def m0009_core_reasons(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep why the settings allow a class a concept, who says so, until when, and whether a gap was there.

    All are NULL in audits from before.
    """
    for column in ("by_gap BOOLEAN", "why VARCHAR", "who VARCHAR", "expires VARCHAR"):
        connection.execute(f"ALTER TABLE core_concepts ADD COLUMN {column}")


def m0010_copies(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which pictures are copies of each other, and which of them count; none in audits from before."""
    connection.execute(
        "CREATE TABLE copies (image_id VARCHAR NOT NULL, copy_group INTEGER NOT NULL,"
        " same_content_as VARCHAR NOT NULL, label VARCHAR, counted BOOLEAN NOT NULL)"
    )


def m0011_rejudged(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the rules that gave the verdicts, and the audit whose features were judged again.

    All are NULL in audits from before; ``rejudged_from`` is NULL where the pictures went through the models for this
    audit.
    """
    for column in ("rules_digest VARCHAR", "thresholds VARCHAR", "rejudged_from VARCHAR"):
        connection.execute(f"ALTER TABLE runs ADD COLUMN {column}")


def m0012_gap_bound(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep how large a gap may still be in a class; NULL in audits from before."""
    connection.execute("ALTER TABLE verdicts ADD COLUMN gap_bound DOUBLE")


def m0013_concept_families(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the families of concepts; audits from before have none."""
    connection.execute(
        "CREATE TABLE concept_families (concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,"
        " concept_kind VARCHAR NOT NULL, members VARCHAR[] NOT NULL, kappa DOUBLE)"
    )


def m0014_example_concepts(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what was given by examples, and how well it was learnt; audits from before have none."""
    connection.execute(
        "CREATE TABLE example_concepts (concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL,"
        " concept_kind VARCHAR NOT NULL, state VARCHAR NOT NULL, reason VARCHAR NOT NULL, n_yes BIGINT NOT NULL,"
        " n_no BIGINT NOT NULL, n_left_out BIGINT NOT NULL, same_as VARCHAR, n_classes BIGINT NOT NULL,"
        " n_in_audit BIGINT NOT NULL, auc DOUBLE, kappa DOUBLE)"
    )


def m0015_concepts_seen(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which words of the vocabulary every picture shows; audits from before have no rows."""
    connection.execute("CREATE TABLE concepts_seen (image_id VARCHAR NOT NULL, concept_idx INTEGER[] NOT NULL)")


def m0016_leads(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep leads that no word names, fixed places and halves of classes; audits from before have none."""
    connection.execute(
        "CREATE TABLE fixed_places (class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL,"
        " concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL, state VARCHAR NOT NULL, share DOUBLE,"
        " share_elsewhere DOUBLE, p DOUBLE, n_images BIGINT NOT NULL, n_showing BIGINT NOT NULL,"
        " image_ids VARCHAR[] NOT NULL, sentence VARCHAR NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE unnamed_leads (class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL,"
        " n_first BIGINT NOT NULL, n_first_correct BIGINT NOT NULL, n_second BIGINT NOT NULL,"
        " n_second_correct BIGINT NOT NULL, gap DOUBLE, low DOUBLE, high DOUBLE, first_ids VARCHAR[] NOT NULL,"
        " second_ids VARCHAR[] NOT NULL, sentence VARCHAR NOT NULL)"
    )


def m0017_dose_responses(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what pictures are called at five levels of a property; audits from before have none."""
    connection.execute(
        "CREATE TABLE dose_responses (class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL,"
        " concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL, property_name VARCHAR NOT NULL, level DOUBLE NOT NULL,"
        " n BIGINT NOT NULL, n_called BIGINT NOT NULL, n_others BIGINT NOT NULL, n_others_called BIGINT NOT NULL)"
    )


def m0018_unbounded_gaps(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which gaps are not excluded and what is missing for it; audits from before say it in words alone."""
    connection.execute(
        "CREATE TABLE unbounded_gaps (class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL,"
        " concept_id VARCHAR NOT NULL, concept VARCHAR NOT NULL, concept_kind VARCHAR NOT NULL,"
        " by_others BOOLEAN NOT NULL, bound DOUBLE NOT NULL, n_with BIGINT NOT NULL, n_without BIGINT NOT NULL,"
        " n_missing_with BIGINT, n_missing_without BIGINT)"
    )


def m0019_atlas(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep where pictures lie on the planes of the atlas; audits from before have none."""
    connection.execute(
        "CREATE TABLE atlas (image_id VARCHAR NOT NULL, space VARCHAR NOT NULL, x REAL NOT NULL, y REAL NOT NULL)"
    )


def m0020_repairs(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep which repairs were tried and what they did to pictures; audits from before have none."""
    connection.execute(
        "CREATE TABLE repairs (repair_id VARCHAR NOT NULL, created_at VARCHAR NOT NULL,"
        " auditor_version VARCHAR NOT NULL, model_digest VARCHAR NOT NULL, repaired_digest VARCHAR,"
        " weights_sha256 VARCHAR, weights VARCHAR, class_names VARCHAR[] NOT NULL, concept_ids VARCHAR[] NOT NULL,"
        " concepts VARCHAR[] NOT NULL, methods VARCHAR[] NOT NULL, method VARCHAR NOT NULL, penalty DOUBLE,"
        " n_images BIGINT NOT NULL, forced BOOLEAN NOT NULL, objections VARCHAR[] NOT NULL, notices VARCHAR[] NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE repair_figures (repair_id VARCHAR NOT NULL, position INTEGER NOT NULL, name VARCHAR NOT NULL,"
        " class_idx INTEGER, class_name VARCHAR, concept VARCHAR, present BOOLEAN, n BIGINT NOT NULL,"
        " before DOUBLE, after DOUBLE, low DOUBLE, high DOUBLE)"
    )
    connection.execute(
        "CREATE TABLE repair_pictures (repair_id VARCHAR NOT NULL, image_id VARCHAR NOT NULL,"
        " class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, called_before VARCHAR NOT NULL,"
        " called_after VARCHAR NOT NULL, confidence_before DOUBLE NOT NULL, confidence_after DOUBLE NOT NULL,"
        " shows VARCHAR[] NOT NULL, lacks VARCHAR[] NOT NULL)"
    )


def m0021_faithfulness(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what was measured of maps, groups and phrases; empty until it is."""
    connection.execute(
        "CREATE TABLE faithfulness (kind VARCHAR NOT NULL, method VARCHAR NOT NULL, measure VARCHAR NOT NULL,"
        " against VARCHAR, value DOUBLE NOT NULL, low DOUBLE, high DOUBLE, n BIGINT NOT NULL)"
    )


def m0022_compared_arms(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the comparable pictures that a gap is of, and how many are called the class; NULL before, and elsewhere."""
    for column in ("n_with", "called_with", "n_without", "called_without"):
        connection.execute(f"ALTER TABLE findings ADD COLUMN {column} BIGINT")


def m0023_repair_maps(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep where the evidence for the class lies before and after a repair, of the pictures that pages show."""
    connection.execute(
        "CREATE TABLE repair_maps (repair_id VARCHAR NOT NULL, image_id VARCHAR NOT NULL,"
        " class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, height INTEGER NOT NULL, width INTEGER NOT NULL,"
        ' "before" BLOB NOT NULL, "after" BLOB NOT NULL, crop DOUBLE[])'
    )


def m0024_encoder_fit(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep of which classes the encoder's words say something; empty before, and without a measured word."""
    connection.execute(
        "CREATE TABLE encoder_fit (class_idx INTEGER NOT NULL, class_name VARCHAR NOT NULL, n_words INTEGER NOT NULL,"
        " n_copies INTEGER NOT NULL, tells_context BOOLEAN NOT NULL)"
    )


MIGRATIONS: tuple[Migration, ...] = (
    m0001_tables,
    m0002_context,
    m0003_saliency_crop,
    m0004_class_channel_groups,
    m0005_permuted,
    m0006_calibrations,
    m0007_kappa,
    m0008_reasons,
    m0009_core_reasons,
    m0010_copies,
    m0011_rejudged,
    m0012_gap_bound,
    m0013_concept_families,
    m0014_example_concepts,
    m0015_concepts_seen,
    m0016_leads,
    m0017_dose_responses,
    m0018_unbounded_gaps,
    m0019_atlas,
    m0020_repairs,
    m0021_faithfulness,
    m0022_compared_arms,
    m0023_repair_maps,
    m0024_encoder_fit,
)


def schema_version(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Number of migrations that made this file; None where there is no table ``migrations`` (a foreign file)."""
    found = connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'migrations'").fetchone()
    if not found or not found[0]:
        return None
    count = connection.execute("SELECT count(*) FROM migrations").fetchone()
    return int(count[0]) if count else 0


@cache
def expected_columns() -> frozenset[Column]:
    """(table, column, type) of every column that today's migrations make."""
    with duckdb.connect(":memory:") as connection:
        migrate(connection, auditor_version="")
        return columns(connection)


def columns(connection: duckdb.DuckDBPyConnection) -> frozenset[Column]:
    """(table, column, type) of every column of a file."""
    found = connection.execute("SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal")
    return frozenset(found.fetchall())


def migrate(
    connection: duckdb.DuckDBPyConnection, *, auditor_version: str, migrations: Sequence[Migration] | None = None
) -> list[str]:
    """Run the migrations that ``connection`` has not seen, each in a transaction with its own record.

    Args:
        connection: a file that may be written.
        auditor_version: kept beside each migration, so that an older program can say which version reads the file.
        migrations: the ordered functions; default ``MIGRATIONS``.

    Returns:
        Names of the migrations that were run now.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (position INTEGER NOT NULL, name VARCHAR NOT NULL, auditor_version VARCHAR NOT NULL)"
    )
    seen = {name for (name,) in connection.execute("SELECT name FROM migrations").fetchall()}
    done: list[str] = []
    for position, migration in enumerate(MIGRATIONS if migrations is None else migrations, start=1):
        name = migration.__name__
        if name in seen:
            continue
        connection.begin()
        try:
            migration(connection)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", [position, name, auditor_version])
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        done.append(name)
    return done
