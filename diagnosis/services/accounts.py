"""Accounts to try the product with; never made in production."""

from django.contrib.auth.models import Group, User
from django.db import transaction

from diagnosis.actors import Actor
from diagnosis.policies import CLINICIANS
from diagnosis.services.audit import write_audit
from diagnosis.services.lifetime import ensure_roles

DEMO_CLINICIAN, DEMO_ADMINISTRATOR = "clinician", "administrator"


def make_demo_account(username: str, password: str) -> bool:
    """Makes the account if it is missing; whether ``password`` opens it."""
    with transaction.atomic():
        user, made = User.objects.get_or_create(username=username)
        if made:
            user.set_password(password)
            user.is_staff = user.is_superuser = username == DEMO_ADMINISTRATOR
            user.save()
            ensure_roles()
            user.groups.add(Group.objects.get(name=CLINICIANS))
            write_audit(Actor.system(), "demo_account_made", "user", username, {})
    return made or user.check_password(password)
