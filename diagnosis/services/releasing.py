"""Publishing: the rows become an immutable release that every worker picks up."""

from collections.abc import Mapping
from datetime import UTC, datetime

from django.db import transaction

from agents.knowledge.base import KnowledgeBase, compile_knowledge
from diagnosis import live
from diagnosis.actors import Actor
from diagnosis.events import DiagnosisEvent, diagnosis_events
from diagnosis.models import KnowledgePublication, KnowledgeRelease
from diagnosis.policies import check_publish_knowledge
from diagnosis.selectors import current_knowledge
from diagnosis.selectors.releases import canonical, encoded
from diagnosis.services.audit import write_audit
from diagnosis.transcription import Transcript
from diagnosis.values import KnowledgeChange, PublicationPreview


def publish_knowledge(actor: Actor) -> KnowledgeChange:
    """Compiles what stands in the tables and puts it into use, or changes nothing.

    Publishing what is in use already does nothing. Raises NotAllowed, and InvalidKnowledge with
    every fault.
    """
    check_publish_knowledge(actor)
    with transaction.atomic():
        base = compile_knowledge(canonical(Transcript().text()))
        newest = KnowledgePublication.objects.first()
        if newest is not None and newest.release_id == base.hash:
            return KnowledgeChange(release=base.hash)
        _put_into_use(actor, base)
        transaction.on_commit(lambda: _tell(base))
    return KnowledgeChange(release=base.hash, published=True)


def _put_into_use(actor: Actor, base: KnowledgeBase) -> None:
    now = datetime.now(UTC)
    release = KnowledgeRelease.objects.filter(hash=base.hash).first()
    if release is None:
        release = KnowledgeRelease.objects.create(
            hash=base.hash, text=encoded(base.text), counts=counts_of(base), created_at=now
        )
    KnowledgePublication.objects.create(
        release=release, published_at=now, published_by_id=actor.user_id, label=actor.label
    )
    write_audit(actor, "knowledge_published", "release", base.hash, {**counts_of(base)})


def counts_of(base: KnowledgeBase) -> dict[str, int]:
    """How much a release holds."""
    text = base.text
    return {
        "conditions": len(text.conditions),
        "findings": len(text.findings),
        "red_flags": len(text.red_flags),
        "guidelines": len(text.guidelines),
        "sources": len(text.sources),
    }


def _tell(base: KnowledgeBase) -> None:
    live.tell_knowledge_published()
    diagnosis_events.publish(
        DiagnosisEvent(
            kind="knowledge_published",
            occurred_at=datetime.now(UTC),
            summary={"release": base.hash, **counts_of(base)},
        )
    )


def preview_publication() -> list[PublicationPreview]:
    """What publishing would change, by table; a row that breaks the schema counts as removed."""
    used, drawn = current_knowledge().text, Transcript()
    return [
        _compared("conditions", used.conditions, drawn.conditions),
        _compared("findings", used.findings, drawn.findings),
        _compared("red flags", used.red_flags, drawn.red_flags),
        _compared("guidelines", used.guidelines, drawn.guidelines),
        _compared("sources", used.sources, drawn.sources),
    ]


def _compared(
    what: str, used: Mapping[str, object], drawn: Mapping[str, object]
) -> PublicationPreview:
    return PublicationPreview(
        what=what,
        added=tuple(sorted(drawn.keys() - used.keys())),
        changed=tuple(key for key in sorted(drawn.keys() & used.keys()) if drawn[key] != used[key]),
        removed=tuple(sorted(used.keys() - drawn.keys())),
    )
