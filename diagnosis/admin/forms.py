"""Forms of the admin: lists as lines, and every row checked against the knowledge schema."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from django import forms
from django.db import models
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from diagnosis import transcription
from diagnosis.models import (
    Condition,
    ConditionFinding,
    Finding,
    GuidelineVersion,
    Recommendation,
    RedFlagRule,
    Source,
)

_PATH = re.compile(r" - at `\$\.?(?P<field>[a-z0-9_]*)[^`]*`$")


class LinesField(forms.CharField):
    """A list of words, one on a line."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("encoder", None)
        kwargs.pop("decoder", None)
        kwargs["widget"] = UnfoldAdminTextareaWidget(attrs={"rows": 4})
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        if isinstance(value, list):
            return value
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        """The schema checks each item; the model's clean calls it."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(initial) != self.to_python(data))


class KeyField(forms.ModelChoiceField):
    """An entry by its id, typed: a list of thousands to choose from would be no help."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return value.pk if isinstance(value, models.Model) else value


def schema_faults(row: models.Model) -> dict[str | None, str]:
    """What breaks the schema, by field; None where no field of the form can be named."""
    checks: dict[type[models.Model], Callable[[Any], object]] = {
        Source: transcription.source_entry,
        Finding: transcription.finding_entry,
        Condition: lambda condition: transcription.condition_entry(condition, ()),
        ConditionFinding: transcription.checked_figure,
        RedFlagRule: transcription.red_flag_entry,
        Recommendation: transcription.recommendation_entry,
        GuidelineVersion: transcription.checked_version,
    }
    check = checks.get(type(row))
    if check is None:
        return {}
    try:
        check(row)
    except msgspec.ValidationError as error:
        found = _PATH.search(str(error))
        field = found["field"] if found else None
        return {field or None: _PATH.sub("", str(error)) + "."}
    return {}


class EntryForm(forms.ModelForm):
    """A form of an entry or a part of one; what the schema refuses is an error of the form."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        for field, fault in schema_faults(self.instance).items():
            self.add_error(field if field in self.fields else None, fault)
