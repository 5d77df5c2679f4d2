"""An audit whose names try to break out of every format, and what a gate says of it."""

from small_audit import make_run

from auditor.gate.decision import GateDecision, GateItem
from auditor.records import ClassConcept, Failure, Finding, Subgroup, Verdict, fingerprint
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest

NAMES = (
    "<script>alert(1)</script>",
    "</testcase></testsuite>]]><!--",
    "a\nb\r\nc\u2028d\u0085e",
    'quote " and \' and , comma; semicolon\ttab',
    "=cmd()|'/C calc'!A0",
    "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1",
    "::error file=x,line=1::owned",
    "::stop-commands::x ##[add-path]/tmp ##vso[task.setvariable variable=x]y",
    "%0A::error::owned%25%3A%2C",
    "pipe | pipe || \\| \\",
    "`tick` ``two`` ```three",
    "[link](https://example.org) ![image](x.png) <https://example.org> https://example.org www.example.org",
    "@everyone a@example.org #1 ~~gone~~ **bold** __bold__ $x^2$ &lt;b&gt; &amp;",
    "# heading", "- item", "1. item", "> quote", "---", "| a | b |", "    code",
    "{0} {1} {{2}} ](",
    "x" * 10_000,
    "\u202egnp.exe\u202c\u2066rtl\u2069",
    "\x00\x01\x08\x0b\x0c\x1b[31m\x7f\ufffe\uffff",
    "\\udcff lone",
    "مرحبا ไทย 水鳥 🦆",
    "'; DROP TABLE verdicts; --",
    "${7*7} {{7*7}} <%= 7*7 %>",
    "plain",
)  # fmt: skip
VERDICTS = ("flagged", "suspect", "not_analysed", "clean")


def verdicts():
    """Every name as class, concept, kind, in the sentence and its parts, and as the rules; the verdicts take turns."""
    rows = []
    for idx, name in enumerate(NAMES):
        verdict = VERDICTS[idx % 4] if name != "plain" else "flagged"
        concept = name if verdict in ("flagged", "suspect") else None
        rows.append(
            Verdict(idx, name, verdict, "high" if verdict == "flagged" else "none", concept, concept,
                    "scene" if concept is None else name, f"{name} because of {name}", 9, 0.4, 0.3, 0.2, 0.4, 0.1,
                    concept, 0.3, 0.2, 0.4, concept, f"{name} because of {name}", name, name)
        )  # fmt: skip
    return rows


def decision():
    """An item for every class, in every state."""
    states = ("new", "accepted", "expired", "stale", "tolerated", "not_analysed", "skipped", "grown")
    levels = ("error", "warning", "note")
    items = [
        GateItem(row.class_name, row.concept_id, row.concept, row.concept_kind, row.verdict, row.severity,
                 fingerprint(row.class_name, row.concept_id) if row.concept_id is not None else None,
                 states[idx % 8], levels[idx % 3], f"reason {row.class_name}", row.rule_id)
        for idx, row in enumerate(verdicts())
    ]  # fmt: skip
    items.append(GateItem("raw \udcff", None, None, None, None, "none", None, "stale", "error", "raw \udcff"))
    return GateDecision(1, f"fails: {NAMES[10]} {NAMES[0]}", tuple(items), "policy.toml", "baseline.toml")


def write_hostile_audit(folder):
    """A complete audit; returns its folder."""
    run = make_run(class_names=NAMES, notices=NAMES, model_spec=NAMES[14], data_path="\x00".join(NAMES[:3]))
    rows = verdicts()
    with AuditDatabase(folder) as database:
        database.add_run(run)
        database.add_verdicts(rows)
        named = [(row.class_idx, row.class_name, row.class_name, row.class_name) for row in rows]
        database.add_class_concepts([ClassConcept(*who, "scene", 0.4, 0.3, 0.5, 0.1, 4.0, 9) for who in named])
        database.add_subgroups([Subgroup(*who, present, 9, 5) for who in named for present in (True, False)])
        database.add_findings(
            [Finding(*who, "scene", "E4-recall", 0.3, 0.2, 0.4, 0.1, 0.1, 9, (who[1],)) for who in named]
        )
        database.add_failures([Failure("f" * 16, name, name, name) for name in NAMES])
    write_manifest(folder, run)
    return folder
