"""Routes, without a trailing slash; each also matches with one."""

from django.urls import path

from api import views
from api.api import api

urlpatterns = [
    path("", views.index),
    path("", api.urls),
]
