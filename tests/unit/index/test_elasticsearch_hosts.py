"""How the index URL is read: hosts, ports, credentials."""

from __future__ import annotations

import pytest

from shared.errors import BadSettings
from shared.index.elasticsearch import ElasticsearchIndex, read_hosts


@pytest.mark.parametrize(
    ("url", "hosts", "credentials"),
    [
        ("http://localhost:9200", ["http://localhost:9200"], None),
        ("http://search", ["http://search:9200"], None),
        ("https://h1:9201,h2", ["https://h1:9201", "https://h2:9200"], None),
        ("http://h1:9200, https://h2:9243/es/", ["http://h1:9200", "https://h2:9243/es"], None),
        ("http://elastic:secret@h1,h2", ["http://h1:9200", "http://h2:9200"], ("elastic", "secret")),
        ("https://u:p%40ss%2C1@h1", ["https://h1:9200"], ("u", "p@ss,1")),
        ("http://only@h1", ["http://h1:9200"], ("only", "")),
        ("http://[::1]:9205", ["http://[::1]:9205"], None),
    ],
)
def test_an_index_url_is_read_as(url, hosts, credentials):
    assert read_hosts(url) == (hosts, credentials)


@pytest.mark.parametrize(
    "url", ["http://", "http://h1,,h2", "http://h1:port", "http://h1:99999", "http://[::1"]
)
def test_an_unusable_index_url_names_the_setting(url):
    with pytest.raises(BadSettings, match="COPYDESK_INDEX_URL"):
        read_hosts(url)


def test_making_the_index_object_connects_to_nothing():
    # Sockets are off in unit tests: a connection would fail here.
    ElasticsearchIndex("http://u:p@nowhere.invalid:9200,https://also.invalid", "news").close()
