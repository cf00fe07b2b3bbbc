"""The app that owns sessions and knowledge."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DiagnosisConfig(AppConfig):
    name = "diagnosis"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Decision support"

    def ready(self) -> None:
        # registers the system check
        from diagnosis import checks  # noqa: F401

        post_migrate.connect(_make_roles, sender=self)
        post_migrate.connect(_make_months, sender=self)


def _make_roles(**kwargs: Any) -> None:
    # permissions exist once Django's own receiver has made them; it was connected first
    from diagnosis.services import ensure_roles

    ensure_roles()


def _make_months(**kwargs: Any) -> None:
    from diagnosis.services import ensure_months

    ensure_months()
