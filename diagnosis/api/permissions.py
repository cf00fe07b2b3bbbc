"""DRF's question to the policies."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from diagnosis.policies import actor_of, check_read_knowledge


class ReadsKnowledge(BasePermission):
    """Whoever may have a case analysed may read what it is analysed with."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises NotAllowed or SignInRequired, which become problem documents."""
        check_read_knowledge(actor_of(request.user))
        return True
