"""Consultations over REST for browsers, and everything about sessions that are stored."""

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters
import msgspec
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.filters import OrderingFilter
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from agents.types import Urgency
from diagnosis import selectors, services
from diagnosis.api import consultations
from diagnosis.api.consultations import Asked
from diagnosis.api.hot import as_http, asked_in
from diagnosis.api.published import as_json
from diagnosis.api.schema import (
    CASE_EXAMPLES,
    IDEMPOTENCY_KEY,
    PREFER,
    body_of,
    list_of,
    page_schema,
    problem_answers,
    ref,
)
from diagnosis.policies import Actor, actor_of
from diagnosis.serializers.answers import (
    Accepted,
    Envelope,
    Recorded,
    SessionDocument,
    recorded_answer,
    session_document,
)
from diagnosis.serializers.requests import CaseBody, decoded, sequence_number
from diagnosis.serializers.rows import SessionRow, session_row
from diagnosis.services import Claim
from diagnosis.threads import in_database
from diagnosis.values import (
    FeedbackReport,
    OutcomeReport,
    ReplayDiff,
    SessionMoment,
    StoredAnswer,
)


@method_decorator(never_cache, name="dispatch")
class AnalyzeView(APIView):
    """The same as the lean entry answers, for callers that come with a session cookie."""

    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="symptoms_analyze",
        summary="Analyse a case and answer with the whole, stored consultation",
        tags=["consultation"],
        parameters=[IDEMPOTENCY_KEY],
        request=body_of(CaseBody),
        examples=CASE_EXAMPLES,
        responses={
            200: ref(Envelope),
            **problem_answers(400, 401, 403, 409, 413, 415, 422, 503),
        },
    )
    def post(self, request: Request) -> HttpResponse:
        return as_http(async_to_sync(consultations.analyze)(asked_in(request, actor_in(request))))


class SessionFilter(FilterSet):
    status = django_filters.ChoiceFilter(
        choices=[(s, s) for s in ("running", "complete", "partial", "failed", "interrupted")]
    )
    urgency = django_filters.ChoiceFilter(choices=[(u.value, u.value) for u in Urgency])
    leading_condition = django_filters.CharFilter(max_length=80)
    created_after = django_filters.IsoDateTimeFilter(method="filter_after")
    created_before = django_filters.IsoDateTimeFilter(method="filter_before")

    def filter_after(self, sessions: Any, name: str, moment: datetime) -> Any:
        return selectors.sessions_between(sessions, moment, None)

    def filter_before(self, sessions: Any, name: str, moment: datetime) -> Any:
        return selectors.sessions_between(sessions, None, moment)


