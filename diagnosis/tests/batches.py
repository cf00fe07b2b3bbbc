"""What tests of batches share: a batch of 25 cases, and what has to hold when it is done."""

from collections import Counter

from agents.types import Case, Note
from diagnosis import services
from diagnosis.models import AuditEvent, Batch, DiagnosisSession
from diagnosis.policies import Actor
from diagnosis.values import UploadedCase

CASES = [
    UploadedCase(
        n + 1, Case(note=Note(text=f"Fever and a cough since zanzibar, day {n}.")), f"r{n}"
    )
    for n in range(1, 26)
]


def submitted(actor: Actor, cases: list[UploadedCase] = CASES, key: str = "") -> Batch:
    return services.submit_batch(actor, "csv", cases, repr(cases).encode(), key=key)[0]


def statuses(batch: Batch) -> dict[str, int]:
    return dict(Counter(batch.cases.values_list("status", flat=True)))


def assert_each_answered_once(batch: Batch) -> None:
    batch.refresh_from_db()
    assert (batch.status, batch.complete) == ("completed", len(CASES))
    assert statuses(batch) == {"complete": len(CASES)}
    assert DiagnosisSession.objects.count() == len(CASES)
    assert batch.cases.values("session").distinct().count() == len(CASES)
    assert AuditEvent.objects.filter(action="session_created").count() == len(CASES)
    numbers = list(batch.events.values_list("seq", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
