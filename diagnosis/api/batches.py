"""Many cases at once over REST: handing in, watching, fetching results, cancelling."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import django_filters
import msgspec
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from diagnosis import selectors, services
from diagnosis.api.consultations import check_key
from diagnosis.api.published import as_json
from diagnosis.api.schema import (
    IDEMPOTENCY_KEY,
    UPLOADS,
    problem_answers,
    query_parameters,
    ref,
)
from diagnosis.api.sessions import NewestFirst, actor_in
from diagnosis.policies import Actor, check_submit_batch
from diagnosis.serializers.batches import (
    BatchDocument,
    ResultLine,
    UploadQuery,
    UploadReport,
    batch_document,
    results_file,
    upload_query,
    upload_report,
)
from diagnosis.serializers.faults import refused_field
from diagnosis.serializers.uploads import Upload, format_of, upload_from
from diagnosis.serializers.uploads.reading import MAX_UPLOAD_BYTES
from diagnosis.threads import in_database

PAGE: Final = 100
"""Cases read at once for a file of results: 4 MB."""
RESULT_TYPES: Final = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


class BatchFilter(FilterSet):
    status = django_filters.ChoiceFilter(
        choices=[(s, s) for s in ("queued", "running", "completed", "cancelled", "failed")]
    )


@method_decorator(never_cache, name="dispatch")
class BatchViewSet(GenericViewSet):
    """Batches, as far as the caller may see them."""

    lookup_value_converter = "uuid"
    lookup_url_kwarg = "batch_id"
    pagination_class = NewestFirst
    filter_backends = [DjangoFilterBackend]
    filterset_class = BatchFilter

    def get_permissions(self) -> list[Any]:
        """A list needs somebody; of one batch the selectors decide."""
        return [IsAuthenticated() if self.action == "list" else AllowAny()]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return selectors.batches_for(Actor.anonymous())
        return selectors.batches_for(actor_in(self.request))

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Results are chosen by their ``format``, which DRF would take for a renderer's."""
        if getattr(self, "action", "") == "results":
            return JSONRenderer(), "application/json"
        return super().perform_content_negotiation(request, force)

    @extend_schema(
        summary="List the batches that you may see, newest first",
        tags=["batches"],
        responses={200: ref(BatchDocument), **problem_answers(400, 401, 404)},
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = [msgspec.to_builtins(batch_document(batch)) for batch in page or ()]
        return self.get_paginated_response(rows)

    @extend_schema(
        summary="Hand in many cases: CSV, JSON lines or a FHIR Bundle, by Content-Type",
        tags=["batches"],
        parameters=[IDEMPOTENCY_KEY, *query_parameters(UploadQuery)],
        request=UPLOADS,
        filters=False,
        responses={
            200: ref(UploadReport),
            202: ref(BatchDocument),
            **problem_answers(400, 401, 403, 413, 415, 422, 503),
        },
    )
    def create(self, request: Request) -> HttpResponse:
        actor = actor_in(request)
        check_submit_batch(actor)
        query = upload_query(request.query_params)
        key = request.headers.get("Idempotency-Key", "")
        check_key(key)
        upload_format = format_of(request.content_type or "")
        # not request.body: that ends at Django's limit for forms
        body = request._request.read(MAX_UPLOAD_BYTES + 1)
        upload = _read(body, upload_format)
        if query.dry_run:
            return as_json(upload_report(upload))
        upload.refuse_faults()
        batch, is_new = services.submit_batch(
            actor, upload_format, upload.cases, body, key=key, ignored=upload.ignored
        )
        return _accepted(batch, is_new)

    @extend_schema(
        summary="How far a batch has got",
        tags=["batches"],
        responses={200: ref(BatchDocument), **problem_answers(401, 404)},
    )
    def retrieve(self, request: Request, batch_id: UUID) -> HttpResponse:
        return as_json(batch_document(selectors.batch_for(actor_in(request), batch_id)))

    @extend_schema(
        summary="What the cases came to, in the order of the upload; also of a running batch",
        tags=["batches"],
        parameters=[
            OpenApiParameter(
                "format", OpenApiTypes.STR, enum=(*RESULT_TYPES,), description="csv unless given."
            )
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/jsonl"): ref(ResultLine),
            **problem_answers(400, 401, 404),
        },
    )
    def results(self, request: Request, batch_id: UUID) -> StreamingHttpResponse:
        form = request.query_params.get("format", "csv")
        if form not in RESULT_TYPES:
            raise refused_field("format", f"is not one of {', '.join(RESULT_TYPES)}.")
        batch = selectors.batch_for(actor_in(request), batch_id)
        pieces = results_file(form, partial(_page, batch.pk))
        return StreamingHttpResponse(
            _off_the_loop(pieces) if isinstance(request._request, ASGIRequest) else pieces,
            content_type=RESULT_TYPES[form],
            headers={"Content-Disposition": f'attachment; filename="batch-{batch.pk}.{form}"'},
        )

    @extend_schema(
        summary="Give up what is not answered yet",
        tags=["batches"],
        request=None,
        responses={200: ref(BatchDocument), **problem_answers(401, 404, 409, 503)},
    )
    def cancel(self, request: Request, batch_id: UUID) -> HttpResponse:
        return as_json(batch_document(services.cancel_batch(actor_in(request), batch_id)))


def _read(body: bytes, upload_format: str) -> Upload:
    return upload_from(
        body,
        upload_format,
        most_cases=settings.BATCH_MAX_CASES,
        today=datetime.now(UTC).date(),
    )


def _accepted(batch: Any, is_new: bool) -> HttpResponse:
    document = batch_document(batch)
    response = as_json(document)
    response.status_code = 202
    response["Location"] = document.self
    if not is_new:
        response["Idempotency-Replayed"] = "true"
    return response


def _page(batch_id: UUID, after: int) -> list[Any]:
    return selectors.batch_results(batch_id, after, PAGE)


async def _off_the_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is read and written in a database thread."""
    while (piece := await in_database(next, pieces, b"")) != b"":
        yield piece
