"""docs/performance.md from the figures of a run; nobody else writes figures there."""

from collections.abc import Callable, Iterable
from typing import Final

from benchmarks.load.results import (
    FAST,
    LITERAL,
    ONE_WORKER,
    OURS,
    THROUGH_NGINX,
    Measured,
    Results,
)

_HEAD: Final = """\
# Performance

Written by `make bench` on {date}; the figures are of that run and of nothing else. {machine}
The load generator ran on the same machine. Every session was stored before it was answered, with
its events and its audit row. PostgreSQL with `fsync` and `synchronous_commit` on, {conditions:,}
conditions; cases with three to eight coded findings, or notes of about 150 words, all different, so
that nothing came from a cache. An answer has about {kilobytes:.0f} kB. An error is any answer but
200, a broken connection or a time-out of 30 s.

Baselines, in `benchmarks/baselines/`, had the same requests, engine call and answer body, two
processes, a pool of 50 connections and the same PostgreSQL, one INSERT a request: (a) is the
obvious build taken literally, (b) what one would pick instead. They wrote no events and no audit
rows.

"""
Row = tuple[str, str, str, str]


def page(results: Results) -> str:
    engine = results.engine["coded"]
    parts = [
        _HEAD.format(
            date=results.date,
            machine=results.machine,
            conditions=int(engine["conditions"]),
            kilobytes=engine["answer_bytes"] / 1000,
        ),
        "## Targets\n\n",
        _table(("", "to reach", "measured", ""), _targets(results)),
        "\n## Ceiling: requests a second by connections, coded findings\n\n",
        _ceilings(results),
        "\n## Steady load and users\n\n",
        _paced(results),
        "\n## WebSocket: one worker, one event a second for each client\n\n",
        _sockets(results),
        "\n## Where the CPU goes\n\n",
        _costs(results),
        *(f"\n{note}\n" for note in results.notes),
    ]
    return "".join(parts)


# --- targets --------------------------------------------------------------------------------------


def _targets(results: Results) -> list[Row]:
    ours = min((m.figures.rate for m in results.of("coded", OURS)), default=0.0)
    through = min((m.figures.rate for m in results.of("coded", THROUGH_NGINX)), default=0.0)
    notes = results.best_rate("note", OURS)
    return [
        _at_least("consultations a second, coded, 2 workers, fewest of all numbers of connections",
                  1500, ours),
        _at_least("times baseline (a) at its best", 20, ratio(ours, results, LITERAL)),
        _at_least("times baseline (b) at its best", 4, ratio(ours, results, FAST)),
        _at_least("the same through nginx with 3 backends", 1200, through),
        *_latencies(results, "steady", 1000, "at a steady 1,000 a second", p50=15, p99=60),
        *_latencies(results, "locust", 1000, "1,000 users, 1-3 s think time (Locust)", mean=15,
                    p99=100),
        _at_least("notes of 150 words a second", 250, notes),
        _at_most("resident MB a worker", 250, results.memory_mb.get(OURS, 0)),
        _at_most("errors, of all requests", 0, _errors(results)),
        *_latencies(results, "sockets", 4000, "4,000 WebSocket clients of one worker", p99=10,
                    build=ONE_WORKER),
    ]  # fmt: skip


def ratio(rate: float, results: Results, baseline: str) -> float:
    best = results.best_rate("coded", baseline)
    return rate / best if best else 0.0


def _errors(results: Results) -> int:
    own = (OURS, THROUGH_NGINX, ONE_WORKER)
    return sum(m.figures.errors for m in results.measured if m.build in own)


def _latencies(
    results: Results,
    what: str,
    size: int,
    title: str,
    *,
    p50: float | None = None,
    mean: float | None = None,
    p99: float | None = None,
    build: str = OURS,
) -> list[Row]:
    found = results.one(what, build, size)
    if found is None:
        return []
    asked = (("p50", p50, "p50_ms"), ("average", mean, "mean_ms"), ("p99", p99, "p99_ms"))
    return [
        _at_most(f"{title}: {name}, ms", limit, getattr(found.figures, field))
        for name, limit, field in asked
        if limit is not None
    ]


