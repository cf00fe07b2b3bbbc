"""The pages over plain HTTP: what they show, what they refuse, who may see them."""

import json
import re
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client, override_settings
from django.urls import reverse

from agents.types import AgentName, Case, Differential, Note, Presence, Sex, Urgency
from diagnosis import services
from diagnosis.errors import NotStored
from diagnosis.models import DiagnosisSession, Outcome, SessionEvent
from diagnosis.policies import Actor, actor_of
from diagnosis.problems import KINDS
from diagnosis.selectors import case_of
from diagnosis.tests.samples import FULL, PARTIAL

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("tiny_knowledge")]

NOTE = "Fever and a cough. No rash."


def consulted(actor: Actor, text: str = NOTE) -> UUID:
    return async_to_sync(services.consult)(
        actor, Case(note=Note(text=text), age_years=40)
    ).session_id


def page_of(client: Client, session_id: UUID, **columns: Any) -> str:
    """The session's page, after these columns were changed in its row."""
    if columns:
        DiagnosisSession.objects.filter(id=session_id).update(**columns)
    answer = client.get(f"/sessions/{session_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def words_of(html: str) -> str:
    """What a reader sees, with single spaces."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.fixture
def doctor(client: Client, clinician: User) -> Client:
    client.force_login(clinician)
    return client


@pytest.fixture
def mine(actor: Actor) -> UUID:
    return consulted(actor)


# --- a new case -----------------------------------------------------------------------------------


def test_a_case_goes_in_and_the_reader_is_sent_to_its_session(
    doctor: Client, clinician: User
) -> None:
    answer = doctor.post(
        "/",
        {
            "text": NOTE,
            "family_history": "Father: heart attack.",
            "age": "101",
            "age_unit": "months",
            "sex": "female",
            "pregnant": "unknown",
            "setting": "emergency",
            "temperature": "101.3",
            "temperature_unit": "F",
            "heart_rate": "110",
            "on_oxygen": "no",
            "gcs": "15",
            "finding": ["chills", "rash"],
            "finding_name": ["Chills", "Rash"],
            "finding_presence": ["present", "absent"],
            "finding_severity": ["severe", ""],
        },
    )
    session = DiagnosisSession.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/sessions/{session.id}/")
    assert session.clinician_id == clinician.pk
    case = case_of(session)
    assert case.note == Note(text=NOTE, family_history="Father: heart attack.")
    assert case.age_years == pytest.approx(101 / 12)
    assert (case.sex, case.setting) == (Sex.FEMALE, "emergency")
    assert case.vitals.temperature == pytest.approx(38.5)
    assert (case.vitals.heart_rate, case.vitals.on_oxygen, case.vitals.gcs) == (110, False, 15)
    assert [(f.name, f.presence, f.severity) for f in case.findings] == [
        ("chills", Presence.PRESENT, "severe"),
        ("rash", Presence.ABSENT, None),
    ]


async def test_on_an_event_loop_the_session_runs_on_after_the_answer(
    clinician: User, async_client: AsyncClient
) -> None:
    await async_client.aforce_login(clinician)
    answer = await async_client.post("/", {"text": NOTE})
    assert answer.status_code == 302
    await services.shutdown()
    session = await DiagnosisSession.objects.aget()
    assert (session.status, session.clinician_id) == ("complete", clinician.pk)


@pytest.mark.parametrize(
    ("entered", "field", "said"),
    [
        ({}, None, "Is empty"),
        ({"text": "..."}, "text", "Holds no letters or digits"),
        ({"text": "a\0b"}, "text", "Null characters are not allowed"),
        ({"text": "x" * 20_001}, "text", "at most 20000 characters"),
        ({"text": NOTE, "age": "200"}, "age", "Must lie between 0 and 120"),
        ({"text": NOTE, "age": "abc"}, "age", "Enter a number"),
        ({"text": NOTE, "age": "nan"}, "age", "Enter a number"),
        ({"text": NOTE, "temperature": "999"}, "temperature", "Must lie between 20 and 46"),
        ({"text": NOTE, "gcs": "14.5"}, "gcs", "Must be a whole number"),
        ({"text": NOTE, "sex": "male", "pregnant": "present"}, "pregnant", "Does not go with sex"),
        ({"text": NOTE, "sex": "both"}, "sex", "Select a valid choice"),
        ({"text": NOTE, "setting": "moon"}, "setting", "Select a valid choice"),
        (
            {
                "finding": "fever",
                "finding_name": "Fever",
                "finding_presence": "maybe",
                "finding_severity": "",
            },
            None,
            "Has a value that the form does not offer",
        ),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_stored(
    doctor: Client, entered: dict[str, str], field: str | None, said: str
) -> None:
    answer = doctor.post("/", entered)
    assert answer.status_code == 400
    form = answer.context["form"]
    assert said in str(form.errors[field or "__all__"])
    assert said in answer.content.decode()
    assert "nothing was stored" in answer.content.decode()
    assert not DiagnosisSession.objects.exists()


def test_a_refused_form_keeps_what_was_entered(doctor: Client) -> None:
    html = doctor.post(
        "/",
        {
            "text": "A long note <script>alert(1)</script>",
            "history": "by sections",
            "age": "500",
            "finding": ["fever"],
            "finding_name": ["Fever"],
            "finding_presence": ["absent"],
            "finding_severity": [""],
        },
    ).content.decode()
    assert "A long note &lt;script&gt;" in html
    assert '<details class="mt-3" open>' in html
    assert 'name="finding" value="fever"' in html
    assert '<option value="absent" selected>' in html


def test_more_findings_than_a_case_holds_are_refused(doctor: Client) -> None:
    rows = ["fever"] * 150
    posted = dict.fromkeys(("finding", "finding_name"), rows)
    answer = doctor.post(
        "/", {**posted, "finding_presence": ["present"] * 150, "finding_severity": [""] * 150}
    )
    assert answer.status_code == 400


@override_settings(OPEN_ANALYZE=False)
def test_where_analysis_is_closed_a_new_case_needs_a_clinician(
    client: Client, clinician: User
) -> None:
    assert client.get("/")["Location"] == "/sign-in/?next=/"
    assert client.post("/", {"text": NOTE})["Location"] == "/sign-in/?next=/"
    User.objects.create_user("clerk", password="x")
    client.login(username="clerk", password="x")
    refused = client.get("/")
    assert refused.status_code == 403
    assert "Only clinicians may have a case analysed" in words_of(refused.content.decode())


def test_a_form_from_elsewhere_is_refused(clinician: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(clinician)
    answer = strict.post("/", {"text": NOTE})
    assert answer.status_code == 403
    assert "The page was open too long" in answer.content.decode()
    assert not DiagnosisSession.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert getattr(client, method)("/").status_code == 405


def test_warnings_are_shown_where_nothing_could_be_stored(
    doctor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_stored(*args: Any, **kwargs: Any) -> Any:
        raise NotStored(FULL)

    monkeypatch.setattr(services, "consult", not_stored)
    answer = doctor.post("/", {"text": NOTE})
    said = words_of(answer.content.decode())
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "Emergency" in said
    assert "Kills within hours." in said
    assert "could not be stored" in said


# --- searching for findings -----------------------------------------------------------------------


def test_suggestions(client: Client) -> None:
    html = client.get("/findings/?q=coug").content.decode()
    assert 'hx-get="/findings/cough/row/"' in html
    assert client.get("/findings/?q=c").content.strip() == b""
    assert "No finding fits" in client.get("/findings/?q=xyzzyx").content.decode()
    assert "&lt;b&gt;" in client.get("/findings/?q=<b>").content.decode()


@pytest.mark.parametrize("query", ["%00", "%ED%A0%80%ED%A0%80", "x" * 5000, "💉💉", "((("])
def test_suggestions_for_anything(client: Client, query: str) -> None:
    assert client.get(f"/findings/?q={query}").status_code == 200


def test_a_row_for_a_finding(client: Client) -> None:
    html = client.get("/findings/dry_cough/row/").content.decode()
    assert 'name="finding" value="dry_cough"' in html
    assert "Dry cough" in html
    assert client.get("/findings/nothing/row/").status_code == 404


@override_settings(OPEN_ANALYZE=False)
def test_findings_are_for_people_with_an_account(client: Client) -> None:
    assert client.get("/findings/?q=cough").status_code == 302


# --- the result -----------------------------------------------------------------------------------


def test_the_result_of_a_real_consultation(doctor: Client, mine: UUID) -> None:
    said = words_of(page_of(doctor, mine))
    for expected in (
        "Most likely",
        "Don't miss",
        "Flu",
        "Pneumonia",
        "For",
        "Not asked",
        "Ask next",
    ):
        assert expected in said
    assert "40 years old" in said
    assert str(mine) in said


@pytest.fixture
def full(doctor: Client, mine: UUID) -> str:
    """A page on which every part of an answer occurs."""
    return page_of(
        doctor,
        mine,
        consultation=msgspec.json.encode(FULL).decode(),
        case=msgspec.json.encode(Case(note=Note(text="Fever, no cough. Father: rash."))).decode(),
    )


@pytest.mark.parametrize(
    "expected",
    [
        "Emergency Needs emergency care now.",
        "Red flag Sepsis. Sepsis is possible.",
        "Less urgent reasons (1)",
        "Probability 62 %",
        "7 % remains for other conditions",
        "A journal 2020",
        "Estimate",
        "First tests Chest radiograph",
        "Exclude first Ectopic pregnancy",
        "Because of fever. Think of Pneumonia.",
        "CURB-65 2 Consider admission",
        "Missing: Oxygen saturation, Supplemental oxygen",
        "Any shivering? If yes Pneumonia leads at 80 % If no Flu leads at 51 %",
        "Contraindicated for this patient: Penicillin allergy is stated.",
        "Strong recommendation High certainty",
        "review was due 2020-01-01",
        "review due 2099-01-01",
        "Fever is both stated and denied.",
        "Not recognised and therefore not used: zorbitis",
        "Draft content, not reviewed by a clinician",
        "Engine 9.9",
        "Knowledge abcdef012345",
        "Pneumonia care version 2024",
        "Before any finding: <1 %",
        "ICD-10 J18",
        "in the family",
    ],
)
def test_every_part_of_an_answer_is_shown(full: str, expected: str) -> None:
    said = words_of(full).replace("&lt;", "<").replace("&#x27;", "'")
    assert expected in said


def test_sources_are_links(full: str) -> None:
    assert 'href="https://example.org/p"' in full
    assert all("noopener" in link for link in re.findall(r"<a [^>]*target=[^>]*>", full))


def test_the_urgency_is_said_by_an_icon_and_words_not_by_colour_alone(full: str) -> None:
    banner = full[full.index('class="urgency urgency-emergency"') :][:900]
    assert "<svg" in banner
    assert "Emergency" in banner


def test_what_was_read_is_marked_in_the_note(full: str) -> None:
    assert '<mark class="read-present" title="Fever: present">Fever</mark>' in full
    assert '<mark class="read-absent" title="Cough: absent">cough</mark>' in full


def test_a_complete_answer_is_not_called_partial(full: str) -> None:
    assert "Partial answer" not in full


def test_a_partial_answer_names_who_is_missing_before_anything_else(
    doctor: Client, mine: UUID
) -> None:
    html = page_of(
        doctor, mine, status="partial", consultation=msgspec.json.encode(PARTIAL).decode()
    )
    said = words_of(html)
    assert "Partial answer: 1 of 4 agents did not answer" in said
    assert "Treatment retriever : It did not answer by its deadline." in said
    assert "There are no guideline recommendations." in said
    assert html.index("Partial answer") < html.index("urgency-title")


def test_a_list_that_nobody_made_is_not_shown_as_an_empty_one(doctor: Client, mine: UUID) -> None:
    agents = (AgentName.MATCHER, AgentName.DETECTOR, AgentName.RETRIEVER)
    missing = msgspec.structs.replace(
        PARTIAL,
        missing_agents=agents,
        red_flags=(),
        differential=Differential(enough=False, reason="There is no ranking."),
    )
    said = words_of(page_of(doctor, mine, consultation=msgspec.json.encode(missing).decode()))
    assert "Not determined: the condition matcher did not answer. Think of dangerous" in said
    assert "Look for red flags yourself." in said
    assert "Not determined: the treatment retriever did not answer." in said
    assert "None of the dangerous conditions" not in said
    assert "does not say enough" not in said


def test_a_case_that_says_too_little(doctor: Client, mine: UUID) -> None:
    empty = msgspec.structs.replace(
        FULL,
        urgency=None,
        urgency_reasons=(),
        red_flags=(),
        differential=msgspec.structs.replace(
            FULL.differential,
            most_likely=(),
            dont_miss=(),
            enough=False,
            reason="Only one finding.",
        ),
    )
    said = words_of(page_of(doctor, mine, consultation=msgspec.json.encode(empty).decode()))
    assert "does not say enough to rank conditions. Only one finding." in said
    assert "Urgency not determined" in said
    assert "That does not exclude them." in said


@pytest.mark.parametrize("urgency", list(Urgency))
def test_every_urgency_has_its_words(doctor: Client, mine: UUID, urgency: Urgency) -> None:
    changed = msgspec.structs.replace(FULL, urgency=urgency)
    html = page_of(doctor, mine, consultation=msgspec.json.encode(changed).decode())
    assert f"urgency-{urgency.value.replace('_', '-')}" in html


def test_patient_text_is_escaped(doctor: Client, actor: Actor) -> None:
    html = page_of(doctor, consulted(actor, "<img src=x onerror=alert(1)> fever and a cough"))
    assert "<img" not in html
    assert "&lt;img src=x" in html


def test_a_running_session_shows_its_agents_and_alarms(doctor: Client, actor: Actor) -> None:
    session_id = consulted(actor, "Fever and neck stiffness.")
    SessionEvent.objects.filter(kind="diagnosis_complete").delete()
    html = page_of(doctor, session_id, status="running", consultation="")
    said = words_of(html)
    assert "Four agents are working on the case" in said
    assert "Emergency Found while the analysis is still running: Meningism" in said
    assert 'data-state="running"' in html
    assert f'data-events="/ws/sessions/{session_id}/"' in html
    last = SessionEvent.objects.filter(session_id=session_id).count()
    assert f'data-after="{last}"' in html


def test_a_session_that_was_interrupted_says_so(doctor: Client, mine: UUID) -> None:
    said = words_of(page_of(doctor, mine, status="interrupted", consultation=""))
    assert "This session was interrupted and has no result." in said
    assert "that does not exclude an emergency" in said


def test_the_part_that_changes_is_given_alone(doctor: Client, mine: UUID) -> None:
    html = doctor.get(f"/sessions/{mine}/result/").content.decode()
    assert html.strip().startswith('<div id="session-body" data-state="complete"')
    assert "<html" not in html


def test_pages_with_patient_text_are_not_cached(doctor: Client, mine: UUID) -> None:
    assert "no-store" in doctor.get(f"/sessions/{mine}/")["Cache-Control"]


def test_another_clinicians_session_is_not_there(doctor: Client, other_clinician: User) -> None:
    theirs = consulted(actor_of(other_clinician))
    for path in ("", "result/"):
        assert doctor.get(f"/sessions/{theirs}/{path}").status_code == 404
    for path in ("replay/", "outcome/"):
        assert doctor.post(f"/sessions/{theirs}/{path}", {"condition": "flu"}).status_code == 404


# --- replay, outcome, list ------------------------------------------------------------------------


def test_a_replay_is_shown_beside_the_stored_answer(doctor: Client, mine: UUID) -> None:
    html = doctor.post(f"/sessions/{mine}/replay/").content.decode()
    assert "Nothing changed." in html


def test_a_replay_of_another_answer_shows_what_changed(doctor: Client, mine: UUID) -> None:
    DiagnosisSession.objects.filter(id=mine).update(consultation=msgspec.json.encode(FULL).decode())
    said = words_of(doctor.post(f"/sessions/{mine}/replay/").content.decode())
    assert "What is different today" in said
    assert "Emergency →" in said
    assert "Red flags that no longer fire: Sepsis." in said


def test_an_outcome_is_recorded_and_shown(doctor: Client, mine: UUID) -> None:
    posted = {"condition": "pneumonia", "icd10": "", "override_reason": "X-ray", "note": ""}
    answer = doctor.post(f"/sessions/{mine}/outcome/", posted)
    assert (answer.status_code, answer["Location"]) == (302, f"/sessions/{mine}/#outcome")
    assert Outcome.objects.get().condition == "pneumonia"
    said = words_of(page_of(doctor, mine))
    assert "The outcome was recorded." in said
    assert "Went against the leading condition: X-ray" in said


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({}, None),
        ({"condition": "no_such"}, "condition"),
        ({"icd10": "flu"}, "icd10"),
        ({"icd10": "A00.12345"}, "icd10"),
    ],
)
def test_an_outcome_that_breaks_a_rule_is_said_at_its_field(
    doctor: Client, mine: UUID, posted: dict[str, str], field: str | None
) -> None:
    answer = doctor.post(f"/sessions/{mine}/outcome/", posted)
    assert answer.status_code == 400
    assert field is None or field in answer.context["outcome_form"].errors
    assert answer.context["outcome_form"].errors
    assert not Outcome.objects.exists()


def test_the_list_of_sessions(doctor: Client, mine: UUID, other_clinician: User) -> None:
    theirs = consulted(actor_of(other_clinician))
    html = doctor.get("/sessions/").content.decode()
    assert f'href="/sessions/{mine}/"' in html
    assert str(theirs) not in html
    assert "Flu" in html


def test_staff_see_whose_a_session_is(client: Client, administrator: User, mine: UUID) -> None:
    client.force_login(administrator)
    assert "All sessions" in client.get("/sessions/").content.decode()
    assert ">dr<" in client.get("/sessions/").content.decode()


def test_a_list_without_sessions_says_what_to_do(doctor: Client) -> None:
    assert "Enter the first case" in doctor.get("/sessions/").content.decode()


def test_the_list_has_pages(doctor: Client, actor: Actor) -> None:
    made = [consulted(actor) for _ in range(27)]
    first = doctor.get("/sessions/").content.decode()
    older = f"?before={made[2]}"
    assert (f'href="{older}"' in first, "after=" in first) == (True, False)
    assert (str(made[-1]) in first, str(made[1]) in first) == (True, False)

    second = doctor.get(f"/sessions/{older}").content.decode()
    newer = f"?after={made[1]}"
    assert (f'href="{newer}"' in second, "before=" in second) == (True, False)
    assert [f'/sessions/{each}/"' in second for each in made[:3]] == [True, True, False]

    back = doctor.get(f"/sessions/{newer}").content.decode()
    assert (str(made[-1]) in back, str(made[2]) in back, str(made[1]) in back) == (
        True,
        True,
        False,
    )


@pytest.mark.parametrize("asked", ["before=0", "before=", "after=x", "after=%00", "page=2"])
def test_a_page_that_is_none_is_the_first(doctor: Client, mine: UUID, asked: str) -> None:
    assert str(mine) in doctor.get(f"/sessions/?{asked}").content.decode()


def test_sessions_are_listed_for_people_with_an_account(client: Client) -> None:
    assert client.get("/sessions/")["Location"] == "/sign-in/?next=/sessions/"


# --- signing in -----------------------------------------------------------------------------------


def test_signing_in_and_out(client: Client, clinician: User) -> None:
    answer = client.post(
        "/sign-in/",
        {"username": "dr", "password": "a sound password of hers", "next": "/sessions/"},
    )
    assert answer["Location"] == "/sessions/"
    assert "Sign out" in client.get("/sessions/").content.decode()
    client.post("/sign-out/")
    assert client.get("/sessions/").status_code == 302


def test_a_wrong_password_is_said_without_saying_which_part(
    client: Client, clinician: User
) -> None:
    for name in ("dr", "nobody"):
        html = client.post("/sign-in/", {"username": name, "password": "x"}).content.decode()
        assert "User name or password is not right." in html


@pytest.mark.parametrize(
    "entered", [{"username": "a\0"}, {}, {"username": "x" * 10_000, "password": "y"}]
)
def test_signing_in_with_anything(client: Client, entered: dict[str, str]) -> None:
    assert client.post("/sign-in/", entered).status_code == 200


def test_nobody_is_sent_elsewhere_after_signing_in(client: Client, clinician: User) -> None:
    answer = client.post(
        "/sign-in/",
        {"username": "dr", "password": "a sound password of hers", "next": "https://evil.example/"},
    )
    assert answer["Location"] == "/"


def test_passwords_cannot_be_tried_without_end(client: Client, clinician: User) -> None:
    tries = [
        client.post("/sign-in/", {"username": "dr", "password": str(n)}).status_code
        for n in range(11)
    ]
    assert tries == [200] * 10 + [429]
    other = client.post("/sign-in/", {"username": "dr_other", "password": "x"})
    assert other.status_code == 200


# --- what every page keeps ------------------------------------------------------------------------


class Outline(HTMLParser):
    """What is wrong with a page: inline code, doubled ids, fields without a label."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.fields: list[str] = []
        self.open_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or "style" in given or any(name.startswith("on") for name in given):
            self.faults.append(f"inline code in <{tag}>")
        if tag == "script" and not given.get("src"):
            self.faults.append("inline script")
        for name in ("src", "href"):
            if (given.get(name) or "").startswith(("http:", "//")) or (
                tag in ("script", "link", "img") and (given.get(name) or "").startswith("https:")
            ):
                self.faults.append(f"{tag} from elsewhere: {given[name]}")
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "label" and given.get("for"):
            self.labelled.add(str(given["for"]))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            self.fields.append(given.get("id") or f"<{tag} name={given.get('name')}>")


PAGES = [
    "/",
    "/about/",
    "/sign-in/",
    "/sessions/",
    "/nothing/",
    "/sessions/{mine}/",
    "/problems/not-found/",
]


@pytest.mark.parametrize("path", PAGES)
def test_no_inline_code_no_doubled_id_and_a_label_for_every_field(
    doctor: Client, mine: UUID, path: str
) -> None:
    if path == "/":
        html = doctor.post(
            "/",
            {
                "age": "500",
                "finding": "fever",
                "finding_name": "Fever",
                "finding_presence": "present",
                "finding_severity": "",
            },
        ).content.decode()
    else:
        html = doctor.get(path.format(mine=mine)).content.decode()
    outline = Outline()
    outline.feed(html)
    assert outline.faults == []
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.fields) <= outline.labelled


