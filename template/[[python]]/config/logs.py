"""Logs on stdout: JSON lines, readable lines in development."""

import logging.config
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from config import SERVICE
from config.environment import Environment

LEVELS = {"warning": "warn", "critical": "error"}


def configure_logs(environment: Environment) -> None:
    """Configure one handler for structlog and for the loggers of all libraries.

    Arguments:
        environment: selects the format and the minimum level.

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

    json_lines: list[Processor] = [
        structlog.processors.format_exc_info,
        add_service,
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
    ]
    readable_lines: list[Processor] = [
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
                        *(readable_lines if environment.app_env == "development" else json_lines),
                    ],
                }
            },
            "filters": {
                "only_exceptions": {
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
                # The service logs its own start and stop; log only warnings of gunicorn.
                "gunicorn.error": {"level": max(level, logging.WARNING), "propagate": True},
                # web.middleware logs every response; this logger logs the exception of a 500.
                "django.request": {"filters": ["only_exceptions"]},
                # Would log the Host headers of scanners; the response is a 400.
                "django.security.DisallowedHost": {"level": "CRITICAL"},
            },
        }
    )
