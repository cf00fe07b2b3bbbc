"""Stored consultations, what happened in them, what became of them, and who did what."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from diagnosis.identifiers import uuid7
from diagnosis.models.immutable import AppendOnly
from diagnosis.models.knowledge import URGENCIES

AGENTS = [
    ("symptom_classifier", "Symptom classifier"),
    ("condition_matcher", "Condition matcher"),
    ("treatment_retriever", "Treatment retriever"),
    ("emergency_detector", "Emergency detector"),
]


class DiagnosisSession(models.Model):
    """A stored consultation. The id is a UUIDv7, so that sorting by it is sorting by time.

    ``case`` and ``consultation`` are JSON as text: byte for byte what went in and came out,
    so that a replay can be compared with it.
    """

    RUNNING, COMPLETE, PARTIAL = "running", "complete", "partial"
    FAILED, INTERRUPTED = "failed", "interrupted"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=12,
        choices=[
            (RUNNING, "Running"),
            (COMPLETE, "Complete"),
            (PARTIAL, "Partial"),
            (FAILED, "Failed"),
            (INTERRUPTED, "Interrupted"),
        ],
    )
    clinician = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        # session_of_clinician begins with it
        db_index=False,
    )
    urgency = models.CharField(max_length=10, blank=True, choices=URGENCIES)
    leading_condition = models.CharField(max_length=80, blank=True)
    leading_name = models.CharField(max_length=600, blank=True)
    duration_ms = models.FloatField(null=True, blank=True)
    knowledge = models.CharField("knowledge release", max_length=64, blank=True)
    engine = models.CharField("engine version", max_length=40, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    case = models.TextField()
    consultation = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("consult", "Can have a case analysed")]
        indexes = [
            models.Index(fields=["clinician", "-id"], name="session_of_clinician"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(status="running"),
                name="session_still_running",
            ),
            models.Index(fields=["leading_condition", "-id"], name="session_by_leading"),
            # few of them, and the rest would make it large
            models.Index(
                fields=["status", "-id"],
                condition=~models.Q(status="complete"),
                name="session_gone_wrong",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Opinion(models.Model):
    """How one agent fared in a session."""

    # the constraint's index begins with it
    session = models.ForeignKey(
        DiagnosisSession, on_delete=models.CASCADE, related_name="opinions", db_index=False
    )
    agent = models.CharField(max_length=30, choices=AGENTS)
    status = models.CharField(max_length=12)
    duration_ms = models.FloatField()
    detail = models.TextField(blank=True)

    class Meta:
        ordering = ["session_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "agent"], name="one_opinion_of_an_agent")
        ]

    def __str__(self) -> str:
        return f"{self.agent} {self.status}"


class SessionEvent(models.Model):
    """One moment of a session, numbered from 1; what a reconnecting client is replayed."""

    # the constraint's index begins with it
    session = models.ForeignKey(
        DiagnosisSession, on_delete=models.CASCADE, related_name="events", db_index=False
    )
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    agent = models.CharField(max_length=30, blank=True)
    at = models.DateTimeField()
    offset_ms = models.FloatField()
    detail = models.TextField(default="{}")
    """JSON as text."""

    class Meta:
        ordering = ["session_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["session", "seq"], name="one_event_for_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Outcome(models.Model):
    """What it turned out to be; a later row corrects an earlier one."""

    session = models.ForeignKey(DiagnosisSession, on_delete=models.CASCADE, related_name="outcomes")
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    condition = models.CharField(max_length=80, blank=True)
    icd10 = models.CharField(max_length=8, blank=True)
    note = models.TextField(blank=True)
    override_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.condition or self.icd10


class Feedback(models.Model):
    """Whether an answer was of use."""

    session = models.ForeignKey(DiagnosisSession, on_delete=models.CASCADE, related_name="feedback")
    recorded_at = models.DateTimeField(default=timezone.now)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    useful = models.BooleanField()
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "feedback"

    def __str__(self) -> str:
        return "useful" if self.useful else "not useful"


class AuditEvent(AppendOnly):
    """Who did what to which thing and when; never changed, never patient text.

    No foreign keys: it outlives what it speaks of.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(default=timezone.now)
    actor_id = models.PositiveBigIntegerField(null=True, blank=True)
    actor = models.CharField(max_length=150)
    action = models.CharField(max_length=40)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=120)
    detail = models.TextField(default="{}")
    """JSON as text: ids, counts and enum words only."""

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["object_id", "object_type"], name="audit_of_object"),
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.object_id}"


class IdempotencyKey(models.Model):
    """An answered (or still running) request that a client may repeat."""

    id = models.BigAutoField(primary_key=True)
    owner = models.CharField(max_length=40)
    """'user:<id>' or 'anonymous'."""
    scope = models.CharField(max_length=120)
    """Method and path."""
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    claimed_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    content_type = models.CharField(max_length=100, blank=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "scope", "key"], name="one_answer_for_a_key")
        ]
        indexes = [models.Index(fields=["claimed_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.scope} {self.owner}"
