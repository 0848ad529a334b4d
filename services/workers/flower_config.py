"""What Flower is told beside its command line: its password, who may read its numbers, and by which name.

Flower runs this file as it starts (``--conf``), more than once, and takes the names that are its options.
"""

from __future__ import annotations

from flower import urls
from flower.options import options
from flower.views.monitor import Metrics
from tornado.web import authenticated

from services.workers.flower_hosts import REFUSE_ELSEWHERE
from services.workers.flower_login import credentials
from shared.errors import BadSettings


class GuardedMetrics(Metrics):  # type: ignore[misc]
    """Flower's numbers for those who may see Flower; its own route asks nobody for a password."""

    get = authenticated(Metrics.get)


try:
    basic_auth = credentials(options.address)
except BadSettings as error:
    raise SystemExit(f"copydesk: {error}") from error
urls.handlers.insert(0, (r"/metrics", GuardedMetrics))  # the first route that fits is taken
if not basic_auth:
    urls.handlers.insert(0, REFUSE_ELSEWHERE)
