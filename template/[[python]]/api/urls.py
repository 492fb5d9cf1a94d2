"""Routes, without a trailing slash; each also matches with one."""

from django.urls import path

from api import views

urlpatterns = [
    path("", views.index),
    path("api/v1/me", views.me),
]
