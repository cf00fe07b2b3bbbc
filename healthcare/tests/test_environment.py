"""Strict readers: every malformed value becomes a sentence that names its variable."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from healthcare import addresses
from healthcare.environment import Environment


def faults_of(env: Environment) -> list[str]:
    with pytest.raises(ImproperlyConfigured) as caught:
        env.settle()
    assert all(fault in str(caught.value) for fault in env.faults)
    return env.faults


def test_what_is_not_set_is_the_default() -> None:
    env = Environment({"EMPTY": ""})

    assert env.text("A", "x", "") == "x"
    assert env.text("EMPTY", "x", "") == "x"
    assert env.flag("B", True, "") is True
    assert env.integer("C", 5, "", at_least=1, at_most=9) == 5
    assert env.seconds("D", 1.5, "") == 1.5
    assert env.choice("E", "red", "", ("red", "blue")) == "red"
    assert env.listing("F", ["a"], "") == ["a"]
    env.settle()


def test_what_is_set_is_read() -> None:
    env = Environment({"B": " Yes", "C": "7", "D": "0.25", "E": "blue", "F": "a, b,,c "})

    assert env.flag("B", False, "") is True
    assert env.integer("C", 5, "", at_least=1, at_most=9) == 7
    assert env.seconds("D", 1.5, "") == 0.25
    assert env.choice("E", "red", "", ("red", "blue")) == "blue"
    assert env.listing("F", [], "") == ["a", "b", "c"]
    env.settle()


@pytest.mark.parametrize("value", ["maybe", "2", "ja", "t"])
def test_a_flag_is_one_of_eight_words(value: str) -> None:
    env = Environment({"FLAG": value})
    env.flag("FLAG", False, "")

    assert faults_of(env) == ["FLAG must be 1 or 0 (or true/false, yes/no, on/off)."]


@pytest.mark.parametrize("value", ["x", "1.5", "1_000", "٣", "0x10", "", " ", "--1", "²"])
def test_a_number_is_a_plain_whole_number(value: str) -> None:
    env = Environment({"N": value})
    number = env.integer("N", 3, "", at_least=0, at_most=10)

    assert number == 3
    assert env.faults == ([] if value == "" else ["N must be a whole number."])


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "soon", "1e400"])
def test_a_duration_is_a_finite_number(value: str) -> None:
    env = Environment({"D": value})
    env.seconds("D", 1, "")

    assert "D must be" in faults_of(env)[0]


@given(st.integers())
def test_numbers_out_of_range_are_refused(number: int) -> None:
    env = Environment({"N": str(number)})
    read = env.integer("N", 3, "", at_least=1, at_most=9)

    assert (read == number) == (1 <= number <= 9) or number == 3
    assert bool(env.faults) == (not 1 <= number <= 9)


@given(st.text())
def test_no_text_breaks_a_reader(value: str) -> None:
    env = Environment({"X": value})
    env.flag("X", False, "")
    env.integer("X", 1, "", at_least=0, at_most=5)
    env.seconds("X", 1, "")
    env.choice("X", "a", "", ("a", "b"))
    env.listing("X", [], "", each=addresses.origin)
    env.parsed("X", {}, "", addresses.database)
    env.parsed("X", "", "", addresses.redis)

    assert all(fault.startswith("X ") for fault in env.faults)


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden\n")
    env = Environment({"KEY_FILE": str(tmp_path / "key")})

    assert env.text("KEY", "", "") == "hidden"
    env.settle()


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    env = Environment({"KEY_FILE": str(tmp_path / "nowhere")})
    env.text("KEY", "", "")

    assert faults_of(env) == ["KEY_FILE names a file that cannot be read (FileNotFoundError)."]


def test_a_value_and_a_file_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hidden")
    env = Environment({"KEY": "seen", "KEY_FILE": str(tmp_path / "key")})
    env.text("KEY", "", "")

    assert faults_of(env) == ["KEY and KEY_FILE are both set; set one of them."]


def test_everything_that_is_missing_is_named_at_once() -> None:
    env = Environment({"N": "x"})
    env.production = True
    env.text("A", "", "The first.", required_in_production=True)
    env.listing("B", [], "The second.", required_in_production=True)
    env.integer("N", 1, "", at_least=0, at_most=1)
    env.refuse("And this.")

    assert faults_of(env) == [
        "A must be set in production: The first.",
        "B must be set in production: The second.",
        "N must be a whole number.",
        "And this.",
    ]


def test_a_fault_never_shows_the_value() -> None:
    env = Environment({"DATABASE_URL": "postgres://u:topsecret@h:99999999/n", "R": "topsecret"})
    env.parsed("DATABASE_URL", {}, "", addresses.database)
    env.parsed("R", "", "", addresses.redis)

    assert len(env.faults) == 2
    assert "topsecret" not in str(env.faults)


# --- addresses ------------------------------------------------------------------------------------


def test_a_postgres_url_is_taken_apart() -> None:
    found = addresses.database("postgres://u%40x:p%2Fw@db.example.org:6432/cds?sslmode=require")

    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "u@x",
        "p/w",
        "db.example.org",
        "6432",
        "cds",
    )
    assert found["OPTIONS"] == {"sslmode": "require"}
    assert found["CONN_MAX_AGE"] == 0


def test_a_socket_can_be_the_host() -> None:
    found = addresses.database("postgresql://u@/cds?host=/var/run/postgresql")

    assert (found["HOST"], found["NAME"], found["OPTIONS"]) == ("/var/run/postgresql", "cds", {})


def test_sqlite_is_durable_and_waits_for_its_turn() -> None:
    found = addresses.database("sqlite:////data/cds.sqlite3")

    assert found["NAME"] == "/data/cds.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]
    assert found["OPTIONS"]["timeout"] > 0


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u@h/n",
        "postgres://h",
        "postgres://h/",
        "postgres://h/a/b",
        "postgres://h:port/n",
        "postgres://h/n?evil=1",
        "sqlite://",
        "sqlite:///",
        "sqlite://h/n",
        "cds",
        "http://[broken",
    ],
)
def test_a_database_url_that_is_no_such_thing_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        addresses.database(url)


@pytest.mark.parametrize("url", ["redis://h:6379/0", "rediss://u:p@h/1", "unix:///run/redis.sock"])
def test_redis_urls_are_taken_as_they_are(url: str) -> None:
    assert addresses.redis(url) == url


@pytest.mark.parametrize("url", ["h:6379", "http://h", "redis://", "redis://h:x/0"])
def test_a_redis_url_that_is_no_such_thing_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|port"):
        addresses.redis(url)


@pytest.mark.parametrize("value", ["cds.example.org", "https://h/path", "ftp://h", "https://"])
def test_an_origin_is_scheme_and_host(value: str) -> None:
    with pytest.raises(ValueError, match="origins"):
        addresses.origin(value)
    assert addresses.origin("https://h:8443") == "https://h:8443"
