"""The pages: a new case, a session as it runs and when it is done, the list, the outcome."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, cast
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.request import Request
from rest_framework.views import APIView

from agents.errors import DecisionSupportError
from agents.types import Case, Consultation
from diagnosis import selectors, services
from diagnosis.api.throttles import GuessesByAddress, GuessesOfOneName
from diagnosis.errors import InvalidReport, NotStored, SignInRequired
from diagnosis.policies import (
    Actor,
    actor_of,
    can_consult,
    can_report_on_session,
    check_consult,
    check_read_knowledge,
    check_read_sessions,
)
from diagnosis.problems import KINDS, TOO_MANY_REQUESTS, Problem, Refusal, problem_of
from diagnosis.serializers import words
from diagnosis.serializers.answers import DISCLAIMER, events_path
from diagnosis.serializers.case_page import case_page
from diagnosis.serializers.forms import CaseForm, OutcomeForm
from diagnosis.serializers.presentation import red_flag_cards, result_page
from diagnosis.serializers.progress import progress_of
from diagnosis.serializers.replay_page import replay_page
from diagnosis.serializers.rows import session_rows

Page = Callable[..., HttpResponse]

SESSIONS_A_PAGE: Final = 25
SUGGESTIONS: Final = 8


def page(view: Page) -> Page:
    """Turns a domain error into a page that says it in plain words; patient text is not cached."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except SignInRequired:
            return redirect_to_login(request.get_full_path())
        except DecisionSupportError as error:
            return problem_page(request, error)

    return never_cache(answered)


def problem_page(request: HttpRequest, error: DecisionSupportError) -> HttpResponse:
    """The problem as a page; warnings of a consultation that could not be stored stand on it."""
    problem = problem_of(error)
    context: dict[str, Any] = {"problem": problem}
    if isinstance(error, NotStored) and error.consultation is not None:
        text = selectors.current_knowledge().text
        context["urgency"] = words.urgency_words(error.consultation.urgency)
        context["red_flags"] = red_flag_cards(error.consultation.red_flags, text)
    answer = render(request, "problem.html", context, status=problem.status)
    for name, value in problem.headers().items():
        answer[name] = value
    return answer


@page
@require_http_methods(["GET", "POST"])
def new_case(request: HttpRequest) -> HttpResponse:
    """The first page: a case goes in, and the reader is sent to its session."""
    actor = actor_of(request.user)
    check_consult(actor)
    form = CaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return redirect("session", session_id=_begun(request, actor, form.case))
    return render(
        request,
        "new_case.html",
        {"form": form, "entered": form.findings() if form.is_bound else []},
        status=400 if form.is_bound else 200,
    )


def _begun(request: HttpRequest, actor: Actor, case: Case) -> UUID:
    """The id of the session; it runs on while the reader watches.

    Under WSGI no event loop outlives the request, so there the session is done first.
    """
    if isinstance(request, ASGIRequest):
        return async_to_sync(services.start_session)(actor, case)
    return async_to_sync(services.consult)(actor, case).session_id


@page
@require_GET
def session_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """One session: live while it runs, the result when it is done."""
    return render(request, "session.html", _session_context(request, session_id))


