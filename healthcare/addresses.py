"""Addresses of services, from one URL each, refused with a sentence when malformed."""

from pathlib import Path
from typing import Any
from urllib.parse import ParseResult, parse_qsl, unquote, urlparse

POSTGRES_SCHEMES = ("postgres", "postgresql")
POSTGRES_OPTIONS = frozenset(
    {
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "connect_timeout",
        "application_name",
        "options",
        "target_session_attrs",
    }
)
# readers go on while one writes; a commit is on disk before it is answered; a second writer waits
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;",
}


def sqlite(path: Path) -> dict[str, Any]:
    """Django's database settings for a SQLite file."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": dict(SQLITE_OPTIONS),
        "CONN_MAX_AGE": None,
    }


def database(url: str) -> dict[str, Any]:
    """Django's database settings from ``postgres://`` or ``sqlite:///path``. Raises ValueError."""
    parts = urlparse(url)
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path.strip("/"):
            raise ValueError("must look like sqlite:///relative/path or sqlite:////absolute/path")
        return sqlite(Path(unquote(parts.path[1:])))
    if parts.scheme not in POSTGRES_SCHEMES:
        raise ValueError("must start with postgres:// or sqlite:///")
    return _postgres(parts)


def _postgres(parts: ParseResult) -> dict[str, Any]:
    name = unquote(parts.path.lstrip("/"))
    if not name or "/" in name:
        raise ValueError("must end with /name, the database's name")
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", "") or unquote(parts.hostname or "")
    if unknown := sorted(set(options) - POSTGRES_OPTIONS):
        raise ValueError(f"has options that are not known: {', '.join(unknown)}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": _port(parts),
        "OPTIONS": dict(options),
        "CONN_MAX_AGE": 0,
    }


def _port(parts: ParseResult) -> str:
    try:
        return str(parts.port or "")
    except ValueError:
        raise ValueError("has a port that is no number between 0 and 65535") from None


def pool_share(least: int, most: int, workers: int) -> dict[str, int]:
    """What one of so many workers may have of a pool: never fewer than two connections."""
    share = max(2, most // workers)
    return {"min_size": min(max(1, least // workers), share), "max_size": share}


def redis(url: str) -> str:
    """The URL itself. Raises ValueError unless it is ``redis://``, ``rediss://`` or ``unix://``."""
    parts = urlparse(url)
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("must start with redis://, rediss:// or unix://")
    if parts.scheme != "unix":
        _port(parts)
        if not parts.hostname:
            raise ValueError("must name a host")
    return url


def origin(value: str) -> str:
    """``https://host`` or ``https://host:port``. Raises ValueError."""
    parts = urlparse(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
        raise ValueError("must hold origins such as https://cds.example.org")
    return value
