"""What is said of settings that cannot be used: which one, and what it must be."""

from __future__ import annotations

import pytest

from shared.errors import BadSettings
from shared.settings import read_settings


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("SEARCH_PORT", "eighty", "must be a whole number, not 'eighty'"),
        ("SWEEP_SECONDS", "soon", "must be a number, not 'soon'"),
        ("BAR_COPIES", "perhaps", "must be true or false, not 'perhaps'"),
        ("SEARCH_PER_MINUTE", "-1", "must be at least 0 and finite, not -1"),
        ("BATCH_SIZE", "0", "must be positive and finite, not 0"),
        ("BROKER_URL", "redis-host", "must start with one of redis://, rediss://, amqp://, amqps://"),
        ("REDIS_URL", "redis-host:6379", "must start with one of redis://, rediss://"),
        ("INDEX_URL", "search-host", "must start with one of http://, https://"),
        ("SOURCE_COUNTRIES", "wire.example=zz", "'zz' is no country's code of two letters"),
        ("CURSOR_SECRET_FILE", "/no/such/file", "cannot be read: No such file or directory"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_it_must_be(name: str, text: str, told: str) -> None:
    with pytest.raises(BadSettings) as caught:
        read_settings({f"COPYDESK_{name}": text})
    assert str(caught.value).startswith(f"COPYDESK_{name}")
    assert told in str(caught.value)


def test_what_is_empty_is_not_set() -> None:
    found = read_settings({f"COPYDESK_{name}_URL": "" for name in ("BROKER", "REDIS", "INDEX", "LEDGER")})
    assert (found.broker_url, found.redis_url, found.index_url) == ("", "", "")
    assert found.ledger_url.startswith("sqlite:///")
