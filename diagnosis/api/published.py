"""Conditions, findings, guidelines and red flags: what is published, to read."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from agents.knowledge.base import FindingMatch
from agents.knowledge.schema import FindingEntry
from diagnosis import selectors
from diagnosis.api.permissions import ReadsKnowledge
from diagnosis.api.schema import page_schema, problem_answers, query_parameters, ref
from diagnosis.errors import NotFound
from diagnosis.serializers import rows
from diagnosis.values import PublishedFinding

T = TypeVar("T")


class NumberedPages(BasePagination):
    """Says in the schema what ``page_of`` gives."""

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        page = page_schema(schema["items"])
        page["properties"]["count"] = {"type": "integer", "minimum": 0}
        page["required"].append("count")
        return page


class PublishedViewSet(ViewSet):
    """Reads what the agents use; nothing here is written over REST."""

    pagination_class = NumberedPages
    permission_classes = [ReadsKnowledge]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Says how long the answer may be kept; a copy that is still right is answered 304."""
        response = super().dispatch(request, *args, **kwargs)
        return kept_for_a_while(request, response)


class ConditionViewSet(PublishedViewSet):
    @extend_schema(
        summary="List conditions",
        parameters=query_parameters(rows.ConditionQuery),
        responses={200: ref(rows.ConditionRow), **problem_answers(400, 401)},
    )
    def list(self, request: Request) -> HttpResponse:
        query = rows.query_from(request.query_params, rows.ConditionQuery)
        fitting = rows.conditions_asked(selectors.conditions(), query)
        return page_of(request, query, fitting, rows.condition_row)

    @extend_schema(
        summary="One condition with its findings and their likelihoods",
        responses={200: ref(rows.ConditionDetail), **problem_answers(401, 404)},
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        item = named(pk, selectors.conditions())
        return as_json(rows.ConditionDetail(item.id, item.system, item.entry))


class FindingViewSet(PublishedViewSet):
    @extend_schema(
        summary="List findings, or search them for autocomplete with search",
        parameters=query_parameters(rows.FindingQuery),
        responses={200: ref(rows.FindingRow), **problem_answers(400, 401)},
    )
    def list(self, request: Request) -> HttpResponse:
        query = rows.query_from(request.query_params, rows.FindingQuery)
        if query.search:
            return page_of(request, query, _matches(query), _match_row)
        return page_of(request, query, rows.findings_asked(selectors.findings(), query), _row)

    @extend_schema(
        summary="One finding with its synonyms",
        responses={200: ref(FindingEntry), **problem_answers(401, 404)},
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        return as_json(named(pk, selectors.findings()).entry)


class GuidelineViewSet(PublishedViewSet):
    @extend_schema(
        summary="List guidelines",
        parameters=query_parameters(rows.GuidelineQuery),
        responses={200: ref(rows.GuidelineRow), **problem_answers(400, 401)},
    )
    def list(self, request: Request) -> HttpResponse:
        query = rows.query_from(request.query_params, rows.GuidelineQuery)
        fitting = rows.guidelines_asked(selectors.guidelines(), query)
        return page_of(request, query, fitting, rows.guideline_row)

    @extend_schema(
        summary="One guideline with its recommendations and the history of its versions",
        responses={200: ref(rows.GuidelineDetail), **problem_answers(401, 404)},
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        item = named(pk, selectors.guidelines())
        return as_json(rows.GuidelineDetail(item.id, item.overdue, item.entry, item.history))


class RedFlagViewSet(PublishedViewSet):
    @extend_schema(
        summary="List red flags",
        parameters=query_parameters(rows.RedFlagQuery),
        responses={200: ref(rows.RedFlagRow), **problem_answers(400, 401)},
    )
    def list(self, request: Request) -> HttpResponse:
        query = rows.query_from(request.query_params, rows.RedFlagQuery)
        fitting = rows.red_flags_asked(selectors.red_flags(), query)
        return page_of(request, query, fitting, lambda item: rows.RedFlagRow(item.id, item.entry))

    @extend_schema(
        summary="One red flag with the findings that make it fire",
        responses={200: ref(rows.RedFlagRow), **problem_answers(401, 404)},
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponse:
        item = named(pk, selectors.red_flags())
        return as_json(rows.RedFlagRow(item.id, item.entry))


KEPT_S: Final = 60


def kept_for_a_while(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The same for everybody may be kept by a CDN; what a clinician searched for by nobody."""
    if response.status_code != 200 or not isinstance(response, HttpResponse):
        return response
    if "search" in request.GET:
        response["Cache-Control"] = "no-store"
        return response
    whose = "public" if settings.OPEN_ANALYZE else "private"
    response["Cache-Control"] = f"{whose}, max-age={KEPT_S}"
    patch_vary_headers(response, ["Authorization"])
    digest = hashlib.blake2b(response.content, digest_size=12).hexdigest()
    response["ETag"] = f'W/"{digest}"'
    return get_conditional_response(request, response["ETag"], response=response) or response


_MOST_MATCHES = 200


def _matches(query: rows.FindingQuery) -> list[FindingMatch]:
    found = selectors.findings_matching(query.search, _MOST_MATCHES)
    return [match for match in found if query.kind in (None, match.kind)]


def _match_row(match: FindingMatch) -> rows.FindingRow:
    return msgspec.convert(match, rows.FindingRow, from_attributes=True)


def _row(item: PublishedFinding) -> rows.FindingRow:
    return rows.FindingRow(id=item.id, name=item.entry.name, kind=item.entry.kind)


def as_json(value: Any) -> HttpResponse:
    """A typed value, encoded by its own types: no renderer has to know them."""
    return HttpResponse(msgspec.json.encode(value), content_type="application/json")


def named(pk: str, items: Sequence[Any]) -> Any:
    """The item with this id. Raises NotFound."""
    for item in items:
        if item.id == pk:
            return item
    raise NotFound("There is no entry with this id.")


def page_of(
    request: Request, query: rows.Page, items: Sequence[T], row: Callable[[T], Any]
) -> HttpResponse:
    """The page that the query asks for, with the addresses of its neighbours."""
    start = (query.page - 1) * query.page_size
    more = start + query.page_size < len(items)
    return as_json(
        rows.Listing(
            count=len(items),
            next=_address(request, query.page + 1) if more else None,
            previous=_address(request, query.page - 1) if query.page > 1 else None,
            results=[row(item) for item in items[start : start + query.page_size]],
        )
    )


def _address(request: Request, page: int) -> str:
    parameters = request.query_params.copy()
    parameters["page"] = str(page)
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")
