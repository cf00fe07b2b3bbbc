"""Sessions by month: where a session goes, how it is found, how a month comes and goes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from diagnosis import selectors
from diagnosis.actors import Actor
from diagnosis.identifiers import first_at, made_at, uuid7_of
from diagnosis.models import (
    AuditEvent,
    Batch,
    BatchCase,
    DiagnosisSession,
    Feedback,
    Opinion,
    Outcome,
    SessionEvent,
)
from diagnosis.services import partitions
from diagnosis.services.bulk import EVENTS, insert
from diagnosis.services.partitions import KEYS, SESSIONS, Month, ensure_months, session_spans
from diagnosis.services.retention import drop_past_sessions, kept_since

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

FAR = datetime(2040, 5, 17, 12, tzinfo=UTC)
"""A time whose months nobody else makes."""
moments = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.fixture
def postgres(transactional_db: None) -> Iterator[None]:
    """Takes away what months the test made."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one table")
    known = {span.name for span in session_spans()}
    yield
    for span in session_spans():
        if span.name not in known:
            suffix = span.name.removeprefix(SESSIONS)
            with connection.cursor() as cursor:
                for table in reversed(KEYS):
                    cursor.execute(f"TRUNCATE {table} CASCADE")
                    cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {table}{suffix}")
                    cursor.execute(f"DROP TABLE {table}{suffix}")


def stored(moment: datetime) -> DiagnosisSession:
    """A session of that time with one row in everything that refers to it."""
    session = DiagnosisSession.objects.create(
        id=uuid7_of(int(moment.timestamp() * 1000)), created_at=moment, status="complete", case="{}"
    )
    SessionEvent.objects.create(session=session, seq=1, kind="x", at=moment, offset_ms=0)
    Opinion.objects.create(session=session, agent="symptom_classifier", status="x", duration_ms=1)
    Outcome.objects.create(session=session, condition="flu")
    Feedback.objects.create(session=session, useful=True)
    batch = Batch.objects.create(format="csv", total=1, body_hash="")
    BatchCase.objects.create(batch=batch, position=1, row=1, case="{}", session=session)
    return session


def place_of(session_id: UUID, table: str = SESSIONS) -> str:
    key = KEYS[table]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT tableoid::regclass::text FROM {table} WHERE {key} = %s", [session_id]
        )
        (name,) = cursor.fetchone()
    return str(name).removeprefix(table)


