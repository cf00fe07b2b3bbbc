"""Paths of the pages."""

from django.contrib.auth import views as auth_views
from django.urls import path

from diagnosis import views

urlpatterns = [
    path("", views.new_case, name="new-case"),
    path("sessions/", views.session_list, name="session-list"),
    path("sessions/<uuid:session_id>/", views.session_page, name="session"),
    path("sessions/<uuid:session_id>/result/", views.session_result, name="session-result"),
    path("sessions/<uuid:session_id>/outcome/", views.session_outcome, name="session-outcome"),
    path("sessions/<uuid:session_id>/replay/", views.session_replay, name="session-replay"),
    path("findings/", views.finding_suggestions, name="finding-suggestions"),
    path("findings/<slug:finding_id>/row/", views.finding_row, name="finding-row"),
    path("sign-in/", views.SignIn.as_view(), name="login"),
    path("sign-out/", auth_views.LogoutView.as_view(), name="logout"),
    path("about/", views.about, name="about"),
    path("problems/<slug:slug>/", views.problem_kind, name="problem-kind"),
]
