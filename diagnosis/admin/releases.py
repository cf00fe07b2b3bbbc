"""Releases, and the page that publishes one."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from agents.errors import InvalidKnowledge
from diagnosis import services
from diagnosis.admin.base import ReadOnly
from diagnosis.models import KnowledgePublication, KnowledgeRelease
from diagnosis.policies import Actor, actor_of, can_publish_knowledge


class PublishForm(forms.Form):
    """Has nothing to fill in; the faults of the knowledge are its errors."""


@admin.register(KnowledgePublication)
class KnowledgePublicationAdmin(ReadOnly):
    list_display = ("published_at", "release_hash", "label")
    list_select_related = ("release",)
    fields = ("published_at", "release_hash", "label")

    def get_queryset(self, request: HttpRequest) -> QuerySet[KnowledgePublication]:
        found: QuerySet[KnowledgePublication] = super().get_queryset(request)
        return found.defer("release__text")

    @admin.display(description="release")
    def release_hash(self, publication: KnowledgePublication) -> str:
        return publication.release_id[:12]


@admin.register(KnowledgeRelease)
class KnowledgeReleaseAdmin(ReadOnly):
    list_display = ("hash", "created_at", "conditions", "findings")
    fields = ("hash", "created_at", "counts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[KnowledgeRelease]:
        found: QuerySet[KnowledgeRelease] = super().get_queryset(request)
        return found.defer("text")

    def conditions(self, release: KnowledgeRelease) -> int:
        return int(release.counts.get("conditions", 0))

    def findings(self, release: KnowledgeRelease) -> int:
        return int(release.counts.get("findings", 0))

    def get_urls(self) -> list[URLPattern]:
        publish: Callable[..., Any] = self.admin_site.admin_view(self.publish_view)
        return [path("publish/", publish, name="diagnosis_publish"), *super().get_urls()]

    def publish_view(self, request: HttpRequest) -> HttpResponse:
        """Shows what publishing would do; a POST does it, or says what is wrong."""
        actor = actor_of(request.user)
        form = PublishForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._published(request, actor, form):
            return HttpResponseRedirect(reverse("admin:diagnosis_knowledgepublication_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": "Publish knowledge",
            "form": form,
            "preview": services.preview_publication(),
            "may_publish": can_publish_knowledge(actor),
        }
        return TemplateResponse(
            request,
            "admin/diagnosis/publish_knowledge.html",
            context,
            status=422 if form.errors else 200,
        )

    def _published(self, request: HttpRequest, actor: Actor, form: PublishForm) -> bool:
        """Whether it went well; otherwise the form has the faults."""
        if not can_publish_knowledge(actor):
            raise PermissionDenied
        try:
            change = services.publish_knowledge(actor)
        except InvalidKnowledge as error:
            for fault in error.faults:
                form.add_error(None, fault)
            return False
        said = "is in use now" if change.published else "was in use already"
        messages.success(request, f"Release {change.release[:12]} {said}.")
        return True
