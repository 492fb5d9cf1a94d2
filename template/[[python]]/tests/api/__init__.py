"""Tests of the routes. You own this folder."""
