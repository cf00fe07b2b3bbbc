"""The settings as a whole, each time read by a process of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP",
    "ALLOWED_HOSTS": "cds.example.org",
    "DATABASE_URL": "postgres://cds@db/cds",
    "REDIS_URL": "redis://redis:6379/0",
}
ASKED = """
import json, healthcare.settings as s
names = ("OPEN_ANALYZE", "DEBUG", "SECURE_SSL_REDIRECT", "SESSION_COOKIE_SECURE", "ALLOWED_HOSTS",
         "DATABASES", "CACHES", "CHANNEL_LAYERS", "STORAGES", "SECRET_KEY", "HOT_PATH_CONCURRENCY")
print(json.dumps({n: getattr(s, n) for n in names}))
"""


def read(asked: str = ASKED, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        env={**kept, "ENV_FILE": "", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def settings_with(**variables: str) -> dict[str, Any]:
    done = read(**variables)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def refusal_of(**variables: str) -> str:
    done = read(**variables)
    assert done.returncode != 0
    return done.stderr


def test_the_embedded_default_needs_nothing() -> None:
    found = settings_with()

    assert found["OPEN_ANALYZE"] is True
    assert found["DEBUG"] is False
    assert found["DATABASES"]["default"]["ENGINE"].endswith("sqlite3")
    assert found["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")
    assert found["CHANNEL_LAYERS"]["default"]["BACKEND"].endswith("InMemoryChannelLayer")
    assert len(found["SECRET_KEY"]) >= 50
    assert settings_with()["SECRET_KEY"] == found["SECRET_KEY"]


def test_production_closes_what_is_open() -> None:
    found = settings_with(**PRODUCTION)

    assert found["OPEN_ANALYZE"] is False
    assert found["SECURE_SSL_REDIRECT"] is found["SESSION_COOKIE_SECURE"] is True
    assert found["CACHES"]["default"]["BACKEND"] == "django_redis.cache.RedisCache"
    layer = found["CHANNEL_LAYERS"]["default"]["BACKEND"]
    assert layer == "channels_redis.pubsub.RedisPubSubChannelLayer"
    assert found["STORAGES"]["staticfiles"]["BACKEND"].endswith("ManifestStaticFilesStorage")


def test_half_configured_production_names_everything_that_is_missing() -> None:
    said = refusal_of(ENVIRONMENT="production")

    for name in ("SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "REDIS_URL"):
        assert f"{name} must be set in production" in said


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"DEBUG": "1"}, "DEBUG must be off in production"),
        ({"SECRET_KEY": "short"}, "at least 50 random characters"),
        ({"SECRET_KEY": "a" * 60}, "at least 50 random characters"),
        ({"ALLOWED_HOSTS": "*"}, "not '*'"),
        ({"DATABASE_URL": "sqlite:///x.db"}, "PostgreSQL"),
        ({"HTTPS": "0"}, "HTTPS must be on"),
        ({"REDIS_URL": "localhost"}, "REDIS_URL must start with"),
    ],
)
def test_unsafe_production_is_refused(variables: dict[str, str], complaint: str) -> None:
    assert complaint in refusal_of(**{**PRODUCTION, **variables})


def test_an_unknown_environment_is_refused() -> None:
    assert "ENVIRONMENT must be one of" in refusal_of(ENVIRONMENT="prod")


def test_the_pool_is_divided_by_the_workers() -> None:
    def pool(**variables: str) -> Any:
        found = settings_with(**PRODUCTION, **variables)
        return found["DATABASES"]["default"]["OPTIONS"].get("pool")

    assert pool() == {
        "min_size": 20,
        "max_size": 50,
        "timeout": 30,
        "max_lifetime": 3600,
        "reconnect_timeout": 3,
    }
    assert (pool(WORKERS="5")["min_size"], pool(WORKERS="5")["max_size"]) == (4, 10)
    assert pool(WORKERS="2", REPLICAS="3")["max_size"] == 8
    assert pool(WORKERS="8", REPLICAS="12")["max_size"] == 2
    own = pool(DATABASE_POOL_MIN="3", DATABASE_POOL_TIMEOUT_S="5", DATABASE_POOL_LIFE_S="60")
    assert (own["min_size"], own["timeout"], own["max_lifetime"]) == (3, 5, 60)
    assert pool(DATABASE_POOL_MAX="0") is None


def test_connections_are_divided_by_the_workers() -> None:
    assert settings_with()["HOT_PATH_CONCURRENCY"] == 512
    assert settings_with(WORKERS="4", MAX_CONNECTIONS="100")["HOT_PATH_CONCURRENCY"] == 25
    assert settings_with(WORKERS="4", MAX_CONNECTIONS="1")["HOT_PATH_CONCURRENCY"] == 1


def test_behind_pgbouncer_no_cursor_stays_on_the_server() -> None:
    def database(**variables: str) -> Any:
        return settings_with(**PRODUCTION, **variables)["DATABASES"]["default"]

    assert database(PGBOUNCER="1")["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert "DISABLE_SERVER_SIDE_CURSORS" not in database()


def test_a_file_of_variables_stands_behind_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "settings.env"
    path.write_text("ALLOWED_HOSTS=from-file\nOPEN_ANALYZE=no\n")
    found = settings_with(ENV_FILE=str(path), ALLOWED_HOSTS="from-environment")

    assert found["ALLOWED_HOSTS"] == ["from-environment"]
    assert found["OPEN_ANALYZE"] is False


def test_a_secret_can_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(PRODUCTION["SECRET_KEY"] + "\n")
    given = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}
    found = settings_with(SECRET_KEY_FILE=str(path), **given)

    assert found["SECRET_KEY"] == PRODUCTION["SECRET_KEY"]
