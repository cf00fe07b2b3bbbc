"""PostgreSQL, Redis and nginx as parts of a local stack, from Debian's packages."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

import psycopg
import redis

from scripts.stack_parts import (
    Part,
    StackError,
    account,
    ensure_packages,
    handed_over,
    is_listening,
)

DEBIAN_POSTGRES: Final = Path("/usr/lib/postgresql")
NO_CLUSTER: Final = Path("/etc/postgresql-common/createcluster.conf")
PATHS: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLAIN: Final = {"PATH": PATHS, "LC_ALL": "C.UTF-8"}


def found(program: str, package: str) -> str:
    """The path of a program; its package is installed where it is missing."""
    path = shutil.which(program, path=PATHS)
    if path is None:
        ensure_packages(package)
        path = shutil.which(program, path=PATHS)
    if path is None:
        raise StackError(f"The package {package} has no program {program}.")
    return path


# --- PostgreSQL -----------------------------------------------------------------------------------


def postgres(home: Path, port: int, options: dict[str, str]) -> Part:
    """A cluster in ``home``, made on the first call; it survives what the machine survives."""
    programs = _postgres_programs()
    user = account("postgres")
    data = handed_over(home / "postgres", user)
    if not (data / "PG_VERSION").exists():
        _make_cluster(programs, data, user)
    settings = {"port": str(port), "listen_addresses": "127.0.0.1", **options}
    settings["unix_socket_directories"] = ""
    given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Part(
        name="postgres",
        command=[str(programs / "postgres"), "-D", str(data), *given],
        is_ready=lambda: _postgres_answers(port),
        log=home / "logs" / "postgres.log",
        port=port,
        environment=PLAIN,
        # fast: ends sessions and writes a checkpoint
        stop_signal=signal.SIGINT,
        user=user,
    )


def _postgres_programs() -> Path:
    if not list(DEBIAN_POSTGRES.glob("*/bin/postgres")):
        # the package would start a cluster of its own
        if not NO_CLUSTER.exists() and account("root"):
            NO_CLUSTER.parent.mkdir(exist_ok=True)
            NO_CLUSTER.write_text("create_main_cluster = false\n", encoding="utf-8")
        ensure_packages("postgresql")
    versions = sorted(DEBIAN_POSTGRES.glob("*/bin"), key=lambda path: float(path.parent.name))
    if not versions:
        raise StackError(f"There is no PostgreSQL in {DEBIAN_POSTGRES}.")
    return versions[-1]


def _make_cluster(programs: Path, data: Path, user: str | None) -> None:
    command = [str(programs / "initdb"), "-D", str(data)]
    command += ["-U", "postgres", "-A", "trust", "-E", "UTF8"]
    done = subprocess.run(
        command, env=PLAIN, capture_output=True, text=True, check=False, timeout=120, user=user
    )
    if done.returncode != 0:
        raise StackError(f"PostgreSQL could not make its files: {done.stderr.strip()}")


def postgres_url(port: int, database: str = "cds") -> str:
    return f"postgres://postgres@127.0.0.1:{port}/{database}"


def _postgres_answers(port: int) -> bool:
    try:
        with psycopg.connect(postgres_url(port, "postgres"), connect_timeout=2) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def ensure_database(port: int) -> None:
    with psycopg.connect(postgres_url(port, "postgres"), autocommit=True) as connection:
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'cds'").fetchone()
        if row is None:
            connection.execute("CREATE DATABASE cds")


# --- Redis ----------------------------------------------------------------------------------------


def redis_server(home: Path, port: int) -> Part:
    folder = home / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    command = [found("redis-server", "redis-server"), "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--dir", str(folder), "--save", "", "--appendonly", "yes"]
    # Celery's queue must stay whole, so only what has an end is thrown out
    command += ["--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"]
    return Part(
        name="redis",
        command=command,
        is_ready=lambda: _redis_answers(port),
        log=home / "logs" / "redis.log",
        port=port,
        environment=PLAIN,
    )


def redis_url(port: int) -> str:
    return f"redis://127.0.0.1:{port}/0"


def _redis_answers(port: int) -> bool:
    try:
        with redis.Redis.from_url(redis_url(port), socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


# --- nginx ----------------------------------------------------------------------------------------


def nginx(home: Path, port: int, configuration: str) -> Part:
    """nginx in the foreground, as the account of the web server, like its container."""
    program = found("nginx", "nginx-light")
    user = account("www-data")
    folder = handed_over(home / "nginx", user)
    path = home / "nginx.conf"
    path.write_text(configuration, encoding="utf-8")
    command = [program, "-p", str(folder), "-c", str(path), "-e", "stderr", "-g", "daemon off;"]
    return Part(
        name="nginx",
        command=command,
        is_ready=lambda: is_listening(port),
        log=home / "logs" / "nginx.log",
        port=port,
        environment=PLAIN,
        # graceful: answers what it has begun
        stop_signal=signal.SIGQUIT,
        user=user,
    )
