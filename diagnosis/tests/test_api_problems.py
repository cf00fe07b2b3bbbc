"""The one table of errors: every error has a row, every row is complete, nothing leaks."""

from collections.abc import Iterator

import msgspec
import pytest
from django.db import OperationalError

from agents import errors as agent_errors
from agents.errors import DecisionSupportError, InvalidCase, InvalidKnowledge
from agents.types import (
    AgentName,
    Consultation,
    Differential,
    Reading,
    RedFlag,
    Urgency,
    UrgencyReason,
    Versions,
)
from diagnosis import errors as diagnosis_errors
from diagnosis.errors import InvalidReport, NotAllowed, NotStored, Overloaded, SignInRequired
from diagnosis.problems import KINDS, UNEXPECTED, Problem, kind_of, kind_of_status, problem_of


def domain_errors() -> Iterator[type[Exception]]:
    for module in (agent_errors, diagnosis_errors):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, DecisionSupportError):
                yield value


def test_every_domain_error_has_a_row() -> None:
    without = {
        error.__name__
        for error in domain_errors()
        if error is not DecisionSupportError and kind_of(error.__new__(error)) is UNEXPECTED
    }
    assert without == set()


def test_slugs_are_unique_and_every_row_speaks() -> None:
    assert len({kind.slug for kind in KINDS}) == len(KINDS)
    for kind in KINDS:
        assert 400 <= kind.status < 600
        assert kind.close_code in range(1000, 1016) or kind.close_code in range(4000, 5000)
        assert kind.page.endswith(".")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidCase("age_years", "must lie between 0 and 120."), 400),
        (InvalidReport("icd10", "is no code."), 400),
        (SignInRequired("Sign in first."), 401),
        (NotAllowed("Only clinicians may."), 403),
        (Overloaded(7), 503),
        (InvalidKnowledge(["a.toml: broken"]), 503),
        (OperationalError("the connection is closed"), 503),
        (RuntimeError("the note says ..."), 500),
    ],
)
def test_statuses(error: Exception, status: int) -> None:
    assert problem_of(error).status == status


def test_the_document_has_the_members_of_rfc_9457() -> None:
    document = problem_of(InvalidCase("vitals.spo2", "must lie between 0 and 100.")).document(
        "/api/x"
    )
    assert document == {
        "type": "/problems/invalid-case/",
        "title": "The case breaks a rule",
        "status": 400,
        "detail": "vitals.spo2: must lie between 0 and 100.",
        "instance": "/api/x",
        "errors": [{"field": "vitals.spo2", "reason": "must lie between 0 and 100."}],
    }


def test_an_unexpected_error_says_nothing_of_itself() -> None:
    said = problem_of(RuntimeError("Failing row contains (crushing chest pain)")).encoded()
    assert b"chest" not in said


def test_knowledge_faults_stay_inside() -> None:
    assert b"broken" not in problem_of(InvalidKnowledge(["conditions/a.toml: broken"])).encoded()


def test_overload_says_when_to_come_back() -> None:
    assert problem_of(Overloaded(7)).headers() == {"Retry-After": "7"}


def test_signing_in_is_challenged() -> None:
    assert problem_of(SignInRequired("x")).headers() == {"WWW-Authenticate": "Token"}


def test_a_consultation_that_was_not_stored_still_warns() -> None:
    flag = RedFlag("thunderclap", "Thunderclap headache", Urgency.EMERGENCY, "May be a bleed.", "s")
    consultation = Consultation(
        urgency=Urgency.EMERGENCY,
        urgency_reasons=(
            UrgencyReason(Urgency.EMERGENCY, "May be a bleed.", "red_flag:thunderclap"),
        ),
        reading=Reading(),
        differential=Differential(),
        red_flags=(flag,),
        scores=(),
        recommendations=(),
        questions=(),
        opinions=(),
        missing_agents=(AgentName.MATCHER,),
        complete=False,
        versions=Versions("1", "k"),
    )
    document = msgspec.json.decode(problem_of(NotStored(consultation)).encoded())
    assert document["status"] == 503
    assert document["urgency"] == "emergency"
    assert [f["rule"] for f in document["red_flags"]] == ["thunderclap"]


def test_a_session_that_never_began_has_nothing_to_warn_of() -> None:
    assert problem_of(NotStored()).warnings == {}


@pytest.mark.parametrize(
    ("status", "slug"),
    [
        (404, "not-found"),
        (405, "method-not-allowed"),
        (418, "invalid-request"),
        (502, "unexpected"),
    ],
)
def test_what_a_framework_chose(status: int, slug: str) -> None:
    assert kind_of_status(status).slug == slug


def test_own_detail_wins_over_the_general_sentence() -> None:
    assert Problem(UNEXPECTED, "Specific.").document()["detail"] == "Specific."
    assert Problem(UNEXPECTED).document()["detail"] == UNEXPECTED.page
