"""The HTML page's section of one class: sentence, evidence, pictures with their maps, channel groups, what now."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

from auditor.records import Finding, Verdict
from auditor.rules import rule_of, shown_by_others
from auditor.store.queries import audit as queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.leads import leads
from reports.display import plain
from reports.page import class_evidence
from reports.page.pictures import PictureBudget
from reports.page.records import Card, Section
from reports.page.section_pictures import NAME_LIMIT, Extent, SectionPictures
from reports.what_now import explain_command, what_now

SENTENCE_LIMIT = 2_000
#: Lines of a section's tables; the SQL beside them gives all.
_MOST_LINES = 24


class Sections:
    """Makes the sections of some classes, one by one in their order; a few sections' thumbnails are in memory.

    Args:
        connection: an open audit.
        shown: classes that get a section, worst first.
        anchors: by class, see `anchors`.
        extent: how much each shows.
        budget: what their pictures may take.
    """

    def __init__(
        self,
        connection: Connection,
        shown: Sequence[Verdict],
        anchors: dict[int, str],
        extent: Extent,
        budget: PictureBudget,
    ) -> None:
        self._connection, self._anchors = connection, anchors
        self._leads = leads(connection)
        self._residuals = picture_queries.mean_residuals(connection)
        self._pictures = SectionPictures(connection, shown, anchors, extent, budget)

    def card(self, verdict: Verdict) -> Card:
        """A class on the first screen."""
        by_pull = shown_by_others(verdict.rule_id)
        leading = _of_concept(queries.findings(self._connection, verdict.class_idx), verdict)
        picture = self._pictures.card(verdict, by_pull=by_pull)
        return Card(self._anchors[verdict.class_idx], verdict, by_pull, _compared(leading, verdict), picture)

    def section(self, verdict: Verdict) -> Section:
        """All of one class."""
        connection, c = self._connection, verdict.class_idx
        lead = self._leads.get(c)
        by_pull = shown_by_others(verdict.rule_id)
        findings = queries.findings(connection, c)
        leading = _of_concept(findings, verdict)
        concepts = queries.class_concepts(connection, c, limit=class_evidence.WORDS_SHOWN)
        examples = queries.counterexamples(connection, c)
        subgroups = [] if examples else queries.subgroups(connection, c)
        wanted = [row for row in examples if row.concept_id == verdict.concept_id and row.present == by_pull]
        no_model = verdict.verdict == "not_analysed"
        if no_model:
            arms = class_evidence.arms_of_data(verdict, picture_queries.concept_holders(connection, c))
        else:
            arms = class_evidence.arms(verdict, examples, subgroups)
        opening, rest = sentence_parts(verdict)
        self._pictures.begin_section(verdict)
        return Section(
            anchor=self._anchors[c],
            verdict=verdict,
            opening=opening,
            rest=rest,
            arms_of="data" if no_model else "others" if by_pull and wanted else "class",
            arms=tuple(arms),
            n_compared=_compared(leading, verdict),
            tile_groups=self._pictures.tile_groups(verdict, by_pull=by_pull),
            forest=class_evidence.forest(leading, verdict),
            words=class_evidence.words_chart(concepts, verdict, self._residuals.get(c)),
            what_now=what_now(verdict, lead),
            n_wanted=next((row.n_others_missing if by_pull else row.n_missing for row in wanted), None),
            command=explain_command(verdict, lead),
            strip=self._pictures.strip(verdict),
            groups=self._pictures.groups(verdict),
            # the leading concept's come first, and stay where there are many
            findings=tuple(sorted(findings, key=lambda row: row.concept_id != verdict.concept_id)[:_MOST_LINES]),
            n_findings=len(findings),
            counterexamples=tuple(examples[:_MOST_LINES]),
            statements=class_evidence.statements(verdict),
        )


def _of_concept(findings: Sequence[Finding], verdict: Verdict) -> list[Finding]:
    return [finding for finding in findings if finding.concept_id == verdict.concept_id]


def _compared(leading: Sequence[Finding], verdict: Verdict) -> int | None:
    """Pictures that the verdict's own effect compares; trials of an intervention are no pictures of the class."""
    rule = rule_of(verdict.rule_id)
    if rule is None or rule.kind == "intervention":
        return None
    return next((finding.n_images for finding in leading if finding.rule_id == rule.rule_id), None)


def anchors(verdicts: Sequence[Verdict]) -> dict[int, str]:
    """A stable name for every class's section: readable, and unlike that of any other class."""
    slugs: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        slugs[re.sub(r"[^a-z0-9]+", "-", verdict.class_name[:40].lower()).strip("-")].append(verdict)
    found = {}
    for slug, owners in slugs.items():
        for verdict in owners:
            exact = len(owners) == 1 and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{,39}", verdict.class_name)
            digest = hashlib.sha256(verdict.class_name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
            parts = ("class", slug) if exact else ("class", slug, digest)
            found[verdict.class_idx] = "-".join(part for part in parts if part)
    return found


def sentence_parts(verdict: Verdict) -> tuple[str, str]:
    """What is claimed, and all the rest, with the class's name cut short."""
    rest = " ".join(part for part in (verdict.numbers, verdict.advice) if part)
    return _shown(verdict.claim, verdict.class_name), _shown(rest, verdict.class_name)


def _shown(text: str, name: str) -> str:
    if len(name) > NAME_LIMIT:
        text = text.replace(name, plain(name, NAME_LIMIT))
    return plain(text, SENTENCE_LIMIT)
