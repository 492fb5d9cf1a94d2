"""Tests; those in integration require the dependencies of the service."""
