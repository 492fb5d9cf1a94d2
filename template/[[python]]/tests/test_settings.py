from django.core.management import call_command


def test_django_system_checks_pass() -> None:
    call_command("check", deploy=True, fail_level="WARNING")
