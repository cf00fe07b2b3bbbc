"""Fixtures of all rooms. What a process keeps in memory starts anew with every test."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import connection, connections

from diagnosis import live, services
from diagnosis.policies import CLINICIANS, Actor, actor_of
from diagnosis.selectors import releases
from diagnosis.services.journal import journal
from diagnosis.tests.knowledge import tiny
from diagnosis.threads import close_threads
from diagnosis.values import KnowledgeChange


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database of this run's own, so that two runs at once do not meet.

    On SQLite it is a file: threads of their own do not share a database in memory.
    """
    folder = tmp_path_factory.getbasetemp()
    test = connection.settings_dict["TEST"]
    if connection.vendor == "sqlite":
        test["NAME"] = str(folder / "test.sqlite3")
    else:
        test["NAME"] = f"test_{connection.settings_dict['NAME']}_{os.getpid()}"


@pytest.fixture(autouse=True)
def fresh_process(settings: Any) -> Iterator[None]:
    """No knowledge, breaker, stream or cached page survives from one test to the next."""
    # Argon2 takes its time on purpose
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    releases._in_use = releases.KnowledgeInUse()
    live.feed = live.LiveFeed()
    services.renew_coordinator()
    forget_cached_pages()
    yield
    journal.close()
    close_threads()


def forget_cached_pages() -> None:
    """On Redis only what is this process's: clearing would empty the others' too."""
    if hasattr(cache, "delete_pattern"):
        cache.delete_pattern("*")
    else:
        cache.clear()


@pytest.fixture(scope="session", autouse=True)
def threads_ended(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads with connections end before the test database is dropped."""
    if any(map(_uses_database, request.session.items)):
        request.getfixturevalue("django_db_setup")
    yield
    journal.close()
    close_threads()
    # the thread in which asgiref runs the async ORM
    asyncio.run(sync_to_async(connections.close_all)())


def _uses_database(item: Any) -> bool:
    wanted = {"db", "transactional_db"}
    return bool(item.get_closest_marker("django_db") or wanted.intersection(item.fixturenames))


@pytest.fixture
def tiny_knowledge(transactional_db: None) -> KnowledgeChange:
    """A knowledge that can be checked by hand is published in the test database."""
    return services.load_knowledge(Actor.system(), tiny())


@pytest.fixture
def clinician(transactional_db: None) -> User:
    services.ensure_roles()
    user = User.objects.create_user("dr", password="a sound password of hers")
    user.groups.add(Group.objects.get(name=CLINICIANS))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def other_clinician(transactional_db: None) -> User:
    services.ensure_roles()
    user = User.objects.create_user("dr_other", password="a sound password of theirs")
    user.groups.add(Group.objects.get(name=CLINICIANS))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def administrator(transactional_db: None) -> User:
    return User.objects.create_superuser("root", password="a sound password of root")


@pytest.fixture
def actor(clinician: User) -> Actor:
    return actor_of(clinician)
