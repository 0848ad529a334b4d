"""What a log line tells of an error: where it happened and its type, and words only where they are ours."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from services.workers.stages.clean import clean_article
from shared.article import RawArticle, Source
from shared.errors import Unavailable
from shared.log import bound, configure_logging, get_logger
from shared.settings import Settings

SECRET = "The harbour master was arrested at noon"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was afterwards."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    structlog.contextvars.clear_contextvars()  # tests of services leave theirs bound
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def break_down() -> None:
    raise ValueError(SECRET)


def fail() -> None:
    try:
        break_down()
    except ValueError as error:
        raise Unavailable("ledger: database is locked") from error


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_fault_is_told_by_place_and_type_without_the_words_of_others(form, root, capsys):
    configure_logging(Settings(log_format=form))
    try:
        fail()
    except Unavailable:
        get_logger().exception("it broke", article="a1")
        logging.getLogger("some.library").exception("library broke")
    told = capsys.readouterr().err
    assert SECRET not in told
    assert told.count("Unavailable: ledger: database is locked") == 2
    assert told.count("ValueError") >= 2
    assert "in fail" in told
    assert "a1" in told


def test_a_failed_task_is_told_by_celery_with_the_type_of_its_error_alone(root, capsys):
    configure_logging(Settings(log_format="json"))
    try:
        break_down()
    except ValueError:
        context = {"name": "copydesk.clean", "id": "7", "exc": f"ValueError({SECRET!r})"}
        logging.getLogger("celery.app.trace").error(
            "Task %(name)s[%(id)s] raised unexpected: %(exc)s", context, exc_info=sys.exc_info()
        )
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "Task copydesk.clean[7] raised unexpected: ValueError"
    assert SECRET not in json.dumps(line)


def test_a_line_carries_what_is_bound_to_its_request(root, capsys):
    configure_logging(Settings(log_format="json"))
    assert bound("request_id") is None
    structlog.contextvars.bind_contextvars(request_id="r-1")
    get_logger().info("something")
    assert json.loads(capsys.readouterr().err)["request_id"] == bound("request_id") == "r-1"


def test_what_reads_pages_says_nothing_of_them_since_its_stage_tells_the_reason(root, capsys):
    configure_logging(Settings(log_format="json"))
    for markup in ("<p>x</p>", "<html><body><div>Menu</div></body></html>", "<script>x()</script>"):
        outcome = clean_article(RawArticle("a1", Source("harbour.example"), html=markup))
        assert outcome.rejected is not None
    assert capsys.readouterr().err == ""
    logging.getLogger("some.library").warning("heard")
    assert "heard" in capsys.readouterr().err
