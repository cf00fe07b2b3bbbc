"""Which PostgreSQL and Redis the tests can use: ``python -m scripts.services [DATABASE] [REDIS]``.

Prints an assignment for a shell for each that answers; says on standard error what does not.
"""

import shlex
import sys

import psycopg
import redis

POSTGRES = (
    "postgres://postgres@127.0.0.1:5432/cds",
    "postgres://postgres@/cds?host=/var/run/postgresql",
)
REDIS = ("redis://127.0.0.1:6379/15",)
TIMEOUT_S = 2


def postgres_fault(url: str) -> str:
    """Why the tests cannot use it; empty where they can."""
    maintenance = url.replace("/cds", "/postgres", 1)
    try:
        with psycopg.connect(maintenance, connect_timeout=TIMEOUT_S) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return "" if row and row[0] else "its user may not create a test database"


def redis_fault(url: str) -> str:
    """Why the tests cannot use it; empty where they can."""
    try:
        with redis.Redis.from_url(url, socket_timeout=TIMEOUT_S) as client:
            client.ping()
    except redis.RedisError as error:
        return str(error).splitlines()[0]
    return ""


def main(database: str = "", broker: str = "") -> int:
    for name, given, usual, fault_of in (
        ("DATABASE_URL", database, POSTGRES, postgres_fault),
        ("REDIS_URL", broker, REDIS, redis_fault),
    ):
        candidates = (given,) if given else usual
        faults = {url: fault_of(url) for url in candidates}
        answering = [url for url, fault in faults.items() if not fault]
        if answering:
            print(f"{name}={shlex.quote(answering[0])}")
        else:
            print(f"{name}: {next(iter(faults.values()))}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
