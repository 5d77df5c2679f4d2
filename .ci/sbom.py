"""Bill of materials (CycloneDX 1.6, JSON) of auditor as it is installed here: ``python .ci/sbom.py > sbom.cdx.json``.

auditor and all that an audit needs (the extra ``run``), without what other extras alone need, from the metadata of
the installed packages.
Two runs in one environment give the same bytes: there is no time and no random number in it.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT, EXTRA = "auditor", "run"


def bill() -> dict[str, Any]:
    """The document; components and dependencies by name."""
    needs = needed(ROOT, EXTRA)
    parts = {name: component(distribution(name)) for name in sorted(needs)}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**parts.pop(ROOT), "type": "application"}},
        "components": list(parts.values()),
        "dependencies": [
            {"ref": reference(name), "dependsOn": [reference(one) for one in sorted(needs[name])]}
            for name in sorted(needs)
        ],
    }


def needed(root: str, extra: str) -> dict[str, set[str]]:
    """Each package that the root with its extra needs here, itself among them, with those that it needs directly."""
    found: dict[str, set[str]] = {}
    extras: dict[str, set[str]] = {root: {extra}}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        direct = set[str]()
        for text in distribution(name).requires or []:
            one = Requirement(text)
            wanted = ["", *extras[name]]
            if one.marker is not None and not any(one.marker.evaluate({"extra": extra}) for extra in wanted):
                continue
            other = canonicalize_name(one.name)
            try:
                distribution(other)
            except PackageNotFoundError:
                sys.exit(f"error: {name} needs {other}, which is not installed: install auditor whole, then try again")
            if other != name:  # an extra may name another one of its own package
                direct.add(other)
            new = set(one.extras) - extras.setdefault(other, set())
            extras[other] |= new
            if new or (other not in found and other not in waiting):
                waiting.append(other)
        found[name] = direct
    return found


def component(package: Distribution) -> dict[str, Any]:
    """One package, with what it says of its licence in the words of CycloneDX."""
    name = canonicalize_name(package.metadata["Name"])
    about = {"type": "library", "bom-ref": reference(name), "name": name, "version": package.version}
    return {**about, **_licences(package), "purl": reference(name)}


def reference(name: str) -> str:
    """The package URL, which is a component's name within the document too."""
    return f"pkg:pypi/{name}@{distribution(name).version.replace('+', '%2B')}"


def _licences(package: Distribution) -> dict[str, Any]:
    if expression := package.metadata.get("License-Expression"):
        return {"licenses": [{"expression": expression}]}
    said = (package.metadata.get("License") or "").strip().splitlines()
    classified = [
        line.rpartition(" :: ")[2]
        for line in package.metadata.get_all("Classifier") or []
        if line.startswith("License :: ") and line.count(" :: ") > 1
    ]
    names = said if len(said) == 1 and len(said[0]) < 100 else classified  # some write the licence's whole text there
    return {"licenses": [{"license": {"name": name}} for name in names]} if names else {}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(), indent=2) + "\n")
