"""The pages in a real browser: the main job by mouse, by keyboard and without JavaScript."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import msgspec
import pytest
from asgiref.sync import async_to_sync
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import Browser, expect

from agents.matcher import ConditionMatcher
from agents.types import Case, Note
from diagnosis import services
from diagnosis.models import DiagnosisSession, Outcome
from diagnosis.policies import actor_of
from diagnosis.tests.samples import FULL, PARTIAL
from healthcare.tests.browser import Visit, chromium, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("tiny_knowledge"),
    # uvicorn still speaks websockets' older interface
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:uvicorn"),
]

NOTE = "Fever and neck stiffness since this morning. No rash."
PASSWORD = "a sound password of hers"
DESK = {"width": 1366, "height": 768}
TABLET = {"width": 820, "height": 1180}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patched, chromium() as launched:
        # Playwright keeps an event loop in this thread, which the tests' own queries do not use
        patched.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield launched


@pytest.fixture
def site(browser: Browser, transactional_db: None) -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def visit(site: str, browser: Browser) -> Iterator[Callable[..., Visit]]:
    visits: list[Visit] = []

    def opened(**options: Any) -> Visit:
        visits.append(Visit(browser, site, **options))
        return visits[-1]

    yield opened
    for each in visits:
        each.context.close()


def consulted(user: User, case: Case) -> UUID:
    """In a thread of its own: this one has Playwright's event loop."""

    def work() -> UUID:
        try:
            return async_to_sync(services.consult)(actor_of(user), case).session_id
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@pytest.fixture
def stored(browser: Browser, clinician: User) -> str:
    """The path of a session on whose page every part of an answer occurs."""
    case = Case(note=Note(text="Fever, no cough. Father: rash."), age_years=40)
    session_id = consulted(clinician, case)
    DiagnosisSession.objects.filter(id=session_id).update(
        consultation=msgspec.json.encode(FULL).decode(), urgency="emergency"
    )
    return f"/sessions/{session_id}/"


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The condition matcher waits until this is set; the other agents go on."""
    go_on = threading.Event()
    match = ConditionMatcher.match

    async def waiting(self: ConditionMatcher, *args: Any) -> Any:
        await asyncio.to_thread(go_on.wait)
        return await match(self, *args)

    monkeypatch.setattr(ConditionMatcher, "match", waiting)
    yield go_on
    go_on.set()


# --- the main job ---------------------------------------------------------------------------------


def test_a_note_is_pasted_and_the_result_is_read(visit: Callable[..., Visit]) -> None:
    window = visit()
    page = window.page
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_label("Age", exact=True).fill("40")
    page.get_by_role("button", name="Analyse the case").click()
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()
    expect(page.get_by_role("heading", name="Urgency: Emergency")).to_be_visible()
    expect(page.locator("mark.read-present").first).to_have_text("Fever")
    assert window.complaints == []
    assert window.foreign() == []


def test_agents_report_live_and_the_alarm_does_not_wait_for_the_result(
    visit: Callable[..., Visit], held: threading.Event
) -> None:
    window = visit()
    page = window.page
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_role("button", name="Analyse the case").click()
    expect(page.locator('[data-agent="symptom_classifier"]')).to_have_attribute(
        "data-state", "done"
    )
    expect(page.locator('[data-agent="condition_matcher"]')).to_have_attribute(
        "data-state", "running"
    )
    expect(page.locator("#alarms")).to_be_visible()
    expect(page.locator("#alarms")).to_contain_text("Meningism")
    expect(page.get_by_role("heading", name="Most likely")).to_have_count(0)
    loaded = page.evaluate("performance.timeOrigin")
    held.set()
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()
    assert page.evaluate("performance.timeOrigin") == loaded, "the page was loaded again"
    expect(page.locator("#live-announcer")).to_contain_text(
        "The analysis is done. Urgency: Emergency."
    )
    assert window.complaints == []


def test_a_broken_connection_is_taken_up_where_it_broke(
    visit: Callable[..., Visit], held: threading.Event
) -> None:
    window = visit()
    opened: list[str] = []

    def broken_at_first(socket: Any) -> None:
        opened.append(socket.url)
        server = socket.connect_to_server()
        if len(opened) == 1:
            server.on_message(lambda message: socket.close(code=1011))

    window.page.route_web_socket(re.compile(r"/ws/sessions/"), broken_at_first)
    page = window.page
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_role("button", name="Analyse the case").click()
    expect(page.locator('[data-agent="symptom_classifier"]')).to_have_attribute(
        "data-state", "done"
    )
    held.set()
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()
    assert len(opened) <= 2
    assert all("?after=" in url for url in opened)


def test_without_a_websocket_the_page_asks_for_itself(
    visit: Callable[..., Visit], held: threading.Event
) -> None:
    window = visit()
    window.page.route_web_socket(
        re.compile(r"/ws/sessions/"), lambda socket: socket.close(code=4403)
    )
    page = window.page
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_role("button", name="Analyse the case").click()
    page.get_by_text("Four agents are working on the case").wait_for()
    held.set()
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()


def test_without_javascript_the_job_is_done_too(visit: Callable[..., Visit], stored: str) -> None:
    page = visit(java_script_enabled=False).page
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_role("button", name="Analyse the case").click()
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()


CLICK_AT_ONCE = """() => {
  const list = document.getElementById("suggestions");
  new MutationObserver((_, watch) => {
    watch.disconnect();
    list.querySelector("[data-choose]").click();
  }).observe(list, {childList: true});
}"""


def test_a_suggestion_can_be_chosen_the_moment_it_appears(visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto("/")
    page.evaluate(CLICK_AT_ONCE)
    page.get_by_label("Search for a finding").press_sequentially("pelvic pain")
    expect(page.get_by_label("Presence of Pelvic pain")).to_be_visible()


def test_by_keyboard_alone(visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("The note in one text")).to_be_focused()
    page.keyboard.type(NOTE)
    search = page.get_by_label("Search for a finding")
    for _ in range(5):
        page.keyboard.press("Tab")
        if search.evaluate("element => element === document.activeElement"):
            break
    expect(search).to_be_focused()
    page.keyboard.type("chil")
    page.get_by_role("button", name="Chills").wait_for()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Chills")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Presence of Chills")).to_be_visible()
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    page.keyboard.type("pelv")
    page.get_by_role("button", name="Pelvic pain").wait_for()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Presence of Pelvic pain")).to_be_visible()
    page.get_by_label("Presence of Pelvic pain").select_option("absent")
    page.get_by_role("button", name="Analyse the case").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()
    second = page.locator("#likely-list details").nth(1)
    second.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("open", "")
    expect(page.get_by_text("Pelvic pain, absent")).to_be_visible()


def test_an_entered_finding_can_be_removed(visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto("/")
    page.get_by_label("Search for a finding").fill("chills")
    page.get_by_role("button", name="Chills").click()
    page.get_by_role("button", name="Remove Chills").click()
    expect(page.get_by_label("Presence of Chills")).to_have_count(0)
    expect(page.get_by_label("Search for a finding")).to_be_focused()


def test_a_refused_case_says_where_and_can_be_sent_again(visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.goto("/")
    page.get_by_label("The note in one text").fill(NOTE)
    page.get_by_label("Temperature", exact=True).fill("99")
    page.get_by_role("button", name="Analyse the case").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was stored")
    expect(page.get_by_text("Must lie between 20 and 46 degrees Celsius")).to_be_visible()
    expect(page.get_by_label("The note in one text")).to_have_value(NOTE)
    page.get_by_label("Unit of temperature").select_option("F")
    page.get_by_role("button", name="Analyse the case").click()
    expect(page.get_by_role("heading", name="Most likely")).to_be_visible()


# --- with an account ------------------------------------------------------------------------------


def test_signing_in_the_list_the_outcome_and_the_replay(
    visit: Callable[..., Visit], stored: str
) -> None:
    window = visit()
    page = window.page
    window.sign_in("dr", PASSWORD)
    page.get_by_role("link", name="Sessions").click()
    page.locator("a.row-link").click()
    assert page.url.endswith(stored)
    page.get_by_role("button", name="Replay with today's knowledge").click()
    expect(page.get_by_text("What is different today")).to_be_visible()
    expect(page.get_by_role("button", name="Replay with today's knowledge")).to_be_enabled()
    page.get_by_label("It turned out to be").select_option("pneumonia")
    page.get_by_label("Remark").fill("Confirmed on a radiograph.")
    page.get_by_role("button", name="Record the outcome").click()
    expect(page.get_by_text("The outcome was recorded.")).to_be_visible()
    expect(page.get_by_text("Confirmed on a radiograph.")).to_be_visible()
    assert Outcome.objects.get().condition == "pneumonia"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert window.complaints == []


def test_all_of_a_list_is_opened_and_closed_at_once(
    visit: Callable[..., Visit], stored: str
) -> None:
    window = visit()
    page = window.page
    window.sign_in("dr", PASSWORD)
    page.goto(stored)
    cards = page.locator("#likely-list details")
    page.get_by_role("button", name="Open all").first.click()
    assert cards.evaluate_all("cards => cards.every(card => card.open)")
    page.get_by_role("button", name="Close all").first.click()
    assert not cards.evaluate_all("cards => cards.some(card => card.open)")


# --- how it looks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, TABLET, PHONE], ids=["desk", "tablet", "phone"])
def test_every_page_fits_and_keeps_the_rules_of_accessibility(
    visit: Callable[..., Visit], stored: str, scheme: str, size: dict[str, int]
) -> None:
    window = visit(color_scheme=scheme, viewport=size)
    page = window.page
    window.sign_in("dr", PASSWORD)
    for path in ("/", stored, "/sessions/", "/about/", "/problems/not-found/"):
        page.goto(path)
        for details in page.locator("details").all():
            details.evaluate("element => { element.open = true; }")
        assert page.locator("html").get_attribute("data-bs-theme") == scheme
        assert not window.overflows(), f"{path} has to be scrolled sideways"
        found = Axe().run(page)
        faults = [
            f"{v['id']}: {n['html'][:120]}: {n['failureSummary'][-160:]}"
            for v in found.response["violations"]
            for n in v["nodes"]
        ]
        assert faults == [], f"{path} {scheme}"
    assert window.complaints == []
    assert window.foreign() == []


def test_a_partial_answer_is_loud(visit: Callable[..., Visit], stored: str) -> None:
    DiagnosisSession.objects.update(
        consultation=msgspec.json.encode(PARTIAL).decode(), status="partial"
    )
    window = visit()
    window.sign_in("dr", PASSWORD)
    window.page.goto(stored)
    notice = window.page.get_by_role("alert")
    expect(notice).to_contain_text("Partial answer: 1 of 4 agents did not answer")
    assert notice.bounding_box()["y"] < window.page.locator(".urgency").bounding_box()["y"]  # type: ignore[index]


def test_the_two_lists_stand_side_by_side_on_a_desk(
    visit: Callable[..., Visit], stored: str
) -> None:
    window = visit()
    window.sign_in("dr", PASSWORD)
    window.page.goto(stored)
    likely = window.page.locator("#likely-title").bounding_box()
    danger = window.page.locator("#danger-title").bounding_box()
    assert likely is not None
    assert danger is not None
    assert abs(likely["y"] - danger["y"]) < 5
    assert danger["x"] > likely["x"]


def test_the_page_of_the_interface_works_under_the_policy(visit: Callable[..., Visit]) -> None:
    window = visit()
    window.page.goto("/api/v1/docs/")
    expect(window.page.locator("#swagger-ui")).to_contain_text("/api/v1/symptoms/analyze")
    assert window.complaints == []
    assert window.foreign() == []
