"""Tests; those in integration need what the service depends on."""
