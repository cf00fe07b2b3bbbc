"""Compiled forms kept in files beside the database, so that a start takes one second, not four.

A form that cannot be read or written costs time and nothing else.
"""

import os
import tempfile
from pathlib import Path

import structlog
from django.conf import settings

from agents.knowledge.base import KnowledgeBase
from agents.knowledge.form import fingerprint, packed

log = structlog.get_logger(__name__)
_KEPT = 4
"""Older forms than this many are removed."""


def kept_form(knowledge_hash: str) -> bytes | None:
    """The bytes of a knowledge's form, if there are any."""
    try:
        return _path(knowledge_hash).read_bytes()
    except OSError:
        return None


def keep_form(base: KnowledgeBase) -> None:
    """Writes the form of a compiled knowledge where it is not there yet."""
    path = _path(base.hash)
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, packed(base.wordings, base.hash))
        _remove_older(path.parent)
    except OSError as error:
        log.info("knowledge_form_not_kept", error=type(error).__name__)


def _path(knowledge_hash: str) -> Path:
    return Path(settings.KNOWLEDGE_FORMS) / f"{fingerprint(knowledge_hash)}.form"


def _write_whole(path: Path, content: bytes) -> None:
    """Under another name first: several workers may start at once."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(content)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_older(folder: Path) -> None:
    forms = sorted(folder.glob("*.form"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in forms[_KEPT:]:
        old.unlink(missing_ok=True)
