"""The content security policy; one path may do more than the others."""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

# the admin theme's scripts evaluate expressions in attributes, and set styles
ADMIN_ALSO = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class ContentPolicyMiddleware(CSPMiddleware):
    """The policy of the settings, widened on the admin's pages and nowhere else."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith(reverse("admin:index")):
            response._csp_update = ADMIN_ALSO  # type: ignore[attr-defined]
        return super().process_response(request, response)
