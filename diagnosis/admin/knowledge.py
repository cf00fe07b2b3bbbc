"""Editing the knowledge. Nothing here is in use until it is published."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from diagnosis.admin.base import Blocks, KnowledgeAdmin, Lines
from diagnosis.admin.forms import EntryForm, KeyField
from diagnosis.models import (
    Condition,
    ConditionFinding,
    Finding,
    Guideline,
    GuidelineVersion,
    Recommendation,
    RedFlagRule,
    Source,
)


class Publishable(KnowledgeAdmin):
    """Its list has a button that leads to publishing."""

    actions_list = ["publish"]

    @action(description="Publish knowledge ...", url_path="publish")
    def publish(self, request: HttpRequest) -> HttpResponseRedirect:
        """Publishing concerns all entries together, so it has a page of its own."""
        return HttpResponseRedirect(reverse("admin:diagnosis_publish"))


class FigureForm(EntryForm):
    """Finding and source are typed by id."""

    finding = KeyField(queryset=Finding.objects.all())
    source = KeyField(queryset=Source.objects.all(), required=False)

    class Meta:
        model = ConditionFinding
        fields = ("finding", "role", "band", "p", "lr_pos", "lr_neg", "odds", "source", "note")


class Figures(Lines):
    model = ConditionFinding
    form = FigureForm
    verbose_name_plural = "findings"


@admin.register(Source)
class SourceAdmin(Publishable):
    published_in = "sources"
    list_display = ("id", "title", "publisher", "year", "kind")
    list_filter = ("kind",)
    search_fields = ("id", "title", "publisher")


@admin.register(Finding)
class FindingAdmin(Publishable):
    published_in = "findings"
    list_display = ("id", "name", "kind", "group")
    list_filter = ("kind",)
    search_fields = ("id", "name")


class ConditionForm(EntryForm):
    prevalence_source = KeyField(queryset=Source.objects.all(), required=False)


@admin.register(Condition)
class ConditionAdmin(Publishable):
    published_in = "conditions"
    form = ConditionForm
    list_display = ("id", "name", "system", "urgency", "dont_miss", "status", "number_of_findings")
    list_filter = ("status", "urgency", "dont_miss", "system")
    search_fields = ("id", "name")
    inlines = (Figures,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Condition]:
        found: QuerySet[Condition] = super().get_queryset(request)
        return found.annotate(figure_count=Count("figures"))

    @admin.display(description="findings", ordering="figure_count")
    def number_of_findings(self, condition: Any) -> int:
        return int(condition.figure_count)


class RedFlagForm(EntryForm):
    source = KeyField(queryset=Source.objects.all())


@admin.register(RedFlagRule)
class RedFlagRuleAdmin(Publishable):
    published_in = "red_flags"
    form = RedFlagForm
    list_display = ("id", "name", "urgency", "source_id", "status")
    list_filter = ("urgency", "status")
    search_fields = ("id", "name")


class VersionForm(EntryForm):
    source = KeyField(queryset=Source.objects.all())


class Versions(Blocks):
    model = GuidelineVersion
    form = VersionForm
    show_change_link = True


class Recommendations(Blocks):
    model = Recommendation
    ordering = ("position",)


@admin.register(Guideline)
class GuidelineAdmin(Publishable):
    published_in = "guidelines"
    list_display = ("id", "title", "developer")
    search_fields = ("id", "title", "developer")
    inlines = (Versions,)


@admin.register(GuidelineVersion)
class GuidelineVersionAdmin(Publishable):
    form = VersionForm
    list_display = ("guideline_id", "version", "state", "status", "published", "review_due")
    list_filter = ("state", "status", "review_due")
    search_fields = ("guideline__id", "guideline__title")
    inlines = (Recommendations,)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> type[ModelForm]:
        # a version belongs to its guideline for good
        kwargs["exclude"] = () if obj is None else ("guideline",)
        return super().get_form(request, obj, **kwargs)
