"""Routes, without a trailing slash; each also matches with one."""

from django.urls import path

from api import views
from api.me import me

urlpatterns = [
    path("", views.index),
    path("api/v1/me", me),
]
