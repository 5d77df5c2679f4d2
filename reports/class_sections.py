"""The HTML page's section of one class: sentence, evidence, pictures with their maps, channel groups, what now."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

from auditor.records import Finding, Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.leads import Lead, leads
from reports import class_evidence
from reports.display import plain
from reports.page_pictures import PictureBudget
from reports.page_records import Card, Section
from reports.section_pictures import NAME_LIMIT, Extent, SectionPictures
from reports.what_now import explain_command, what_now

SENTENCE_LIMIT = 2_000
_PULL = "E4-pull"
#: Lines of a section's tables; the SQL beside them gives all.
_MOST_LINES = 24
#: Where the sentence of a verdict goes from the claim to the numbers, the claim's end, and the numbers' beginning.
_BREAKS = {"flagged": ("): ", ").", ""), "suspect": ("), but ", ").", "But "), "not_analysed": (". ", ".", "")}


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
        lead = self._leads.get(verdict.class_idx)
        by_pull = lead is not None and lead.rule_id == _PULL
        leading = _of_concept(queries.findings(self._connection, verdict.class_idx), verdict)
        picture = self._pictures.card(verdict, by_pull=by_pull)
        return Card(self._anchors[verdict.class_idx], verdict, by_pull, _compared(leading, lead), picture)

    def section(self, verdict: Verdict) -> Section:
        """All of one class."""
        connection, c = self._connection, verdict.class_idx
        lead = self._leads.get(c)
        by_pull = lead is not None and lead.rule_id == _PULL
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
            arms = class_evidence.arms(verdict, lead, examples, subgroups)
        opening, rest = sentence_parts(verdict)
        self._pictures.begin_section(verdict)
        return Section(
            anchor=self._anchors[c],
            verdict=verdict,
            opening=opening,
            rest=rest,
            arms_of="data" if no_model else "others" if by_pull and wanted else "class",
            arms=tuple(arms),
            n_compared=_compared(leading, lead),
            tile_groups=self._pictures.tile_groups(verdict, by_pull=by_pull),
            forest=class_evidence.forest(leading, lead),
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


def _compared(leading: Sequence[Finding], lead: Lead | None) -> int | None:
    """Pictures that the verdict's own gap compares."""
    rule_id = lead.rule_id if lead and lead.rule_id != "E5" else None  # trials are no pictures of the class
    return next((finding.n_images for finding in leading if finding.rule_id == rule_id), None)


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
    """The sentence with its class name cut short, in two: what is claimed, and the numbers."""
    sentence, name = verdict.sentence, verdict.class_name
    if len(name) > NAME_LIMIT:
        sentence = sentence.replace(name, plain(name, NAME_LIMIT))
    sentence = plain(sentence, SENTENCE_LIMIT)
    # A matter of type size alone: whatever the names hold, both parts are shown, in their order.
    mark, ending, beginning = _BREAKS.get(verdict.verdict, ("", "", ""))
    claim, found, numbers = sentence.partition(mark) if mark else (sentence, "", "")
    return (_capital(claim + ending), _capital(beginning + numbers)) if found else (_capital(sentence), "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
