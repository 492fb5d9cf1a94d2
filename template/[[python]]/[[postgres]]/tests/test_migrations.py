import pytest

from tests.migration_lint import lint, own_migrations


def test_every_migration_suits_the_version_that_still_runs() -> None:
    if findings := [finding for migration in own_migrations() for finding in lint(migration)]:
        pytest.fail("\n\n".join(findings), pytrace=False)