def _at_least(title: str, target: float, measured: float) -> Row:
    missing = f"{(1 - measured / target) * 100:.0f} % short"
    return title, f"{target:,}", _number(measured), "yes" if measured >= target else missing


def _at_most(title: str, target: float, measured: float) -> Row:
    above = f"{measured / target:.1f} times" if target else "no"
    return title, f"{target:,}", _number(measured), "yes" if measured <= target else above


# --- tables ---------------------------------------------------------------------------------------


def _ceilings(results: Results) -> str:
    rows = []
    for build in (OURS, THROUGH_NGINX, FAST, LITERAL):
        found = results.of("coded", build)
        rows.append((build, *(_ceiling(results, m) for m in found)))
    found = results.of("note", OURS)
    sizes = [m.size for m in results.of("coded", OURS)]
    table = _table(("", *(f"{size:,} connections" for size in sizes)), rows)
    notes = "".join(f"\nNotes, {m.size} connections: {_figures(m)}.\n" for m in found)
    return table + notes + "\nAs: requests a second (p50 / p99 in ms; errors; ours against it).\n"


def _ceiling(results: Results, found: Measured) -> str:
    own = results.one("coded", OURS, found.size)
    times = ""
    if own is not None and found.build in (FAST, LITERAL) and found.figures.rate:
        times = f"; {own.figures.rate / found.figures.rate:.1f} times"
    return _figures(found, times)


def _figures(found: Measured, more: str = "") -> str:
    figures = found.figures
    errors = f"; {figures.errors:,} errors" if figures.errors else ""
    return f"{_number(figures.rate)} ({figures.p50_ms:,.0f} / {figures.p99_ms:,.0f}{errors}{more})"


def _paced(results: Results) -> str:
    titles = {
        "steady": "{size:,} a second offered",
        "users": "{size:,} users, own generator, through nginx",
        "locust": "{size:,} users, Locust, through nginx",
    }
    rows = [
        (titles[m.what].format(size=m.size), *_paced_cells(m))
        for m in results.measured
        if m.what in titles
    ]
    head = ("", "answered a second", "average ms", "p50 ms", "p99 ms", "errors")
    note = (
        "\nAt an offered rate latency counts from when a request was due. Locust's own processing "
        "time is in its figures, and in Python that is not little; the same users by our "
        "generator stand beside them.\n"
    )
    return _table(head, rows) + note


def _paced_cells(found: Measured) -> Iterable[str]:
    figures = found.figures
    for value in (figures.rate, figures.mean_ms, figures.p50_ms, figures.p99_ms):
        yield _number(value)
    yield f"{figures.errors:,}"


def _sockets(results: Results) -> str:
    rows = [
        (
            f"{m.size:,}",
            _number(m.figures.rate),
            _number(m.figures.p50_ms),
            _number(m.figures.p99_ms),
            f"{m.cpu_ms.get('server', 0):g}",
            f"{m.figures.errors:,}",
        )
        for m in results.of("sockets", ONE_WORKER)
    ]
    head = ("clients", "messages a second", "p50 ms", "p99 ms", "CPU ms a message", "errors")
    note = (
        "\nFrom the commit in another process to the client, over Redis. Refused, dropped and "
        "out-of-order messages are errors.\n"
    )
    return _table(head, rows) + note


def _costs(results: Results) -> str:
    parts: list[tuple[str, Callable[[Measured], str]]] = [
        (part, lambda m, part=part: f"{m.cpu_ms.get(part, 0):g}")  # type: ignore[misc]
        for part in ("server", "postgres", "redis", "nginx")
    ]
    rows = [
        (f"{m.build}, {m.what}, {m.size:,}", *(cell(m) for _, cell in parts))
        for m in results.measured
        if m.what in {"coded", "note"}
    ]
    engine = results.engine
    memory = "; ".join(f"{build}: {size} MB" for build, size in results.memory_mb.items())
    return _table(("CPU ms a request", *(name for name, _ in parts)), rows) + (
        f"\nOf the server's part the agents alone are {engine['coded']['cpu_ms']:g} ms for coded "
        f"findings and {engine['note']['cpu_ms']:g} ms for a note (measured without load: beside "
        "other processes the same work takes longer).\n"
        f"\nResident memory of the largest process: {memory}.\n"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _number(value: float) -> str:
    if not value:
        return "0"
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"
