"""What every admin page here shares: bounded lists, and an audit of every change."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import models, transaction
from django.db.models import QuerySet
from django.forms import Field
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from diagnosis import selectors, services
from diagnosis.admin.forms import EntryForm, LinesField
from diagnosis.identifiers import first_at
from diagnosis.policies import actor_of


class BoundedPaginator(Paginator):
    """Counts no further than 10,000: counting millions of rows takes seconds."""

    FURTHEST = 10_000

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list[: self.FURTHEST]  # type: ignore[assignment]
        return rows.count()


class Bounded(ModelAdmin):
    """A list of which a page costs the same however long it is."""

    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    paginator = BoundedPaginator


class Since(admin.SimpleListFilter):
    """By time, of rows whose id is a UUIDv7: only the newest part of the index is read."""

    title = "time"
    parameter_name = "since"
    DAYS = {"1": "Past 24 hours", "7": "Past 7 days", "31": "Past 31 days", "366": "Past year"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.DAYS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        days = self.value()
        if days not in self.DAYS:
            return queryset
        return queryset.filter(id__gte=first_at(timezone.now() - timedelta(days=int(days))))


class ReadOnly(Bounded):
    """Nobody adds, changes or deletes here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WithLines:
    """Lists of words are edited as lines."""

    form = EntryForm

    def formfield_for_dbfield(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> Field | None:
        if isinstance(db_field, models.JSONField) and _holds_words(db_field):
            kwargs["form_class"] = LinesField
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]


def _holds_words(field: Any) -> bool:
    return field.default is list and field.name != "age"


class Lines(WithLines, TabularInline):
    """Rows of an entry in a table."""

    extra = 0


class Blocks(WithLines, StackedInline):
    """Rows of an entry one below the other."""

    extra = 0


class KnowledgeAdmin(WithLines, Bounded):
    """An entry. Changes are audited; what has been published can be changed and not deleted."""

    published_in = ""
    """The table of the knowledge in which a published entry stands."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None or not self.published_in:
            return False
        published = getattr(selectors.current_knowledge().text, self.published_in)
        return obj.pk not in published and bool(super().has_delete_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # the id is what other entries and stored sessions name
        fixed = [self.model._meta.pk.name] if obj is not None and self.published_in else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self._record(request, obj, "added", message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> Any:
        self._record(request, obj, "changed", message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[models.Model]) -> Any:
        for obj in queryset:
            self._record(request, obj, "deleted", [])
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, obj: models.Model, action: str, message: Any) -> None:
        with transaction.atomic():
            services.record_edit(actor_of(request.user), obj, action, _fields(message))


def _fields(message: Any) -> list[str]:
    """Names of fields in the admin's own change message; of added rows, what they are."""
    fields: set[str] = set()
    for part in message if isinstance(message, list) else []:
        for change in part.values():
            fields.update(change.get("fields", [change.get("name", "")]))
    return sorted(fields - {""})
