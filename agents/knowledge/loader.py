"""Reads the shipped files into a ``KnowledgeText``; collects every fault before it complains.

::

    sources.toml  language.toml  hpo.toml
    findings/<area>.toml          [finding_id]
    conditions/<system>/<id>.toml
    red_flags/<area>.toml         [rule_id]
    guidelines/<id>.toml
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from agents.errors import InvalidKnowledge
from agents.knowledge.faults import reference_faults
from agents.knowledge.schema import (
    Borrowed,
    ConditionEntry,
    FindingEntry,
    GuidelineEntry,
    KnowledgeText,
    Lexicon,
    RedFlagEntry,
    SourceEntry,
)

SHIPPED = Path(__file__).parent

T = TypeVar("T")


def read_shipped(root: Path = SHIPPED) -> KnowledgeText:
    """All shipped entries, checked. Raises InvalidKnowledge with every fault found."""
    faults: list[str] = []
    sources = _keyed(root / "sources.toml", SourceEntry, faults)
    findings = _keyed_folder(root, "findings", FindingEntry, faults)
    red_flags = _keyed_folder(root, "red_flags", RedFlagEntry, faults)
    conditions, systems = _conditions(root, faults)
    guidelines = {
        path.stem: entry
        for path in sorted((root / "guidelines").glob("*.toml"))
        if (entry := _decode(path, GuidelineEntry, faults)) is not None
    }
    lexicon = _lexicon(root, faults)
    if faults or lexicon is None:
        raise InvalidKnowledge(faults)
    text = KnowledgeText(
        sources=sources,
        findings=findings,
        conditions=conditions,
        systems=systems,
        red_flags=red_flags,
        guidelines=guidelines,
        lexicon=lexicon,
    )
    if faults := reference_faults(text):
        raise InvalidKnowledge(faults)
    return text


def _lexicon(root: Path, faults: list[str]) -> Lexicon | None:
    lexicon = _decode(root / "language.toml", Lexicon, faults)
    if lexicon is None or not (root / "hpo.toml").exists():
        return lexicon
    return structs.replace(lexicon, borrowed=_decode(root / "hpo.toml", Borrowed, faults))


def content_hash(text: KnowledgeText) -> str:
    """SHA-256 over the canonical JSON of all entries; equal content, equal hash."""
    return hashlib.sha256(msgspec.json.encode(text, order="deterministic")).hexdigest()


def _conditions(root: Path, faults: list[str]) -> tuple[dict[str, ConditionEntry], dict[str, str]]:
    conditions: dict[str, ConditionEntry] = {}
    systems: dict[str, str] = {}
    for path in sorted((root / "conditions").glob("*/*.toml")):
        entry = _decode(path, ConditionEntry, faults)
        if entry is None:
            continue
        if path.stem in conditions:
            faults.append(f"conditions/{path.parent.name}/{path.name}: id is used twice")
        conditions[path.stem] = entry
        systems[path.stem] = path.parent.name
    return conditions, systems


def _keyed_folder(root: Path, folder: str, entry_type: type[T], faults: list[str]) -> dict[str, T]:
    entries: dict[str, T] = {}
    for path in sorted((root / folder).glob("*.toml")):
        for key, entry in _keyed(path, entry_type, faults).items():
            if key in entries:
                faults.append(f"{folder}/{path.name}: {key} is defined twice")
            entries[key] = entry
    return entries


def _keyed(path: Path, entry_type: type[T], faults: list[str]) -> dict[str, T]:
    tables = _decode(path, dict[str, dict[str, Any]], faults) or {}
    return dict(_converted(path, tables, entry_type, faults))


def _converted(
    path: Path, tables: dict[str, dict[str, Any]], entry_type: type[T], faults: list[str]
) -> Iterator[tuple[str, T]]:
    for key, table in tables.items():
        try:
            yield key, msgspec.convert(table, entry_type)
        except msgspec.ValidationError as error:
            faults.append(f"{path.parent.name}/{path.name}: [{key}] {error}")


def _decode(path: Path, entry_type: type[T], faults: list[str]) -> T | None:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=entry_type)
    except (msgspec.DecodeError, OSError, UnicodeDecodeError) as error:
        faults.append(f"{path.parent.name}/{path.name}: {error}")
        return None
