"""Many cases handed in at once, and where each of them stands."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from diagnosis.identifiers import uuid7
from diagnosis.models.sessions import DiagnosisSession


class Batch(models.Model):
    """An upload of many cases. The numbers are those of its last progress event."""

    QUEUED, RUNNING = "queued", "running"
    COMPLETED, CANCELLED, FAILED = "completed", "cancelled", "failed"
    OPEN = (QUEUED, RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL
    )
    by_system = models.BooleanField(default=False)
    """Handed in by a command in a shell on the machine; without it, no owner is nobody."""
    format = models.CharField(
        max_length=5, choices=[("csv", "CSV"), ("jsonl", "JSON lines"), ("fhir", "FHIR Bundle")]
    )
    status = models.CharField(
        max_length=9,
        default=QUEUED,
        choices=[
            (QUEUED, "Queued"),
            (RUNNING, "Running"),
            (COMPLETED, "Completed"),
            (CANCELLED, "Cancelled"),
            (FAILED, "Failed"),
        ],
    )
    total = models.PositiveIntegerField()
    complete = models.PositiveIntegerField(default=0)
    partial = models.PositiveIntegerField(default=0)
    """Answered although an agent was missing."""
    failed = models.PositiveIntegerField(default=0)
    ignored = models.JSONField(default=dict)
    """FHIR resource types that nothing was read from, with how often they occurred."""
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    woken_at = models.DateTimeField(default=timezone.now)
    """When it last got on, or a worker was last called to it."""
    request = models.CharField(max_length=64, null=True, blank=True, unique=True)
    """Owner and Idempotency-Key, hashed; null where there was none: '' would not be unique."""
    body_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        indexes = [
            models.Index(fields=["owner", "-id"], name="batch_of_owner"),
            models.Index(
                fields=["created_at"],
                condition=models.Q(status__in=["queued", "running"]),
                name="batch_still_open",
            ),
            models.Index(fields=["finished_at"], name="batch_by_age"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class BatchCase(models.Model):
    """One case of a batch. ``claim`` is the token of the worker that has it, or had it last."""

    QUEUED, RUNNING = "queued", "running"
    COMPLETE, PARTIAL, FAILED, CANCELLED = "complete", "partial", "failed", "cancelled"
    OPEN = (QUEUED, RUNNING)

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="cases")
    position = models.PositiveIntegerField()
    """Counts from 1."""
    row = models.PositiveIntegerField()
    """Where it stands in the upload: line of a file, entry of a Bundle; counts from 1."""
    reference = models.CharField(max_length=64, blank=True)
    """The sender's own pseudonym for the case."""
    case = models.TextField()
    """JSON as text."""
    status = models.CharField(
        max_length=9,
        default=QUEUED,
        choices=[
            (QUEUED, "Queued"),
            (RUNNING, "Running"),
            (COMPLETE, "Complete"),
            (PARTIAL, "Partial"),
            (FAILED, "Failed"),
            (CANCELLED, "Cancelled"),
        ],
    )
    session = models.ForeignKey(
        DiagnosisSession, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    problem = models.CharField(max_length=200, blank=True)
    """A sentence about why there is no answer; never patient text."""
    claim = models.UUIDField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["batch_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="one_case_at_a_position")
        ]
        indexes = [models.Index(fields=["batch", "status", "position"], name="case_by_status")]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.position}"


class BatchEvent(models.Model):
    """One moment of a batch, numbered from 1: counts only."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24)
    at = models.DateTimeField()
    detail = models.TextField(default="{}")
    """JSON as text."""

    class Meta:
        ordering = ["batch_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "seq"], name="one_batch_event_for_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"
