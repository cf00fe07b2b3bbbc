"""Who may do what; each question has a raising and an asking form that agree."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from diagnosis import policies, services
from diagnosis.errors import NotAllowed, SignInRequired
from diagnosis.policies import Actor, actor_of

ANONYMOUS = Actor.anonymous()
VISITOR = Actor(1, "visitor")
CLINICIAN = Actor(2, "dr", is_clinician=True)
STAFF = Actor(3, "staff", is_staff=True)
EDITOR = Actor(4, "editor", is_publisher=True)

QUESTIONS: list[tuple[str, set[Actor], set[Actor]]] = [
    ("consult", {CLINICIAN}, {ANONYMOUS, VISITOR, CLINICIAN, STAFF, EDITOR}),
    ("report_on_session", {CLINICIAN, STAFF}, {ANONYMOUS, VISITOR, CLINICIAN, STAFF, EDITOR}),
    ("publish_knowledge", {EDITOR}, {EDITOR}),
    ("read_staff_pages", {STAFF}, {STAFF}),
]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(("question", "closed_to", "open_to"), QUESTIONS)
@pytest.mark.parametrize("actor", [ANONYMOUS, VISITOR, CLINICIAN, STAFF, EDITOR])
def test_who_may(
    question: str,
    closed_to: set[Actor],
    open_to: set[Actor],
    actor: Actor,
    opened: bool,
    settings: Any,
) -> None:
    settings.OPEN_ANALYZE = opened
    expected = actor in (open_to if opened else closed_to)

    assert getattr(policies, f"can_{question}")(actor) is expected
    if expected:
        getattr(policies, f"check_{question}")(actor)
    else:
        with pytest.raises(SignInRequired if actor is ANONYMOUS else NotAllowed):
            getattr(policies, f"check_{question}")(actor)


@pytest.mark.django_db
class TestActorOf:
    def test_nobody_signed_in_is_anonymous(self) -> None:
        assert actor_of(AnonymousUser()) == ANONYMOUS

    def test_a_user_without_a_role_is_a_visitor(self) -> None:
        user = User.objects.create_user("visitor")
        assert actor_of(user) == Actor(user.pk, "visitor")

    def test_roles_come_from_groups(self) -> None:
        services.ensure_roles()
        user = User.objects.create_user("dr")
        user.groups.add(Group.objects.get(name=policies.CLINICIANS))
        assert actor_of(User.objects.get(pk=user.pk)).is_clinician
        assert not actor_of(User.objects.get(pk=user.pk)).is_publisher
        user.groups.add(Group.objects.get(name=policies.KNOWLEDGE_EDITORS))
        assert actor_of(User.objects.get(pk=user.pk)).is_publisher

    def test_a_superuser_may_everything(self) -> None:
        user = User.objects.create_superuser("root")
        assert actor_of(user) == Actor(user.pk, "root", True, True, True)

    def test_whoever_was_deactivated_is_nobody(self) -> None:
        user = User.objects.create_superuser("gone", is_active=False)
        assert actor_of(user) == ANONYMOUS

    def test_every_permission_of_a_role_exists(self) -> None:
        services.ensure_roles()
        for name, codenames in policies.ROLES.items():
            permissions = Group.objects.get(name=name).permissions
            assert set(permissions.values_list("codename", flat=True)) == set(codenames)