class NewestFirst(CursorPagination):
    """Ids are UUIDv7: their order is the order of time, and a cursor needs no count."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        """First among the latest; where they do not fill the page and one row more, among all."""
        cursor = self.decode_cursor(request)
        newest_first = self.get_ordering(request, queryset, view) == ("-id",)
        if newest_first and not (cursor and (cursor.reverse or cursor.offset)):
            before = UUID(str(cursor.position)) if cursor and cursor.position else None
            latest = selectors.latest_before(queryset, before)
            page = super().paginate_queryset(latest, request, view)
            if self.has_next:
                return page
        return super().paginate_queryset(queryset, request, view)

    def decode_cursor(self, request: Request) -> Any:
        cursor = super().decode_cursor(request)
        try:
            # a cursor can be made up by anybody
            if cursor and cursor.position:
                UUID(str(cursor.position))
        except ValueError:
            raise NotFound(self.invalid_cursor_message) from None
        return cursor

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return page_schema(schema["items"])


@method_decorator(never_cache, name="dispatch")
class SessionViewSet(GenericViewSet):
    """Stored consultations, as far as the caller may see them."""

    lookup_value_converter = "uuid"
    lookup_url_kwarg = "session_id"
    pagination_class = NewestFirst
    filter_backends = [DjangoFilterBackend, OrderingFilter]
    filterset_class = SessionFilter
    ordering_fields = ["id"]
    permission_classes = [AllowAny]

    def get_permissions(self) -> list[Any]:
        """A list needs somebody; one session is seen by whoever the selectors let see it."""
        return [IsAuthenticated() if self.action == "list" else AllowAny()]

    def get_queryset(self) -> Any:
        if getattr(self, "swagger_fake_view", False):
            return selectors.sessions_for(Actor.anonymous())
        return selectors.sessions_for(actor_in(self.request))

    @extend_schema(
        summary="List the sessions that you may see, newest first",
        tags=["sessions"],
        responses={200: ref(SessionRow), **problem_answers(400, 401, 404)},
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = [msgspec.to_builtins(session_row(session)) for session in page or ()]
        return self.get_paginated_response(rows)

    @extend_schema(
        summary="Start a session: answered when done, or at once with Prefer: respond-async",
        tags=["sessions"],
        parameters=[IDEMPOTENCY_KEY, PREFER],
        request=body_of(CaseBody),
        examples=CASE_EXAMPLES,
        responses={
            201: ref(Envelope),
            202: ref(Accepted),
            **problem_answers(400, 401, 403, 409, 413, 415, 422, 503),
        },
    )
    def create(self, request: Request) -> HttpResponse:
        asked = asked_in(request, actor_in(request))
        return as_http(async_to_sync(consultations.create_session)(asked))

    @extend_schema(
        summary="One session with its case and its consultation",
        tags=["sessions"],
        responses={200: ref(SessionDocument), **problem_answers(401, 404)},
    )
    def retrieve(self, request: Request, session_id: UUID) -> HttpResponse:
        session = selectors.session_for(actor_in(request), session_id)
        document = session_document(
            session,
            selectors.consultation_of(session),
            selectors.outcomes_of(session),
            selectors.current_knowledge().text.sources,
        )
        return as_json(document)

    @extend_schema(
        summary="What happened in a session, in order",
        tags=["sessions"],
        parameters=[OpenApiParameter("after", OpenApiTypes.INT, description="Last seq seen.")],
        responses={200: list_of(SessionMoment), **problem_answers(400, 401, 404)},
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def events(self, request: Request, session_id: UUID) -> HttpResponse:
        after = sequence_number(request.query_params.get("after", "0"))
        return as_json(selectors.events_after(actor_in(request), session_id, after))

    @extend_schema(
        summary="Answer the stored case again with today's knowledge and show what changed",
        tags=["sessions"],
        request=None,
        responses={200: ref(ReplayDiff), **problem_answers(401, 403, 404, 409, 503)},
    )
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, session_id: UUID) -> HttpResponse:
        return as_json(async_to_sync(services.replay)(actor_in(request), session_id))

    @extend_schema(
        summary="Record what it turned out to be",
        tags=["sessions"],
        parameters=[IDEMPOTENCY_KEY],
        request=body_of(OutcomeReport),
        responses={201: ref(Recorded), **problem_answers(400, 401, 403, 404, 409, 413, 415, 422)},
    )
    @action(detail=True, methods=["post"])
    def outcome(self, request: Request, session_id: UUID) -> HttpResponse:
        return _reported(request, session_id, OutcomeReport, services.record_outcome)

    @extend_schema(
        summary="Say whether the answer was of use",
        tags=["sessions"],
        parameters=[IDEMPOTENCY_KEY],
        request=body_of(FeedbackReport),
        responses={201: ref(Recorded), **problem_answers(400, 401, 403, 404, 409, 413, 415, 422)},
    )
    @action(detail=True, methods=["post"])
    def feedback(self, request: Request, session_id: UUID) -> HttpResponse:
        return _reported(request, session_id, FeedbackReport, services.record_feedback)


def actor_in(request: Request) -> Actor:
    """Who asks, by token or by session."""
    return actor_of(request.user)


def _reported(request: Request, session_id: UUID, wanted: type[Any], record: Any) -> HttpResponse:
    """Stores a report on a session once for each Idempotency-Key."""

    async def stored(asked: Asked, claim: Claim | None) -> StoredAnswer:
        report = decoded(asked.body, wanted)

        def keep(report_id: int) -> None:
            if claim is not None:
                claim.keep(recorded_answer(report_id))

        number = await in_database(record, asked.actor, session_id, report, step=keep)
        return recorded_answer(number)

    asked = asked_in(request, actor_in(request))
    return as_http(async_to_sync(consultations.once)(asked, stored))
