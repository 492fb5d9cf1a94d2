"""Routes, without a slash at the end: each answers with one too."""

from django.urls import path

from api import views

urlpatterns = [
    path("", views.index),
    path("api/v1/me", views.me),
]
