"""Logs on stdout: one JSON object a line, in development lines for people."""

import logging.config
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config import SERVICE
from config.environment import Environment

LEVELS = {"warning": "warn", "critical": "error"}


def configure_logs(environment: Environment) -> None:
    """Send the lines of structlog and of every library's logger through the same handler.

    Arguments:
        environment: its mode decides the format, its log level what is left out.

    """
    level = logging.getLevelNamesMapping()[environment.log_level.upper()]
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        level = str(event.pop("level"))
        return {
            "time": event.pop("time"),
            "level": LEVELS.get(level, level),
            "msg": event.pop("event"),
            "service": SERVICE,
            "version": environment.app_version,
            **event,
        }

    for_machines: list[Processor] = [
        structlog.processors.format_exc_info,
        add_service,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]
    for_people: list[Processor] = [
        structlog.dev.ConsoleRenderer(timestamp_key="time", colors=sys.stdout.isatty()),
    ]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "lines": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": common,
                    "processors": [
                        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                        *(for_people if environment.app_env == "development" else for_machines),
                    ],
                }
            },
            "filters": {
                "with_cause": {
                    "()": "django.utils.log.CallbackFilter",
                    "callback": lambda record: bool(record.exc_info),
                }
            },
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "lines",
                }
            },
            "root": {"level": level, "handlers": ["stdout"]},
            "loggers": {
                # The service says itself when it starts and stops; of gunicorn only troubles count.
                "gunicorn.error": {"level": max(level, logging.WARNING), "propagate": True},
                # Every answer is logged by web.middleware; the exception behind a 500 only here.
                "django.request": {"filters": ["with_cause"]},
                # Repeats the Host header that some scanner sent; the answer is a 400 like others.
                "django.security.DisallowedHost": {"level": "CRITICAL"},
            },
        }
    )
