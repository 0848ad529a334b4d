"""Logging: one line an event, JSON for machines or coloured for people; ids and numbers, never bodies."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import TextIO

import structlog

from shared.errors import CopydeskError
from shared.settings import Settings

# Libraries that say at level info what our own events say better; Celery tells of every beat and receipt.
CHATTY = ("elastic_transport", "alembic", "celery.beat", "celery.worker.strategy", "celery.app.trace")
# Libraries that read pages: their warnings, such as "discarding data: None", name no article. What becomes of
# a page is its stage's to tell, which gives a reason.
SILENT = ("trafilatura", "htmldate")
CELERY_FAILURES = "celery.app.trace"
# Their words are ours, or the system's about files and sockets; any other may quote what it choked on.
_OURS = (CopydeskError, OSError)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


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
    for silent in SILENT:
        logging.getLogger(silent).setLevel(logging.CRITICAL)
    logging.getLogger(CELERY_FAILURES).addFilter(_without_words)


def _formatter(
    shared: list[structlog.typing.Processor], *, console: bool
) -> structlog.stdlib.ProcessorFormatter:
    last: list[structlog.typing.Processor] = [
        # Not the rich tracebacks: they show local variables, and with them the bodies of articles.
        structlog.dev.ConsoleRenderer(exception_formatter=_write_fault)
        if console
        else structlog.processors.JSONRenderer()
    ]
    if not console:
        last.insert(0, structlog.processors.ExceptionRenderer(lambda info: tell_fault(info[1])))
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )


def tell_fault(error: BaseException) -> str:
    """The traceback of an error and of what led to it, the first cause first, without words of others.

    A parser's error may quote an article, and a database's the values of a row: of those only the type is
    told. What an article failed of stands in full in its quarantine.
    """
    return "\n".join(
        f"{''.join(traceback.format_tb(each.__traceback__))}{name_fault(each)}" for each in _causes(error)
    )


def name_fault(error: BaseException) -> str:
    """The type of an error, with its words where they are our own or the system's."""
    name = type(error).__qualname__
    ours = isinstance(error, _OURS) and not getattr(error, "quotes", False)
    return f"{name}: {error}" if ours and str(error) else name


def _causes(error: BaseException) -> Iterator[BaseException]:
    told: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in told:
        told.append(each)
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return reversed(told)


def _write_fault(out: TextIO, info: ExcInfo) -> None:
    out.write("\n" + tell_fault(info[1]))


def _without_words(record: logging.LogRecord) -> bool:
    """Let Celery tell of a failed task by the type of its error; passes every record on."""
    if isinstance(record.args, dict) and record.exc_info and record.exc_info[1] is not None:
        record.args = {**record.args, "exc": name_fault(record.exc_info[1])}
    return True


def bound(name: str) -> str | None:
    """What is bound to the request that this thread works on: ``request_id``, or ``traceparent``."""
    found = structlog.contextvars.get_contextvars().get(name)
    return found if isinstance(found, str) else None


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """The logger that every module uses: constant event text, values as fields."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger("copydesk")
    return logger
