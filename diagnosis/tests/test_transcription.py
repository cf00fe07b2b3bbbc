"""Entries of the knowledge become rows and come back without loss."""

from typing import Any

import msgspec
import pytest

from agents.errors import InvalidKnowledge
from agents.knowledge.loader import content_hash, read_shipped
from agents.knowledge.schema import (
    ConditionEntry,
    FindingEntry,
    GuidelineEntry,
    KnowledgeText,
    RecommendationEntry,
    RedFlagEntry,
    SourceEntry,
    UseConditions,
)
from diagnosis import models, services
from diagnosis.policies import Actor
from diagnosis.tests.knowledge import rich
from diagnosis.transcription import Transcript

pytestmark = [pytest.mark.services, pytest.mark.django_db]


def loaded(text: KnowledgeText) -> KnowledgeText:
    services.load_knowledge(Actor.system(), text, publish=False)
    return Transcript().text()


def test_every_form_of_entry_comes_back_as_it_was() -> None:
    assert loaded(rich()) == rich()


def test_the_shipped_knowledge_comes_back_with_the_same_hash() -> None:
    text = read_shipped()

    assert content_hash(loaded(text)) == content_hash(text)


def test_figures_are_rows_that_can_be_filtered() -> None:
    loaded(rich())

    figures = models.ConditionFinding.objects.filter(condition="flu", source="paper")
    assert {f.finding_id: (f.role, f.p, f.lr_pos, f.odds) for f in figures} == {
        "fever": ("finding", 0.86, None, None),
        "cough": ("finding", None, 2.5, None),
        "smoking": ("risk", None, None, 1.5),
    }


NOT_COLUMNS: dict[type[msgspec.Struct], set[str]] = {
    ConditionEntry: {"findings", "risks", "against", "prevalence", "sex"},
    RecommendationEntry: {"id"},
}
"""Fields that stand in rows of their own or under several names."""


@pytest.mark.parametrize(
    ("entry", "tables"),
    [
        (SourceEntry, [models.Source]),
        (FindingEntry, [models.Finding]),
        (ConditionEntry, [models.Condition]),
        (RedFlagEntry, [models.RedFlagRule]),
        (GuidelineEntry, [models.Guideline, models.GuidelineVersion]),
        (RecommendationEntry, [models.Recommendation]),
    ],
)
def test_every_field_of_the_schema_has_a_column(
    entry: type[msgspec.Struct], tables: list[Any]
) -> None:
    names = {f.name for table in tables for f in table._meta.get_fields()}
    missing = set(entry.__struct_fields__) - names - NOT_COLUMNS.get(entry, set())
    assert missing == set()


def test_rows_that_break_the_schema_are_named_all_at_once() -> None:
    loaded(rich())
    models.Condition.objects.filter(pk="flu").update(icd10=["nonsense"])
    models.Finding.objects.filter(pk="rash").update(background="sometimes")
    models.RedFlagRule.objects.filter(pk="meningism").update(at_least=99)

    with pytest.raises(InvalidKnowledge) as caught:
        Transcript().text()
    assert sorted(fault.split(":")[0] for fault in caught.value.faults) == [
        "condition flu",
        "finding rash",
        "red flag meningism",
    ]


def test_references_that_dangle_are_named() -> None:
    loaded(rich())
    models.Condition.objects.filter(pk="flu").update(exclude_first=["nowhere"])

    with pytest.raises(InvalidKnowledge, match="nowhere"):
        Transcript().text()


def test_an_empty_database_says_what_to_do() -> None:
    with pytest.raises(InvalidKnowledge, match="load_knowledge"):
        Transcript().text()


def test_a_guideline_without_a_published_version_is_left_out() -> None:
    loaded(rich())
    models.GuidelineVersion.objects.update(state="retired")

    assert Transcript().text().guidelines == {}


def test_a_use_that_is_limited_comes_back() -> None:
    text = loaded(rich())

    uses = {r.id: r.use for r in text.guidelines["pneumonia_care"].recommendations}
    assert uses["oxygen"] == UseConditions()
    assert uses["penicillin"].min_age == 18
