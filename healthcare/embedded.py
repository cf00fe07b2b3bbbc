"""What the embedded default keeps in ``var/``."""

import os
import secrets
import tempfile
from pathlib import Path


def kept_secret(path: Path, length: int = 50) -> str:
    """The secret in ``path``; made of ``length`` random bytes on the first call.

    Only its owner can read the file. Processes that start together agree on one secret.
    """
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp makes files of mode 0600; the link appears whole or not at all
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(length))
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        Path(temporary).unlink()
    return path.read_text(encoding="ascii")
