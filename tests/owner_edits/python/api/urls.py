"""Routes, without a slash at the end: each answers with one too."""

from django.urls import path

from api import slow, views

urlpatterns = [
    path("", views.index),
    path("slow", slow.slow),
    path("api/v1/me", views.me),
]
