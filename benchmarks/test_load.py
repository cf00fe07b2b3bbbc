"""Every piece of ``make bench`` for a second; no figure is asserted."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which

import pytest
from msgspec import structs

from agents.types import Case
from benchmarks.load import costs
from benchmarks.load.bodies import MANY, bodies, requests, written
from benchmarks.load.figures import Figures, summed_up
from benchmarks.load.generator import Load
from benchmarks.load.plan import QUICK, Plan
from benchmarks.load.report import page
from benchmarks.load.results import (
    FAST,
    LITERAL,
    ONE_WORKER,
    OURS,
    THROUGH_NGINX,
    Measured,
    Results,
)
from diagnosis.serializers.requests import case_from_body

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


@asynccontextmanager
async def answering(answer: bytes = ANSWER, broken: bool = False) -> AsyncIterator[str]:
    """A server that reads a request and answers it in two pieces, or hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.MonkeyPatch.context():
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await reader.readexactly(length)
                if broken:
                    break
                writer.write(answer[:30])
                await writer.drain()
                await asyncio.sleep(0)
                writer.write(answer[30:])
        writer.close()

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.close()


@pytest.mark.parametrize("kind", ["coded", "note"])
def test_every_case_is_another_one_that_the_product_takes(kind: str) -> None:
    made = bodies(kind)  # type: ignore[arg-type]
    assert made == bodies(kind)  # type: ignore[arg-type]
    cases: list[Case] = [case_from_body(body) for body in made[:200]]
    assert all(case.findings or case.note.text for case in cases)
    assert len(set(made)) > MANY * (0.3 if kind == "coded" else 0.9)


def test_a_note_has_about_150_words() -> None:
    words = [len(json.loads(body)["note"].split()) for body in bodies("note", 50)]
    assert all(130 <= count <= 170 for count in words)


@asynccontextmanager
async def load_on(url: str) -> AsyncIterator[Load]:
    load = Load(url, requests("coded", "127.0.0.1"))
    yield load
    await load.close()


async def test_a_steady_rate() -> None:
    async with answering() as url, load_on(url) as load:
        figures = await load.steady(100, 1)
    assert (figures.answered, figures.errors) == (100, 0)
    assert 0 < figures.p50_ms <= figures.p99_ms


async def test_what_is_not_answered_with_200_is_an_error() -> None:
    async with answering(ANSWER.replace(b"200", b"503")) as url, load_on(url) as load:
        figures = await load.steady(50, 0.5)
    assert (figures.answered, figures.errors) == (0, 25)
    async with answering(broken=True) as url, load_on(url) as load:
        figures = await load.steady(50, 0.5)
    assert (figures.answered, figures.errors) == (0, 25)


async def test_users_think() -> None:
    async with answering() as url, load_on(url) as load:
        figures = await load.users(20, 3)
    # one to three seconds each: never more than one case a second
    assert 0 < figures.answered <= 60
    assert figures.errors == 0


@pytest.mark.skipif(which("wrk") is None, reason="wrk is not installed")
async def test_the_ceiling(tmp_path: Path) -> None:
    from benchmarks.load.ceiling import ceiling

    cases = written(tmp_path, "coded")
    async with answering() as url:
        figures = await asyncio.to_thread(ceiling, url + "/", cases, 4, 1, {"X-Own": "yes"})
    assert figures.answered > 0
    assert figures.errors == 0


async def test_locust(tmp_path: Path) -> None:
    from benchmarks.load.users import locust

    async with answering() as url:
        figures = await asyncio.to_thread(locust, url, 10, 6, tmp_path)
    assert figures.answered > 0
    assert figures.errors == 0


def test_costs_are_those_of_processes_that_run() -> None:
    import os

    before = costs.all_cpu_s({"web1": os.getpid(), "web2": os.getpid()})
    sum(range(3_000_000))
    spent = costs.ms_a_request(before, costs.all_cpu_s({"web1": os.getpid()}), 1)
    assert set(spent) == {"server"}
    assert costs.worker_memory_mb([os.getpid()]) > 10
    assert costs.cpu_s(2**22 + 1) == 0


@pytest.fixture
def baseline_database() -> str:
    from scripts.services import POSTGRES, postgres_fault

    answering = [url for url in POSTGRES if not postgres_fault(url)]
    if not answering:
        pytest.skip("PostgreSQL does not answer")
    return answering[0].replace("/cds", "/postgres", 1)


@pytest.mark.parametrize("name", ["fast", "literal"])
async def test_a_baseline_answers_as_the_product_does(
    name: str, baseline_database: str, tmp_path: Path
) -> None:
    pytest.importorskip("fastapi")
    from benchmarks.baselines.servers import running

    with running(name, baseline_database, tmp_path) as server:
        async with load_on(server.url) as load:
            figures = await load.steady(5, 1)
    assert (figures.answered, figures.errors) == (5, 0)


def measured(what: str, build: str, size: int) -> Measured:
    return Measured(what, build, size, summed_up([0.01, 0.02], 0, 0.01), {"server": 1.5})


def test_the_page_says_what_was_reached_and_by_how_much_not() -> None:
    figures = Figures(answered=900, errors=3, seconds=1, p50_ms=12, p99_ms=80)
    results = Results(
        date="1 January 2026",
        machine="Two cores.",
        engine={kind: {"cpu_ms": 1, "answer_bytes": 40_000, "conditions": 600}
                for kind in ("coded", "note")},
        measured=[
            *(measured("coded", build, 64) for build in (OURS, THROUGH_NGINX, FAST, LITERAL)),
            measured("note", OURS, 64),
            Measured("steady", OURS, 1000, figures),
            measured("sockets", ONE_WORKER, 4000),
        ],
    )  # fmt: skip
    text = page(results)
    assert "| 1,500 | 200 | 87 % short |" in text
    assert "| at a steady 1,000 a second: p99, ms | 60 | 80.0 | 1.3 times |" in text
    assert "| errors, of all requests | 0 | 3.0 | no |" in text
    assert "nan" not in text


def test_a_quick_run_is_shorter_and_publishes_nothing() -> None:
    assert Plan() != QUICK
    fields = structs.asdict(QUICK)
    assert all(fields[name] <= value for name, value in structs.asdict(Plan()).items()
               if name.endswith("seconds"))  # fmt: skip
    assert sys.modules["benchmarks.load.plan"].Plan().three_backends
