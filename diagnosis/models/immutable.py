"""Rows that are written once. The database refuses changes too (a trigger, see migrations)."""

from typing import Any, ClassVar

from django.db import models


class WrittenOnce(Exception):
    """A row that is written once was about to be changed or deleted."""


class _AppendOnlyQuerySet(models.QuerySet[Any]):
    def update(self, **kwargs: Any) -> int:
        raise WrittenOnce(f"{self.model.__name__} rows are written once")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise WrittenOnce(f"{self.model.__name__} rows are written once")


class AppendOnly(models.Model):
    """A row that can be added and read, and nothing else."""

    objects: ClassVar[models.Manager[Any]] = _AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise WrittenOnce(f"{type(self).__name__} rows are written once")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise WrittenOnce(f"{type(self).__name__} rows are written once")
