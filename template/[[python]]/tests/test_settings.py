from django.core.management import call_command


def test_django_finds_nothing_to_warn_of() -> None:
    call_command("check", deploy=True, fail_level="WARNING")
