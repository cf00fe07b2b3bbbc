"""Who may do what. ``check_x`` raises; ``can_x`` asks the same question and answers a bool.

Which sessions an actor can see at all is decided where they are read, in ``selectors``.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from diagnosis.actors import Actor
from diagnosis.errors import NotAllowed, SignInRequired, StateRefused
from diagnosis.models import Batch, User

CLINICIANS = "clinicians"
KNOWLEDGE_EDITORS = "knowledge editors"
KNOWLEDGE_MODELS = (
    "source",
    "finding",
    "condition",
    "conditionfinding",
    "redflagrule",
    "guideline",
    "guidelineversion",
    "recommendation",
)
ROLES: dict[str, tuple[str, ...]] = {
    CLINICIANS: ("consult",),
    KNOWLEDGE_EDITORS: (
        "publish_knowledge",
        *(f"{verb}_{model}" for verb in ("add", "change", "view") for model in KNOWLEDGE_MODELS),
        *(f"delete_{model}" for model in ("conditionfinding", "recommendation")),
        "view_knowledgerelease",
        "view_knowledgepublication",
    ),
}
"""Permissions of the groups that every installation has."""

__all__ = [
    "CLINICIANS",
    "KNOWLEDGE_EDITORS",
    "ROLES",
    "Actor",
    "actor_of",
    "can_cancel_batch",
    "can_consult",
    "can_publish_knowledge",
    "can_read_knowledge",
    "can_read_sessions",
    "can_read_staff_pages",
    "can_report_on_session",
    "can_submit_batch",
    "check_cancel_batch",
    "check_consult",
    "check_publish_knowledge",
    "check_read_knowledge",
    "check_read_sessions",
    "check_read_staff_pages",
    "check_report_on_session",
    "check_submit_batch",
]


def actor_of(user: User | AnonymousUser) -> Actor:
    """The actor behind a Django user. Reads groups, so it may query: not on the event loop."""
    if isinstance(user, AnonymousUser) or not user.is_active:
        return Actor.anonymous()
    return Actor(
        user_id=user.pk,
        label=user.get_username(),
        is_staff=user.is_staff,
        is_clinician=user.has_perm("diagnosis.consult"),
        is_publisher=user.has_perm("diagnosis.publish_knowledge"),
    )


def check_consult(actor: Actor) -> None:
    """Raises NotAllowed unless the actor may have a case analysed."""
    if not (actor.is_clinician or settings.OPEN_ANALYZE):
        _refuse(actor, "Only clinicians may have a case analysed.")


def check_read_knowledge(actor: Actor) -> None:
    """Raises SignInRequired unless the actor may read what cases are analysed with."""
    if not (actor.is_known or settings.OPEN_ANALYZE):
        _refuse(actor, "Knowledge is only shown to people who have an account.")


def check_read_sessions(actor: Actor) -> None:
    """Raises SignInRequired unless there is somebody whose sessions could be listed."""
    if not actor.is_known:
        _refuse(actor, "Sessions are listed for the clinician who had them.")


def check_report_on_session(actor: Actor) -> None:
    """Raises NotAllowed unless the actor may record outcomes and feedback on what they see."""
    if not (actor.is_clinician or actor.is_staff or settings.OPEN_ANALYZE):
        _refuse(actor, "Only clinicians may report on a session.")


def check_submit_batch(actor: Actor) -> None:
    """Raises NotAllowed unless the actor may hand in many cases at once; never for nobody."""
    if not actor.is_clinician:
        _refuse(actor, "Only clinicians may hand in a batch.")


def check_cancel_batch(batch: Batch) -> None:
    """Raises StateRefused where the batch has ended in another way than by being cancelled."""
    if batch.status not in (*Batch.OPEN, Batch.CANCELLED):
        raise StateRefused("The batch has ended already.")


def check_publish_knowledge(actor: Actor) -> None:
    """Raises NotAllowed unless the actor may load or publish knowledge."""
    if not actor.is_publisher:
        _refuse(actor, "Only knowledge editors may publish knowledge.")


def check_read_staff_pages(actor: Actor) -> None:
    """Raises NotAllowed unless the actor may see figures over all sessions."""
    if not actor.is_staff:
        _refuse(actor, "Only staff may see this.")


def _asks(check: Callable[..., None]) -> Callable[..., bool]:
    def can(*args: Any) -> bool:
        try:
            check(*args)
        except (NotAllowed, StateRefused):
            return False
        return True

    can.__doc__ = f"Whether ``{check.__name__}`` would let it pass."
    return can


can_consult = _asks(check_consult)
can_read_knowledge = _asks(check_read_knowledge)
can_read_sessions = _asks(check_read_sessions)
can_report_on_session = _asks(check_report_on_session)
can_submit_batch = _asks(check_submit_batch)
can_cancel_batch = _asks(check_cancel_batch)
can_publish_knowledge = _asks(check_publish_knowledge)
can_read_staff_pages = _asks(check_read_staff_pages)


def _refuse(actor: Actor, sentence: str) -> None:
    if actor.is_known:
        raise NotAllowed(sentence)
    raise SignInRequired("Sign in first. " + sentence)
