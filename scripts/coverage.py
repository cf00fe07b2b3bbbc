"""Writes docs/coverage.md from the shipped knowledge: what is in, and what is knowingly out.

``python -m scripts.coverage`` writes it, with ``--check`` it only compares.
"""

import sys
from collections import Counter
from pathlib import Path

from agents.knowledge.loader import read_shipped
from agents.knowledge.schema import KnowledgeText

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coverage.md"
OUT = """\
## Knowingly out

- Treatment doses; drug interactions beyond the contraindications that guidelines name.
- Most of the 7,000 rare genetic diseases: they are grouped, or stand for their kind.
- Stages, grades and subtypes of cancers; rare cancers of childhood beyond the main ones.
- Labour management, anaesthesia, intensive care, and complications that arise only on a ward.
- Diagnoses that rest on imaging, laboratory or histology alone and have no clinical picture.
- Terminologies under a licence: SNOMED CT beyond the Global Patient Set, UMLS, NHS Pathways.
- Anything in a language other than English.
"""


def page() -> str:
    """The whole page."""
    text = read_shipped()
    systems = sorted(set(text.systems.values()))
    kinds = Counter(entry.kind for entry in text.findings.values())
    lines = [
        "# Coverage",
        "",
        "Written from the knowledge by `make coverage`; `make check` fails when it is stale.",
        "",
        f"{len(text.conditions)} conditions, {len(text.findings)} findings "
        f"({', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}), "
        f"{len(text.red_flags)} red-flag rules, {len(text.guidelines)} guidelines, "
        f"{len(text.sources)} sources. Reviewed by a clinician: {_reviewed(text)}.",
        "",
        *_borrowed(text),
        "## In, by body system",
        "",
    ]
    for system in systems:
        names = sorted(c.name for key, c in text.conditions.items() if text.systems[key] == system)
        lines += [
            f"**{system.replace('_', ' ').capitalize()}** ({len(names)}): {'; '.join(names)}.",
            "",
        ]
    return "\n".join(lines) + "\n" + OUT


def _borrowed(text: KnowledgeText) -> list[str]:
    borrowed = text.lexicon.borrowed
    if borrowed is None:
        return []
    wordings = sum(len(term.wordings) for term in borrowed.terms.values())
    return [
        f"{borrowed.name} {borrowed.version}: {len(borrowed.terms)} findings carry its id, "
        f"{wordings} of its synonyms add to our own wordings. {borrowed.attribution}",
        "",
    ]


def _reviewed(text: KnowledgeText) -> str:
    count = sum(c.status == "reviewed" for c in text.conditions.values())
    return f"{count} of {len(text.conditions)} conditions"


def main(arguments: list[str]) -> int:
    wanted = page()
    if "--check" in arguments:
        if not PAGE.exists() or PAGE.read_text() != wanted:
            print("docs/coverage.md is out of date: make coverage", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
