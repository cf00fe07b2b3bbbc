"""The shipped files into the tables. What staff have edited stays as they left it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db import models, transaction
from django.db.models import ProtectedError

from agents.knowledge.loader import read_shipped
from agents.knowledge.schema import ConditionEntry, GuidelineEntry, KnowledgeText
from diagnosis import transcription as to
from diagnosis.actors import Actor
from diagnosis.models import (
    Condition,
    ConditionFinding,
    Finding,
    Guideline,
    GuidelineVersion,
    Lexicon,
    Recommendation,
    RedFlagRule,
    Source,
)
from diagnosis.policies import check_publish_knowledge
from diagnosis.selectors.releases import canonical
from diagnosis.services.audit import write_audit
from diagnosis.services.releasing import publish_knowledge
from diagnosis.transcription import Transcript, Values
from diagnosis.values import KnowledgeChange


@dataclass
class _Tally:
    added: int = 0
    changed: int = 0
    removed: int = 0
    kept: list[str] = field(default_factory=list)


def load_knowledge(
    actor: Actor,
    text: KnowledgeText | None = None,
    *,
    replace_edited: bool = False,
    publish: bool = True,
) -> KnowledgeChange:
    """Makes the tables say what ``text`` (by default the shipped files) says, and publishes.

    Entries that staff have edited are left alone and named, unless ``replace_edited``. All or
    nothing. Raises NotAllowed, InvalidKnowledge.
    """
    check_publish_knowledge(actor)
    text = canonical(text if text is not None else read_shipped())
    with transaction.atomic():
        tally = _load(text, replace_edited)
        if tally.added or tally.changed or tally.removed:
            write_audit(actor, "knowledge_loaded", "knowledge", "files", _counts(tally))
        published = publish_knowledge(actor) if publish else KnowledgeChange()
    return msgspec.structs.replace(
        published,
        added=tally.added,
        changed=tally.changed,
        removed=tally.removed,
        kept_edited=tuple(tally.kept),
    )


def _counts(tally: _Tally) -> dict[str, Any]:
    return {"added": tally.added, "changed": tally.changed, "removed": tally.removed}


def _load(text: KnowledgeText, replace_edited: bool) -> _Tally:
    stored, tally = Transcript(), _Tally()
    Lexicon.objects.update_or_create(pk=1, defaults={"entry": msgspec.to_builtins(text.lexicon)})

    def plan(
        model: type[models.Model], wanted: Mapping[str, Any], have: Mapping[str, Any]
    ) -> _Plan:
        return _planned(model, wanted, have, replace_edited, tally)

    with_system = {key: (entry, text.systems[key]) for key, entry in text.conditions.items()}
    stored_with_system = {
        key: (entry, stored.systems[key]) for key, entry in stored.conditions.items()
    }
    sources = plan(Source, text.sources, stored.sources)
    findings = plan(Finding, text.findings, stored.findings)
    conditions = plan(Condition, with_system, stored_with_system)
    red_flags = plan(RedFlagRule, text.red_flags, stored.red_flags)
    guidelines = plan(Guideline, text.guidelines, stored.guidelines)

    _upsert(Source, {key: to.source_values(text.sources[key]) for key in sources.write})
    _upsert(Finding, {key: to.finding_values(text.findings[key]) for key in findings.write})
    _upsert(Condition, {key: to.condition_values(*with_system[key]) for key in conditions.write})
    _write_figures({key: text.conditions[key] for key in conditions.write})
    _upsert(RedFlagRule, {key: to.red_flag_values(text.red_flags[key]) for key in red_flags.write})
    _write_guidelines({key: text.guidelines[key] for key in guidelines.write})
    # what others point at goes last
    for model, planned in (
        (Guideline, guidelines),
        (RedFlagRule, red_flags),
        (Condition, conditions),
        (Finding, findings),
        (Source, sources),
    ):
        _remove(model, planned.remove, tally)
    return tally


@dataclass(frozen=True)
class _Plan:
    write: list[str]
    remove: list[str]


def _planned(
    model: type[Any],
    wanted: Mapping[str, Any],
    have: Mapping[str, Any],
    replace_edited: bool,
    tally: _Tally,
) -> _Plan:
    """Which entries to write and which to remove; counts them."""
    edited_at: dict[str, Any] = dict(model.objects.values_list("pk", "edited_at"))
    edited = {key for key, moment in edited_at.items() if moment is not None}
    differ = [key for key, entry in wanted.items() if have.get(key) != entry]
    gone = [key for key in edited_at if key not in wanted]
    if not replace_edited:
        kept = sorted(edited.intersection([*differ, *gone]))
        tally.kept += [f"{model._meta.verbose_name} {key}" for key in kept]
        differ = [key for key in differ if key not in edited]
        gone = [key for key in gone if key not in edited]
    tally.added += sum(key not in edited_at for key in differ)
    tally.changed += sum(key in edited_at for key in differ)
    return _Plan(differ, gone)


def _upsert(model: type[Any], values: Mapping[str, Values]) -> None:
    if not values:
        return
    columns = [name for name in next(iter(values.values())) if name not in ("id", "pk")]
    model.objects.bulk_create(
        [model(pk=key, **entry) for key, entry in values.items()],
        batch_size=500,
        update_conflicts=True,
        unique_fields=[model._meta.pk.name],
        update_fields=[*[name.removesuffix("_id") for name in columns], "edited_at"],
    )


def _write_figures(conditions: Mapping[str, ConditionEntry]) -> None:
    for keys in _chunks(list(conditions)):
        ConditionFinding.objects.filter(condition_id__in=keys).delete()
    ConditionFinding.objects.bulk_create(
        [
            ConditionFinding(condition_id=key, **figure)
            for key, entry in conditions.items()
            for figure in to.figure_values(entry)
        ],
        batch_size=500,
    )


def _write_guidelines(guidelines: Mapping[str, GuidelineEntry]) -> None:
    _upsert(Guideline, {key: to.guideline_values(entry) for key, entry in guidelines.items()})
    for key, entry in guidelines.items():
        versions = GuidelineVersion.objects.filter(guideline_id=key)
        versions.filter(state=GuidelineVersion.PUBLISHED).exclude(version=entry.version).update(
            state=GuidelineVersion.RETIRED
        )
        values = to.version_values(entry)
        version, _ = GuidelineVersion.objects.update_or_create(
            guideline_id=key,
            version=values.pop("version"),
            defaults={**values, "state": GuidelineVersion.PUBLISHED},
        )
        version.recommendations.all().delete()
        Recommendation.objects.bulk_create(
            Recommendation(guideline_version=version, **recommendation)
            for recommendation in to.recommendation_values(entry)
        )


def _remove(model: type[Any], keys: Iterable[str], tally: _Tally) -> None:
    for key in keys:
        try:
            with transaction.atomic():
                model.objects.filter(pk=key).delete()
            tally.removed += 1
        except ProtectedError:
            # something that staff have edited still points at it
            tally.kept.append(f"{model._meta.verbose_name} {key}")


def _chunks(keys: list[str], size: int = 500) -> Iterable[list[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