def foreign_keys() -> list[tuple[str, str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid), convalidated"
            " FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
            " AND conrelid::regclass::text LIKE 'diagnosis%' ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


# --- time in identifiers --------------------------------------------------------------------------


@given(moments)
def test_the_bound_of_a_moment_parts_what_was_made_before_from_what_was_made_after(
    moment: datetime,
) -> None:
    milliseconds = int(moment.timestamp() * 1000)
    assert uuid7_of(milliseconds - 1) < first_at(moment) <= uuid7_of(milliseconds)
    assert made_at(uuid7_of(milliseconds)) == made_at(first_at(moment))


def test_before_1970_there_is_a_bound_too() -> None:
    assert first_at(datetime(1, 1, 1, tzinfo=UTC)).int == 0
    assert first_at(datetime(9999, 12, 31, tzinfo=UTC), 86_400_000) > uuid7_of(0)


@given(moments, st.integers(-50, 50))
def test_months_follow_one_another(moment: datetime, months: int) -> None:
    month = Month.of(moment)
    assert month.first <= moment < month.plus(1).first
    assert month.plus(months).plus(-months) == month


# --- months come ----------------------------------------------------------------------------------


def test_a_migrated_database_has_this_month_and_those_ahead(settings: Any) -> None:
    if connection.vendor != "postgresql":
        assert session_spans() == []
        assert ensure_months() == []
        return
    settings.SESSION_MONTHS_AHEAD = 3
    now = Month.of(datetime.now(UTC))
    ends = [span.until for span in session_spans()]
    assert {now.plus(ahead + 1).first for ahead in range(4)} <= set(ends)
    assert ends[-1] is None


def test_months_are_made_once(postgres: None, settings: Any) -> None:
    settings.SESSION_MONTHS_AHEAD = 2

    assert ensure_months(FAR) == ["2040_05", "2040_06", "2040_07"]
    assert ensure_months(FAR) == []
    settings.SESSION_MONTHS_AHEAD = 3
    assert ensure_months(FAR) == ["2040_08"]


def test_a_new_month_is_like_the_others(postgres: None) -> None:
    ensure_months(FAR)
    with connection.cursor() as cursor:
        for table in KEYS:
            shapes = []
            for leaf in (f"{table}_default", f"{table}_2040_05"):
                cursor.execute(
                    "SELECT (SELECT count(*) FROM pg_index WHERE indrelid = %s::regclass),"
                    " (SELECT count(*) FROM pg_constraint WHERE conrelid = %s::regclass),"
                    " (SELECT array_agg(attname || attcompression::text ORDER BY attnum)"
                    "  FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0),"
                    " (SELECT count(*) FROM pg_trigger WHERE tgrelid = %s::regclass)",
                    [leaf] * 4,
                )
                shapes.append(cursor.fetchone())
            assert shapes[0] == shapes[1]


def test_a_session_lands_in_its_month_and_so_does_what_belongs_to_it(postgres: None) -> None:
    ensure_months(FAR)
    session = stored(FAR)

    assert {place_of(session.pk, table) for table in KEYS} == {"_2040_05"}
    assert place_of(stored(datetime.now(UTC)).pk) not in {"_2040_05", "_default"}
    assert session.events.get().seq == 1


def test_what_is_unique_stays_so_over_all_months(postgres: None) -> None:
    ensure_months(FAR)
    session = stored(FAR)
    with pytest.raises(IntegrityError), transaction.atomic():
        DiagnosisSession.objects.create(id=session.pk, status="complete", case="{}")
    with pytest.raises(IntegrityError), transaction.atomic():
        SessionEvent.objects.create(session=session, seq=1, kind="x", at=FAR, offset_ms=0)
    # what is written again after a lost connection is left alone
    insert(EVENTS, [(session.pk, 1, "x", "", FAR, 0.0, "{}")], again=True)
    assert session.events.count() == 1


@pytest.mark.parametrize("model", [SessionEvent, Outcome])
def test_nothing_refers_to_a_session_that_is_not_there(postgres: None, model: Any) -> None:
    ensure_months(FAR)
    columns = {"seq": 1, "kind": "x", "at": FAR, "offset_ms": 0} if model is SessionEvent else {}
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.create(session_id=uuid7_of(int(FAR.timestamp() * 1000)), **columns)


def test_sessions_whose_month_was_not_made_in_time_move_to_it(postgres: None) -> None:
    before = foreign_keys()
    early, late = stored(FAR), stored(datetime(2041, 1, 1, tzinfo=UTC))
    assert place_of(early.pk) == "_default"

    assert ensure_months(FAR)

    assert {place_of(early.pk, table) for table in KEYS} == {"_2040_05"}
    assert place_of(late.pk) == "_default"
    assert early.outcomes.get().condition == "flu"
    assert BatchCase.objects.filter(session=early).exists()
    made = [key for key in foreign_keys() if key not in before]
    assert set(before) <= set(foreign_keys())
    assert {(table[-8:-2], valid) for table, _, valid in made} == {("_2040_", True)}


def test_nobody_waits_long_for_a_new_month(postgres: None) -> None:
    blocker = connections.create_connection("default")
    try:
        blocker.set_autocommit(False)
        with blocker.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {SESSIONS}_default IN ACCESS SHARE MODE")
        with pytest.raises(OperationalError, match="lock timeout"):
            ensure_months(FAR)
    finally:
        blocker.close()
    assert ensure_months(FAR)


# --- sessions are found ---------------------------------------------------------------------------


def test_a_look_up_by_id_goes_to_one_partition(postgres: None) -> None:
    ensure_months(FAR)
    session = stored(FAR)
    for rows in (
        DiagnosisSession.objects.filter(id=session.pk),
        SessionEvent.objects.filter(session_id=session.pk, seq__gt=0),
        session.opinions.all(),
    ):
        plan = rows.explain()
        assert plan.count("2040_05") >= 1
        assert "Append" not in plan


def test_the_newest_need_no_more_than_their_months(postgres: None) -> None:
    plan = selectors.latest_before(selectors.sessions_for(Actor.system())).explain()

    assert "_default" not in plan
    assert plan.count("Scan") <= 5


def test_pages_go_through_all_months_and_leave_out_none(postgres: None) -> None:
    ensure_months(FAR)
    times = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 6, 7)] + [FAR]
    made = [stored(moment).pk for moment in times][::-1]
    seen: list[Any] = []
    before = None
    while True:
        page = selectors.sessions_page(Actor.system(), 2, before=before)
        seen += [session.pk for session in page.rows]
        if not page.has_older:
            break
        before = seen[-1]
    assert seen == made
    newer = selectors.sessions_page(Actor.system(), 2, after=made[3])
    assert [session.pk for session in newer.rows] == made[1:3]


