"""Every path of the site; the lean entry serves some of them from ``healthcare.asgi``."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    # the prefix without a version is the original one, and stays
    path("api/v1/", include("diagnosis.api.urls")),
    path("api/", include("diagnosis.api.urls")),
    path("", include("monitoring.urls")),
    path("", include("diagnosis.urls")),
]

handler400 = "healthcare.errors.bad_request"
handler403 = "healthcare.errors.permission_denied"
handler404 = "healthcare.errors.not_found"
handler500 = "healthcare.errors.server_error"