@page
@require_GET
def session_result(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The part of the page that changes when the session is done, for HTMX."""
    return render(request, "session/body.html", _session_context(request, session_id))


def _session_context(request: HttpRequest, session_id: UUID) -> dict[str, Any]:
    actor = actor_of(request.user)
    # events first: read after the session, they could already hold its last one
    moments = selectors.events_after(actor, session_id, 0)
    session = selectors.session_for(actor, session_id)
    consultation = selectors.consultation_of(session)
    text = selectors.current_knowledge().text
    names = {key: entry.name for key, entry in text.findings.items()}
    return {
        "session": session,
        "status": words.SESSION_STATUSES[session.status],
        "progress": progress_of(moments),
        "events_path": events_path(session_id),
        "case": case_page(
            selectors.case_of(session), consultation, lambda key: names.get(key, key)
        ),
        "result": result_page(consultation, text, timezone.localdate()) if consultation else None,
        "outcomes": _outcomes(session, text),
        "outcome_form": _outcome_form(consultation),
        "can_report": consultation is not None and can_report_on_session(actor),
        "disclaimer": DISCLAIMER,
    }


def _outcomes(session: Any, text: Any) -> list[dict[str, Any]]:
    return [
        {
            "outcome": outcome,
            "name": text.conditions[outcome.condition].name
            if outcome.condition in text.conditions
            else words.plain(outcome.condition),
        }
        for outcome in selectors.outcomes_of(session)
    ]


def _outcome_form(consultation: Consultation | None, posted: Any = None) -> OutcomeForm:
    every = [(item.id, item.entry.name) for item in selectors.conditions()]
    ranked = consultation.differential.most_likely if consultation else ()
    likely = [(candidate.condition, candidate.name) for candidate in ranked]
    named = {key for key, _ in likely}
    others = sorted((row for row in every if row[0] not in named), key=lambda row: row[1].lower())
    return OutcomeForm(posted, likely=likely, others=others)


@page
@require_POST
def session_outcome(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Stores what it turned out to be and shows the session again."""
    actor = actor_of(request.user)
    session = selectors.session_for(actor, session_id)
    form = _outcome_form(selectors.consultation_of(session), request.POST)
    if form.is_valid():
        try:
            services.record_outcome(actor, session_id, form.report())
        except InvalidReport as error:
            form.refuse(error)
        else:
            messages.success(request, "The outcome was recorded.")
            return redirect(reverse("session", args=[session_id]) + "#outcome")
    context = _session_context(request, session_id) | {"outcome_form": form}
    return render(request, "session.html", context, status=400)


@page
@require_POST
def session_replay(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """What today's engine and knowledge would answer, against what was stored; for HTMX."""
    diff = async_to_sync(services.replay)(actor_of(request.user), session_id)
    return render(request, "session/replay.html", {"diff": replay_page(diff)})


@page
@require_GET
def session_list(request: HttpRequest) -> HttpResponse:
    """The sessions that the reader may see, newest first."""
    actor = actor_of(request.user)
    check_read_sessions(actor)
    before, after = (_identifier(request.GET.get(name, "")) for name in ("before", "after"))
    found = selectors.sessions_page(actor, SESSIONS_A_PAGE, before, after)
    return render(
        request,
        "session_list.html",
        {
            "rows": session_rows(found.rows),
            "has_newer": found.has_newer,
            "has_older": found.has_older,
            "can_consult": can_consult(actor),
            "shows_all": actor.is_staff,
        },
    )


def _identifier(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@page
@require_GET
def finding_suggestions(request: HttpRequest) -> HttpResponse:
    """Findings that fit what was typed, for the new-case form; for HTMX."""
    check_read_knowledge(actor_of(request.user))
    query = request.GET.get("q", "")[:100].strip()
    matches = selectors.findings_matching(query, SUGGESTIONS) if len(query) > 1 else []
    return render(request, "new_case/suggestions.html", {"matches": matches, "query": query})


@page
@require_GET
def finding_row(request: HttpRequest, finding_id: str) -> HttpResponse:
    """A row of the new-case form for one finding; for HTMX."""
    check_read_knowledge(actor_of(request.user))
    entry = selectors.current_knowledge().text.findings.get(finding_id)
    if entry is None:
        raise Http404
    row = {"id": finding_id, "name": entry.name, "presence": "present", "severity": ""}
    return render(request, "new_case/finding.html", {"row": row})


class SignIn(LoginView):
    """The sign-in page; how often it can be tried is bounded."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = cast(Request, request)
        tries = (GuessesByAddress(), GuessesOfOneName())
        if not all(throttle.allow_request(asked, APIView()) for throttle in tries):
            return problem_page(request, Refusal(Problem(TOO_MANY_REQUESTS)))
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


@require_GET
def about(request: HttpRequest) -> HttpResponse:
    """Intended use and limits."""
    knowledge = selectors.current_knowledge()
    return render(
        request,
        "about.html",
        {
            "release": knowledge.hash,
            "conditions": len(knowledge.text.conditions),
            "findings": len(knowledge.text.findings),
            "red_flags": len(knowledge.text.red_flags),
            "guidelines": len(knowledge.text.guidelines),
        },
    )


@require_GET
def problem_kind(request: HttpRequest, slug: str) -> HttpResponse:
    """What a problem document's ``type`` points to."""
    for kind in KINDS:
        if kind.slug == slug:
            return render(request, "problem_kind.html", {"kind": kind})
    raise Http404