# --- months go ------------------------------------------------------------------------------------


def test_nothing_goes_unless_it_is_asked_for(settings: Any) -> None:
    assert settings.SESSION_KEEP_MONTHS == 0
    assert kept_since() is None
    stored(datetime(2001, 1, 1, tzinfo=UTC))
    assert drop_past_sessions() == []
    assert DiagnosisSession.objects.count() == 1


def test_sessions_past_their_time_go_with_all_that_is_theirs(settings: Any) -> None:
    settings.SESSION_KEEP_MONTHS = 2
    # a month of its own on PostgreSQL; on SQLite rows are rows
    ensure_months(FAR)
    past, kept = stored(FAR), stored(datetime(2040, 7, 1, tzinfo=UTC))
    before = datetime(2040, 9, 30, tzinfo=UTC)
    name = f"{SESSIONS}_2040_05"

    assert kept_since(before) == datetime(2040, 7, 1, tzinfo=UTC)
    if connection.vendor == "postgresql":
        assert _dropped_only(name) == [name]
        assert name not in {span.name for span in session_spans()}
    else:
        drop_past_sessions(before)

    assert list(DiagnosisSession.objects.all()) == [kept]
    for model in (Outcome, Feedback, Opinion, SessionEvent):
        assert {row.session_id for row in model.objects.all()} == {kept.pk}
    assert {case.session_id for case in BatchCase.objects.all()} == {None, kept.pk}
    assert AuditEvent.objects.get(action="sessions_dropped")
    assert past.pk != kept.pk
    _forget_far()


def _dropped_only(name: str) -> list[str]:
    """Drops that partition alone: those of today are needed by other tests."""
    from diagnosis.services import retention

    return [retention._dropped(span) for span in session_spans() if span.name == name]


def _forget_far() -> None:
    DiagnosisSession.objects.all().delete()
    for span in session_spans():
        if "_204" in span.name:
            _dropped_only(span.name)


def test_which_partitions_are_past(postgres: None) -> None:
    from diagnosis.services.retention import spans_past

    ensure_months(FAR)
    names = [span.name for span in spans_past(datetime(2040, 6, 1, tzinfo=UTC))]

    assert f"{SESSIONS}_2040_05" in names
    assert f"{SESSIONS}_2040_06" not in names
    assert f"{SESSIONS}_default" not in names


# --- the command ----------------------------------------------------------------------------------


def test_the_command_lists_what_there_is() -> None:
    out = StringIO()
    call_command("partitions", stdout=out)

    if connection.vendor == "postgresql":
        assert f"{SESSIONS}_default" in out.getvalue()
        assert f"{datetime.now(UTC):%Y-%m}" in out.getvalue()
    else:
        assert "only PostgreSQL" in out.getvalue()


def test_the_command_says_what_it_made(postgres: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "datetime", _Later)
    out = StringIO()
    call_command("partitions", stdout=out)
    assert "made 2040_05" in out.getvalue()


class _Later(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return FAR
