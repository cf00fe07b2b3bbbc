"""Addresses of baseline (a)."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from benchmarks.baselines.literal.views import AnalyzeViewSet


def ready(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ready")


urlpatterns = [
    path("api/symptoms/analyze", AnalyzeViewSet.as_view({"post": "create"})),
    path("health/ready", ready),
    path("", include("django_prometheus.urls")),
]
