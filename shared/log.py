"""Logging: one line an event, JSON for machines or coloured for people; ids and numbers, never bodies."""

from __future__ import annotations

import logging
import sys

import structlog

from shared.settings import Settings

# Libraries that say at level info what our own events say better; Celery tells of every beat and receipt.
CHATTY = ("elastic_transport", "trafilatura", "htmldate", "alembic", "celery.beat", "celery.worker.strategy",
          "celery.app.trace")  # fmt: skip


def configure_logging(settings: Settings) -> None:
    """Send structlog's and the standard library's events to stderr in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(shared, console=console))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _formatter(
    shared: list[structlog.typing.Processor], *, console: bool
) -> structlog.stdlib.ProcessorFormatter:
    last: list[structlog.typing.Processor] = [
        # Plain tracebacks: the rich ones show local variables, and with them the bodies of articles.
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    ]
    if not console:
        last.insert(0, structlog.processors.format_exc_info)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger that every module uses: constant event text, values as fields."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger("copydesk")
    return logger
