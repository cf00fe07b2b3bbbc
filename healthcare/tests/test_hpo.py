"""Wordings borrowed from the Human Phenotype Ontology: only where nothing of ours is touched."""

from pathlib import Path

import msgspec
import pytest

from agents.knowledge.loader import read_shipped
from agents.knowledge.schema import Borrowed, FindingEntry, Term
from agents.tests.tiny import tiny_text
from scripts import hpo

OBO = """format-version: 1.2
data-version: hp/releases/2099-01-31

[Term]
id: HP:0001945
name: Fever
synonym: "Hyperthermia" EXACT []
synonym: "Raised body heat" EXACT layperson [ORCID:1]
synonym: "Hot and bothered" RELATED []

[Term]
id: HP:0012735
name: Tussis
synonym: "Cough" EXACT layperson []
synonym: "Rash" EXACT []

[Term]
id: HP:0000988
name: Skin rash
is_obsolete: true
"""


@pytest.fixture
def terms(tmp_path: Path) -> list[hpo.OboTerm]:
    path = tmp_path / "hp.obo"
    path.write_text(OBO)
    version, terms = hpo.read_obo(path)
    assert version == "2099-01-31"
    return terms


def test_obsolete_terms_and_looser_synonyms_are_left_out(terms: list[hpo.OboTerm]) -> None:
    assert [t.name for t in terms] == ["Fever", "Tussis"]
    assert terms[0].synonyms == ("Hyperthermia", "Raised body heat")


def test_a_finding_borrows_what_nobody_claims(terms: list[hpo.OboTerm]) -> None:
    borrowed = dict(hpo.borrowed_terms(tiny_text(), terms))
    # one word alone is not borrowed; 'Tussis' could be our cough or our rash, so it is neither
    assert borrowed == {"fever": Term("HP:0001945", ("Raised body heat",))}


def test_our_own_wording_wins(terms: list[hpo.OboTerm]) -> None:
    text = tiny_text()
    text.findings["overheated"] = FindingEntry(
        "Overheated", "symptom", synonyms=("raised body heat",)
    )
    assert dict(hpo.borrowed_terms(text, terms))["fever"].wordings == ()


def test_the_page_is_read_back_as_it_was_written(terms: list[hpo.OboTerm]) -> None:
    borrowed = dict(hpo.borrowed_terms(tiny_text(), terms))
    read = msgspec.toml.decode(hpo.page("2099-01-31", borrowed), type=Borrowed)
    assert (read.version, read.terms) == ("2099-01-31", borrowed)


def test_shipped_terms_are_findings_and_carry_their_attribution() -> None:
    text = read_shipped()
    borrowed = text.lexicon.borrowed
    assert borrowed is not None
    assert borrowed.terms.keys() <= text.findings.keys()
    assert "https://hpo.jax.org" in borrowed.attribution
