"""The desk's form: what it keeps, and the addresses it leads to."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from services.search.form import _API_ONLY, FILTERS, Form
from services.search.params import MAX_VALUES, PARAMETERS
from shared.errors import InvalidRequest


def test_fields_left_empty_are_left_out():
    form = Form.read(b"q=ferry&sort=&from=&to=&duplicates=")
    assert form.pairs == (("q", "ferry"),)
    assert form.value("sort") == ""


def test_every_value_of_a_filter_can_be_removed_alone():
    form = Form.read(b"q=ferry&source=a.example,b.example&-topic=medtop:04000000&offset=20")
    assert [(item.label, item.value) for item in form.filters()] == [
        ("source", "a.example"),
        ("source", "b.example"),
        ("not topic", "medtop:04000000"),
    ]
    assert form.filters()[0].without == "/?q=ferry&source=b.example&-topic=medtop%3A04000000"


def test_narrowing_a_search_starts_again_at_its_first_page():
    form = Form.read(b"q=ferry&offset=40")
    assert form.adding("source", "a&b") == "/?q=ferry&source=a%26b"
    assert form.adding("q", "ferry") == "/?q=ferry"


def test_the_last_filter_removed_leads_to_the_start():
    assert Form.read(b"topic=x").filters()[0].without == "/"


def test_a_filter_by_story_is_shown_and_can_be_removed():
    form = Form.read(b"q=ferry&story=ab,cd&-story=ef&stories=fold")
    assert [(item.label, item.value) for item in form.filters()] == [
        ("story", "ab"),
        ("story", "cd"),
        ("not story", "ef"),
    ]
    assert form.filters()[0].without == "/?q=ferry&story=cd&-story=ef&stories=fold"
    assert ("story", "ab,cd") in form.kept()


def test_every_filter_of_the_api_is_shown_and_kept():
    """Else a search would lose it with the next word that is typed."""
    of_hits = {"q", "from", "to", "sort", "duplicates", "stories", "size", "offset"}
    assert set(FILTERS) == set(PARAMETERS) - of_hits - set(_API_ONLY)
    form = Form.read(b'entity="Paris, Texas"&min_words=100&has_image=true')
    assert [(item.label, item.value) for item in form.filters()] == [
        ("entity", '"Paris, Texas"'), ("min words", "100"), ("has image", "true"),
    ]  # fmt: skip
    assert form.filters()[0].without == "/?min_words=100&has_image=true"
    assert ("entity", '"Paris, Texas"') in form.kept()


def test_a_folded_story_opens_into_all_that_the_search_finds_of_it():
    form = Form.read(b"q=ferry&source=a.example&stories=fold&duplicates=fold&-story=ef&offset=20&sort=newest")
    assert form.unfolding("ab") == "/?q=ferry&source=a.example&sort=newest&duplicates=keep&story=ab"


def test_pages_differ_in_their_offset_only():
    form = Form.read(b"q=ferry&offset=20&size=10")
    assert form.at(30) == "/?q=ferry&size=10&offset=30"
    assert form.at(0) == "/?q=ferry&size=10"
    assert Form.read(b"q=ferry&stories=fold").at(20) == "/?q=ferry&stories=fold&offset=20"


def test_the_search_asks_for_highlights_whatever_the_address_says():
    assert Form.read(b"q=ferry&highlight=false&fields=id").query() == b"q=ferry&highlight=true"


def test_a_query_string_that_is_not_text_is_refused():
    with pytest.raises(InvalidRequest, match="UTF-8"):
        Form.read(b"q=%ff")


def test_hidden_fields_carry_what_the_form_does_not_show():
    assert Form.read(b"q=x&source=a&size=5&sort=newest").kept() == [("source", "a"), ("size", "5")]


def test_a_list_of_as_many_values_as_may_be_goes_through_every_address_of_the_form():
    """A query string may have fewer parameters than a list has values."""
    names = [f"s{number}.example" for number in range(MAX_VALUES)]
    form = Form.read(f"q=ferry&source={','.join(names)}&-source=other.example".encode())
    for query in (form.query(), form.at(20).partition("?")[2].encode(), urlencode(form.kept()).encode()):
        again = Form.read(query)
        assert [value for name, value in again.pairs if name == "source"] == names
    assert len(form.filters()) == MAX_VALUES + 1
    assert [value for name, value in Form.read(form.filters()[0].without[2:].encode()).pairs
            if name == "source"] == names[1:]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("source=" + ",".join(map(str, range(7_000))), "source", "7,000 values; at most 100"),
        ("&".join(f"{name}={','.join(map(str, range(100)))}" for name in ("source", "-source", "domain")),
         "query string", "more than 256 values"),
    ],
)  # fmt: skip
def test_more_than_a_page_can_show_is_refused_at_once(query, field, said):
    """Each value is a link with all the others: seven thousand of them took minutes."""
    with pytest.raises(InvalidRequest) as caught:
        Form.read(query.encode())
    assert caught.value.field == field
    assert said in caught.value.message
