"""What the embedded default makes for itself."""

import io
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from diagnosis.policies import actor_of
from healthcare.embedded import kept_secret
from scripts import configuration


def test_a_secret_is_made_once_and_kept_from_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    made = kept_secret(path)

    assert len(made) >= 50
    assert kept_secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: kept_secret(tmp_path / "secret"), range(32)))

    assert len(made) == 1


@pytest.mark.django_db
class TestDemoAccounts:
    @pytest.fixture(autouse=True)
    def folder(self, settings: Any, tmp_path: Path) -> None:
        settings.VAR_DIR = tmp_path

    def printed(self) -> dict[str, str]:
        out = io.StringIO()
        call_command("demo_accounts", stdout=out)
        return dict(line.split(maxsplit=1) for line in out.getvalue().splitlines())

    def test_what_is_printed_opens_the_accounts(self, client: Client) -> None:
        for username, password in self.printed().items():
            assert client.login(username=username, password=password)

    def test_one_is_a_clinician_and_one_an_administrator(self) -> None:
        self.printed()
        clinician = actor_of(User.objects.get(username="clinician"))
        administrator = actor_of(User.objects.get(username="administrator"))

        assert (clinician.is_clinician, clinician.is_staff) == (True, False)
        assert (administrator.is_staff, administrator.is_publisher) == (True, True)

    def test_the_second_time_prints_the_same(self) -> None:
        assert self.printed() == self.printed()

    def test_a_password_that_was_changed_is_left_alone(self) -> None:
        self.printed()
        user = User.objects.get(username="clinician")
        user.set_password("something of their own")
        user.save()

        assert self.printed()["clinician"] == "(was changed)"
        assert User.objects.get(username="clinician").check_password("something of their own")

    def test_production_has_none(self, settings: Any) -> None:
        settings.PRODUCTION = True
        with pytest.raises(CommandError, match="production"):
            call_command("demo_accounts")
        assert not User.objects.exists()


def test_the_configuration_page_is_up_to_date() -> None:
    assert configuration.main(["--check"]) == 0
