"""Health and metrics; no trailing slash, as probes and the original load test ask for them."""

from django.urls import path

from monitoring import views

urlpatterns = [
    path("health", views.health_view, name="health"),
    path("health/live", views.live_view, name="health-live"),
    path("health/ready", views.ready_view, name="health-ready"),
    path("metrics", views.metrics_view, name="metrics"),
]
