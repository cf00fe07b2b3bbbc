"""The tables back into files, so that edits made in the admin can be reviewed as a diff.

A file whose entries did not change is left byte for byte as it is, comments included; in a file
of many entries only the changed tables are rewritten. New findings and red flags go into
``edited.toml`` of their folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import tomlkit
from tomlkit.items import InlineTable, Table

from agents.knowledge.schema import (
    ConditionEntry,
    FindingEntry,
    GuidelineEntry,
    RedFlagEntry,
    SourceEntry,
)
from diagnosis.transcription import Transcript

NEW_ENTRIES = "edited.toml"


def export_knowledge(root: Path) -> list[Path]:
    """Writes the knowledge in the tables under ``root``; answers with the files that changed.

    Raises InvalidKnowledge where the tables hold something that the files could not.
    """
    text = Transcript().text()
    conditions = {f"{text.systems[key]}/{key}": entry for key, entry in text.conditions.items()}
    return [
        *_keyed_file(root / "sources.toml", SourceEntry, text.sources),
        *_keyed_folder(root / "findings", FindingEntry, text.findings),
        *_keyed_folder(root / "red_flags", RedFlagEntry, text.red_flags),
        *_one_file_each(root / "conditions", "*/*.toml", ConditionEntry, conditions),
        *_one_file_each(root / "guidelines", "*.toml", GuidelineEntry, text.guidelines),
    ]


# --- one entry a file -----------------------------------------------------------------------------


def _one_file_each(
    folder: Path, pattern: str, entry_type: type[Any], entries: Mapping[str, Any]
) -> list[Path]:
    changed = []
    for key, entry in entries.items():
        path = folder / f"{key}.toml"
        if _as_it_is(path, entry_type) != entry:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(tomlkit.dumps(_document(entry)), encoding="utf-8")
            changed.append(path)
    wanted = {folder / f"{key}.toml" for key in entries}
    for path in sorted(set(folder.glob(pattern)) - wanted):
        path.unlink()
        changed.append(path)
    return changed


def _as_it_is(path: Path, entry_type: type[Any]) -> Any:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=entry_type)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


# --- many entries a file --------------------------------------------------------------------------


def _keyed_folder(folder: Path, entry_type: type[Any], entries: Mapping[str, Any]) -> list[Path]:
    """Each entry stays in the file where it stands."""
    changed: list[Path] = []
    left = dict(entries)
    for path in sorted(folder.glob("*.toml")):
        here = _as_it_is(path, dict[str, Any]) or {}
        changed += _keyed_file(path, entry_type, {k: left.pop(k) for k in here if k in left})
    if left:
        changed += _keyed_file(folder / NEW_ENTRIES, entry_type, left)
    return changed


def _keyed_file(path: Path, entry_type: type[Any], entries: Mapping[str, Any]) -> list[Path]:
    if _as_it_is(path, dict[str, entry_type]) == entries:  # type: ignore[valid-type]
        return []
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    document = tomlkit.parse(before)
    for key in [key for key in document if key not in entries]:
        del document[key]
    for key, entry in entries.items():
        if key not in document or _converted(document[key], entry_type) != entry:
            document[key] = _table(_changed_fields(entry))
    after = tomlkit.dumps(document)
    if after == before:
        return []
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(after, encoding="utf-8")
    return [path]


def _converted(table: Any, entry_type: type[Any]) -> Any:
    try:
        return msgspec.convert(table.unwrap(), entry_type)
    except msgspec.ValidationError:
        return None


# --- entries as TOML ------------------------------------------------------------------------------


def _document(entry: Any) -> tomlkit.TOMLDocument:
    """Plain values first, then tables: TOML would take what follows a table for a part of it."""
    document = tomlkit.document()
    fields = _changed_fields(entry)
    for name, value in sorted(fields.items(), key=lambda item: _is_table(item[1])):
        if _is_list_of_tables(value):
            document[name] = _tables(value)
        elif isinstance(value, dict) and name in ("findings", "risks", "against"):
            document[name] = _table(value)
        else:
            document[name] = _value(value)
    return document


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or _is_list_of_tables(value)


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value)


def _changed_fields(entry: Any) -> dict[str, Any]:
    """Fields that are not at their default, in the order of the schema."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(entry)}
    return {
        name: value
        for name, value in msgspec.to_builtins(entry).items()
        if value is not None and getattr(entry, name) not in (defaults[name], {})
    }


def _table(values: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for name, value in values.items():
        table[name] = _value(value)
    return table


def _tables(values: list[dict[str, Any]]) -> Any:
    tables = tomlkit.aot()
    for value in values:
        tables.append(_table({k: v for k, v in value.items() if v not in (None, "", [], {})}))
    return tables


def _value(value: Any) -> Any:
    """A value on one line: a nested table becomes an inline one."""
    if isinstance(value, dict):
        inline: InlineTable = tomlkit.inline_table()
        for name, item in value.items():
            if item not in (None, "", [], {}):
                inline[name] = _value(item)
        return inline
    return value
