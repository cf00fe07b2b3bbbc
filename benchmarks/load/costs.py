"""CPU and memory of processes that somebody else started, by part."""

from collections.abc import Mapping, Sequence

import psutil


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and all that descend from it, so far."""
    spent = 0.0
    for process in _family(pid):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        # what children that have ended had used is the parent's
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


def all_cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: cpu_s(pid) for name, pid in pids.items()}


def ms_a_request(
    before: Mapping[str, float], after: Mapping[str, float], answered: int
) -> dict[str, float]:
    """CPU milliseconds a request by part; backends are one part."""
    spent: dict[str, float] = {}
    for name, seconds in after.items():
        part = "server" if name.startswith("web") else name
        spent[part] = spent.get(part, 0.0) + seconds - before.get(name, 0.0)
    return {part: round(value / max(1, answered) * 1000, 3) for part, value in spent.items()}


def worker_memory_mb(pids: Sequence[int]) -> int:
    """Resident MB of the largest process: a worker; supervisors and helpers are small."""
    sizes = [process.memory_info().rss for pid in pids for process in _family(pid)]
    return round(max(sizes, default=0) / 1e6)


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
