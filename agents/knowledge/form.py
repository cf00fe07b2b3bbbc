"""The compiled form of a knowledge that can be kept: what takes long to make, as bytes.

A form belongs to one knowledge hash and to the code that made it; any other is refused.
"""

import hashlib
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from agents.language.wordings import Wordings

_PACKAGE = Path(__file__).parent.parent
_MADE_BY = ("knowledge", "language")


class _Form(Struct, frozen=True, array_like=True):
    fingerprint: str
    wordings: Wordings


@cache
def _code() -> bytes:
    """Digest of the modules that make a form, so that no other version's form is ever used."""
    digest = hashlib.sha256()
    for folder in _MADE_BY:
        for path in sorted((_PACKAGE / folder).glob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()


def fingerprint(knowledge_hash: str) -> str:
    """Names the form of this knowledge as this code compiles it; fit for a file name."""
    return hashlib.sha256(_code() + knowledge_hash.encode()).hexdigest()


def packed(wordings: Wordings, knowledge_hash: str) -> bytes:
    return msgspec.msgpack.encode(_Form(fingerprint(knowledge_hash), wordings))


def unpacked(form: bytes, knowledge_hash: str) -> Wordings | None:
    """The wordings, or None where the bytes are broken or of something else."""
    try:
        kept = msgspec.msgpack.decode(form, type=_Form)
    except msgspec.DecodeError:
        return None
    return kept.wordings if kept.fingerprint == fingerprint(knowledge_hash) else None
