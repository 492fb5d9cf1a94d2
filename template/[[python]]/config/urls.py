"""All routes: those of api, and problem documents for errors."""

from django.urls import include, path

urlpatterns = [path("", include("api.urls"))]

handler400 = "web.problems.bad_request"
handler403 = "web.problems.forbidden"
handler404 = "web.problems.not_found"
handler500 = "web.problems.internal_server_error"
