"""A system check: knowledge that cannot be trusted stops the start."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register

from agents.errors import InvalidKnowledge
from agents.knowledge.loader import read_shipped

KNOWLEDGE = "knowledge"


@register(KNOWLEDGE)
def shipped_knowledge(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """One error for each fault in the shipped files."""
    try:
        read_shipped()
    except InvalidKnowledge as error:
        return [Error(fault, id="diagnosis.E001") for fault in error.faults]
    return []
