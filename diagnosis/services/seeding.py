"""Made-up sessions in great numbers, to see what growth costs. Marked as such for good: their
engine and worker are ``seed``, their case says it, and they belong to clinicians who cannot sign
in.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.db import connection, transaction

from agents.types import Case, Consultation, Note, StatedFinding
from diagnosis.actors import Actor
from diagnosis.identifiers import uuid7_of
from diagnosis.services.audit import audit_row, write_audit
from diagnosis.services.bulk import AUDIT, EVENTS, SESSIONS, Row, Table, insert
from diagnosis.services.consultations import consult_unstored
from diagnosis.services.story import columns_of, summary_of
from diagnosis.threads import in_database

MARK: Final = "seed"
CLINICIANS: Final = 20
AT_ONCE: Final = 5_000
"""Sessions in one transaction."""
_FINDINGS = (("fever", "cough"), ("headache", "nausea"), ("chest_pain", "dyspnoea"))
_NEVER_MET = Note(history="A made-up case, seeded to measure growth. Nobody was ill.")


class _Template(msgspec.Struct, frozen=True):
    """A case that was really analysed once; ten thousands of sessions repeat it."""

    case: str
    answer: str
    columns: dict[str, Any]
    begun: str
    ended: str


async def seed_sessions(
    number: int, days: int, told: Callable[[int], None], until: datetime | None = None
) -> None:
    """Stores ``number`` sessions spread evenly over the ``days`` before ``until``.

    ``told`` hears how many stand so far. Each has its first and last event and an audit row.
    """
    templates = [await _template(names) for names in _FINDINGS]
    await in_database(_write_all, templates, number, days, told, until or datetime.now(UTC))


async def _template(names: Sequence[str]) -> _Template:
    found = tuple(StatedFinding(name) for name in names)
    case = Case(findings=found, note=_NEVER_MET, age_years=40)
    answer = _shortened(await consult_unstored(Case(findings=found, age_years=40)))
    return _Template(
        msgspec.json.encode(case).decode(),
        msgspec.json.encode(answer).decode(),
        columns_of(answer) | {"engine": MARK},
        "{}",
        msgspec.json.encode(summary_of(answer)).decode(),
    )


def _shortened(answer: Consultation) -> Consultation:
    """With one candidate and no advice: a million whole answers would be 25 GB."""
    leading = tuple(
        msgspec.structs.replace(candidate, not_asked=())
        for candidate in answer.differential.most_likely[:1]
    )
    differential = msgspec.structs.replace(answer.differential, most_likely=leading, dont_miss=())
    return msgspec.structs.replace(
        answer, differential=differential, recommendations=(), questions=(), scores=()
    )


def _write_all(
    templates: list[_Template],
    number: int,
    days: int,
    told: Callable[[int], None],
    until: datetime,
) -> None:
    clinicians = _clinicians()
    begin, step = until - timedelta(days=days), timedelta(days=days) / number
    # not for secrets: the same seed gives the same sessions, ids aside
    chance = random.Random(number)  # noqa: S311
    for start in range(0, number, AT_ONCE):
        end = min(start + AT_ONCE, number)
        times = [begin + step * position for position in range(start, end)]
        sessions, events, audit = _rows(templates, clinicians, times, chance)
        with transaction.atomic():
            for table, rows in ((SESSIONS, sessions), (EVENTS, events), (AUDIT, audit)):
                _store(table, rows)
        told(end)
    with transaction.atomic():
        detail = {"sessions": number}
        write_audit(Actor.system(), "sessions_seeded", "session", MARK, detail)


def _clinicians() -> list[User]:
    names = [f"{MARK}_clinician_{number}" for number in range(1, CLINICIANS + 1)]
    known = {user.username: user for user in User.objects.filter(username__in=names)}
    for name in names:
        if name not in known:
            # "!" is what Django stores for a password that fits nothing
            known[name] = User.objects.create(username=name, is_active=False, password="!")  # noqa: S106
    return list(known.values())


def _rows(
    templates: list[_Template], clinicians: list[User], times: list[datetime], chance: random.Random
) -> tuple[list[Row], list[Row], list[Row]]:
    sessions, events, audit = [], [], []
    for at in times:
        template, clinician = chance.choice(templates), chance.choice(clinicians)
        session_id = uuid7_of(int(at.timestamp() * 1000))
        ended = at + timedelta(milliseconds=20)
        values = {
            "id": session_id,
            "created_at": at,
            "finished_at": ended,
            "clinician": clinician.pk,
            "worker": MARK,
            "case": template.case,
            "consultation": template.answer,
            **template.columns,
        }
        sessions.append(tuple(values[name] for name in SESSIONS.fields))
        events.append((session_id, 1, "session_started", "", at, 0.0, template.begun))
        events.append((session_id, 2, "diagnosis_complete", "", ended, 20.0, template.ended))
        actor = Actor(clinician.pk, clinician.username)
        audit.append(_audited(actor, at, str(session_id)))
    return sessions, events, audit


def _audited(actor: Actor, at: datetime, session_id: str) -> Row:
    row = audit_row(actor, at, "session_created", "session", session_id, {})
    # as old as what it speaks of
    return (uuid7_of(int(at.timestamp() * 1000)), *row[1:])


# --- storing --------------------------------------------------------------------------------------


def _store(table: Table, rows: list[Row]) -> None:
    if connection.vendor != "postgresql":
        insert(table, rows)
        return
    quote = connection.ops.quote_name
    fields: list[Any] = [table.model._meta.get_field(name) for name in table.fields]
    columns = ", ".join(quote(field.column) for field in fields)
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        connection.connection.cursor() as cursor,
        cursor.copy(f"COPY {quote(table.model._meta.db_table)} ({columns}) FROM STDIN") as copy,
    ):
        for line in _lines(rows):
            copy.write(line)


def _lines(rows: list[Row]) -> Iterator[bytes]:
    """COPY's text format, some hundred rows at a time: half of the time of ``write_row``."""
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        yield "".join(["\t".join(map(_copied, row)) + "\n" for row in part]).encode()


def _copied(value: Any) -> str:
    if value is None:
        return r"\N"
    text = str(value)
    # few are long, and those come again and again
    return _escaped(text) if len(text) > 100 or "\\" in text or not text.isprintable() else text


@lru_cache(maxsize=64)
def _escaped(text: str) -> str:
    for plain, written in (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r")):
        text = text.replace(plain, written)
    return text