@pytest.mark.parametrize("path", PAGES)
def test_the_content_security_policy_is_strict(doctor: Client, mine: UUID, path: str) -> None:
    policy = doctor.get(path.format(mine=mine))["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_every_kind_of_problem_has_its_page(client: Client) -> None:
    for kind in KINDS:
        answer = client.get(reverse("problem-kind", args=[kind.slug]))
        assert kind.title in answer.content.decode().replace("&#x27;", "'")
    assert client.get("/problems/nothing/").status_code == 404


def test_a_page_that_is_not_there(client: Client) -> None:
    answer = client.get("/nothing/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_failing_page_is_a_500_that_quotes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> Any:
        raise RuntimeError("row contains (crushing chest pain)")

    monkeypatch.setattr("diagnosis.views.render", broken)
    answer = Client(raise_request_exception=False).get("/about/")
    assert answer.status_code == 500
    assert b"chest" not in answer.content
    assert b"do not wait for this page" in answer.content


def test_intended_use_says_what_is_in_use(client: Client) -> None:
    said = words_of(client.get("/about/").content.decode())
    assert "It is not a diagnosis" in said
    assert "Conditions 4" in said


def test_patient_text_stays_out_of_addresses_and_logs(
    doctor: Client, caplog: pytest.LogCaptureFixture
) -> None:
    answer = doctor.post("/", {"text": "Fever since zanzibar"})
    assert "zanzibar" not in answer["Location"]
    doctor.post("/", {"text": "Fever since zanzibar", "age": "999"})
    assert "zanzibar" not in json.dumps([record.getMessage() for record in caplog.records])
