import pytest

from tests.migration_lint import lint, own_migrations


def test_every_migration_is_compatible_with_the_running_version() -> None:
    if findings := [finding for migration in own_migrations() for finding in lint(migration)]:
        pytest.fail("\n\n".join(findings), pytrace=False)
