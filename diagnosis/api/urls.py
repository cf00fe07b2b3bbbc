"""Paths under ``/api/v1/`` and, the same again, under ``/api/``."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from diagnosis.api.batches import BatchViewSet
from diagnosis.api.published import (
    ConditionViewSet,
    FindingViewSet,
    GuidelineViewSet,
    RedFlagViewSet,
)
from diagnosis.api.sessions import AnalyzeView, SessionViewSet
from diagnosis.api.tokens import EndEveryToken, EndToken, NewToken

router = SimpleRouter(use_regex_path=False)
router.register("sessions", SessionViewSet, basename="session")
router.register("batches", BatchViewSet, basename="batch")
router.register("conditions", ConditionViewSet, basename="condition")
router.register("findings", FindingViewSet, basename="finding")
router.register("guidelines", GuidelineViewSet, basename="guideline")
router.register("red-flags", RedFlagViewSet, basename="red-flag")

urlpatterns = [
    path("symptoms/analyze", AnalyzeView.as_view(), name="analyze"),
    path("tokens/", NewToken.as_view(), name="token-new"),
    path("tokens/end/", EndToken.as_view(), name="token-end"),
    path("tokens/end-all/", EndEveryToken.as_view(), name="token-end-all"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "docs/",
        SpectacularSwaggerSplitView.as_view(url="/api/v1/schema/", template_name="api_docs.html"),
        name="docs",
    ),
    path("batches/<uuid:batch_id>/results", BatchViewSet.as_view({"get": "results"})),
    path("batches/<uuid:batch_id>/cancel", BatchViewSet.as_view({"post": "cancel"})),
    *router.urls,
]
