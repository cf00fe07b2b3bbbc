"""The one table of baseline (a)."""

import uuid

from django.db import models


class DiagnosisSession(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    status = models.CharField(max_length=12)
    request = models.JSONField()
    consultation = models.JSONField()

    class Meta:
        app_label = "literal"

    def __str__(self) -> str:
        return str(self.id)
