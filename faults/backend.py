"""A backend of its own one of whose agents does what a file says. The product has no such switch.

``FAULT_FILE`` holds ``<agent> <trouble>``: classifier, matcher, retriever or detector, and hang,
late, raise or garbage. Anything else is no trouble.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "healthcare.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402

from agents.classifier import SymptomClassifier  # noqa: E402
from agents.coordinator import Coordinator, CoordinatorSettings  # noqa: E402
from agents.detector import EmergencyDetector  # noqa: E402
from agents.matcher import ConditionMatcher  # noqa: E402
from agents.retriever import TreatmentRetriever  # noqa: E402
from diagnosis.services import engine  # noqa: E402
from healthcare import serve  # noqa: E402

LATE_S = 3.0
"""Later than every deadline of this backend."""


def trouble(agent: str) -> str:
    told, _, what = Path(os.environ["FAULT_FILE"]).read_text(encoding="ascii").partition(" ")
    return what.strip() if told == agent else ""


async def troubled(agent: str, work: Callable[[], Awaitable[Any]]) -> Any:
    match trouble(agent):
        case "hang":
            await asyncio.Event().wait()
        case "late":
            await asyncio.sleep(LATE_S)
        case "raise":
            raise RuntimeError("an agent that fails")
        case "garbage":
            return "garbage"
    return await work()


class Classifier(SymptomClassifier):
    async def read(self, *given: Any) -> Any:
        return await troubled("classifier", lambda: super(Classifier, self).read(*given))


class Matcher(ConditionMatcher):
    async def match(self, *given: Any) -> Any:
        return await troubled("matcher", lambda: super(Matcher, self).match(*given))


class Retriever(TreatmentRetriever):
    async def retrieve(self, *given: Any) -> Any:
        return await troubled("retriever", lambda: super(Retriever, self).retrieve(*given))


class Detector(EmergencyDetector):
    """Its rules are plain functions: they cannot hang on anything."""

    def first_look(self, *given: Any) -> Any:
        if trouble("detector") == "raise":
            raise RuntimeError("an agent that fails")
        return "garbage" if trouble("detector") == "garbage" else super().first_look(*given)


def main(port: int) -> int:
    engine._coordinator = Coordinator(
        CoordinatorSettings(
            classifier_s=settings.CLASSIFIER_DEADLINE_S,
            matcher_s=settings.MATCHER_DEADLINE_S,
            retriever_s=settings.RETRIEVER_DEADLINE_S,
            detector_s=settings.DETECTOR_DEADLINE_S,
            breaker_threshold=settings.BREAKER_THRESHOLD,
            breaker_timeout_s=settings.BREAKER_TIMEOUT_S,
        ),
        classifier=Classifier(),
        matcher=Matcher(),
        retriever=Retriever(),
        detector=Detector(),
    )
    return serve.serve("127.0.0.1", port)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
