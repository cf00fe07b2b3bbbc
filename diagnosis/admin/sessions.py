"""Stored sessions and the audit: to look at, never to change.

Neither list nor page loads the case or the answer; the session's own page shows them to whoever
may see it.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from diagnosis import selectors
from diagnosis.admin.base import Lines, ReadOnly, Since
from diagnosis.models import AuditEvent, DiagnosisSession, Opinion, Outcome, SessionEvent


class _Shown(Lines):
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Opinions(_Shown):
    model = Opinion


class Events(_Shown):
    model = SessionEvent
    fields = ("seq", "kind", "agent", "at", "offset_ms")


class Outcomes(_Shown):
    model = Outcome

    def get_queryset(self, request: HttpRequest) -> QuerySet[Outcome]:
        found: QuerySet[Outcome] = super().get_queryset(request)
        return found.select_related("recorded_by")


@admin.register(DiagnosisSession)
class DiagnosisSessionAdmin(ReadOnly):
    list_display = (
        "id",
        "created_at",
        "clinician",
        "status",
        "urgency",
        "leading_name",
        "duration_ms",
    )
    list_filter = ("status", "urgency", Since)
    list_select_related = ("clinician",)
    search_fields = ("id__exact", "leading_condition__exact")
    search_help_text = "The id of a session, or of its leading condition"
    ordering = ("-id",)
    fields = (
        "page",
        "created_at",
        "finished_at",
        "status",
        "clinician",
        "urgency",
        "leading_name",
        "duration_ms",
        "engine",
        "knowledge",
        "worker",
    )
    readonly_fields = ("page",)
    inlines = (Opinions, Events, Outcomes)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DiagnosisSession]:
        found: QuerySet[DiagnosisSession] = super().get_queryset(request)
        return found.defer("case", "consultation")

    @admin.display(description="session")
    def page(self, session: DiagnosisSession) -> SafeString:
        address = reverse("session", args=[session.pk])
        return format_html('<a href="{}">{}</a>', address, session.pk)


class ByAction(admin.SimpleListFilter):
    """The actions that occur: Django's own filter would read every row to list them."""

    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(action, action) for action in selectors.audited_actions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        action = self.value()
        return queryset.filter(action=action) if action else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly):
    list_display = ("at", "actor", "action", "object_type", "object_id")
    list_filter = (ByAction, Since)
    search_fields = ("object_id__exact", "actor__exact")
    search_help_text = "The id of a thing, or the name of an actor"
    ordering = ("-id",)
