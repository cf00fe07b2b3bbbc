"""What a run found, kept as JSON beside the page that is made from it."""

from msgspec import Struct

from benchmarks.load.figures import Figures

OURS = "this product, 2 workers"
THROUGH_NGINX = "this product, through nginx"
ONE_WORKER = "this product, 1 worker"
LITERAL = "(a) Django, DRF viewset, daphne"
FAST = "(b) FastAPI, SQLAlchemy async"


class Measured(Struct, frozen=True):
    """One measurement; ``size`` is connections, requests a second, users or clients.

    ``cpu_ms`` are milliseconds a request (or message) by part.
    """

    what: str
    build: str
    size: int
    figures: Figures
    cpu_ms: dict[str, float] = {}


class Results(Struct):
    date: str
    machine: str
    engine: dict[str, dict[str, float]] = {}
    measured: list[Measured] = []
    memory_mb: dict[str, int] = {}
    notes: list[str] = []

    def of(self, what: str, build: str) -> list[Measured]:
        return [m for m in self.measured if m.what == what and m.build == build]

    def one(self, what: str, build: str, size: int) -> Measured | None:
        return next((m for m in self.of(what, build) if m.size == size), None)

    def best_rate(self, what: str, build: str) -> float:
        return max((m.figures.rate for m in self.of(what, build)), default=0.0)
