"""The web desk's pages: what they show, that hostile text stays text, and that errors speak to people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from lxml import html

from services.search.app import create_app
from services.search.desk import _span, web_link
from shared.index.embedded import EmbeddedIndex
from shared.ledger.open import open_ledger
from shared.settings import Settings


def page(client, path="/", status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.content_type == "text/html; charset=utf-8"
    return html.fromstring(answer.data)


def text(node):
    return " ".join(node.text_content().split())


def css(node, selectors):
    """Find by the little CSS these tests need: descendants of tag, #id, .class, [attribute=value]."""
    return node.xpath(" | ".join(_xpath(selector) for selector in selectors.split(", ")))


def _xpath(selector):
    path = "."
    for part in selector.split():
        tag, *marks = re.split(r"(?=[.#\[])", part)
        path += f"//{tag or '*'}"
        for mark in marks:
            name, _, value = mark.strip("[]").partition("=")
            if mark[0] == ".":
                path += f"[contains(concat(' ', normalize-space(@class), ' '), ' {mark[1:]} ')]"
            elif mark[0] == "#":
                path += f"[@id='{mark[1:]}']"
            else:
                path += f"[@{name}='{value}']" if value else f"[@{name}]"
    return path


def first_article(client):
    return client.get("/v1/search?q=ferry").json["hits"][0]["id"]


def test_the_first_page_shows_the_newest_copy(client):
    shown = page(client)
    titles = [text(title) for title in css(shown, ".hit h2")]
    assert titles[0] == "El puerto abre una nueva línea"
    assert len(titles) == 4
    assert text(css(shown, "h1")[0]).startswith("The newest copy 1–4 of 4, 5 with copies")


def test_a_hit_shows_its_words_source_topics_and_copies(client):
    hit = css(page(client, "/?q=ferry"), ".hit")[0]
    assert [mark.text for mark in css(hit, "h2 mark")] == ["Ferry"]
    assert css(hit, ".fragment mark")
    assert text(css(hit, ".source")[0]) == "harbour.example"
    assert css(hit, "time")[0].get("datetime") == "2026-11-20T08:30:00+00:00"
    assert css(hit, ".chip")[0].get("href") == "/?topic=medtop%3A20000337"
    assert "coast.example" in text(css(hit, ".copies")[0])
    assert css(hit, "article")[0].get("lang") == "en"


def test_a_fragment_out_of_the_middle_shows_that_the_text_goes_on(empty_newsroom):
    filler = " ".join(f"Sentence number {n} says nothing new." for n in range(60))
    empty_newsroom.publish("Long", f"{filler} The walrus & its calf came ashore. {filler}")
    empty_newsroom.publish("Short", "A walrus came ashore.")
    fragments = [text(node) for node in css(page(empty_newsroom.client(), "/?q=walrus"), ".fragment")]
    middle = next(fragment for fragment in fragments if "calf" in fragment)
    assert middle.startswith("… ")
    assert middle.endswith(" …")
    assert "A walrus came ashore." in fragments


def test_a_topic_chip_leads_to_a_search_and_the_filter_can_be_taken_off(client):
    shown = page(client, "/?topic=medtop%3A20000337")
    assert len(css(shown, ".hit")) == 1
    taken_off = css(shown, ".filters a")[0]
    assert "transport" in text(taken_off)  # by its name, not its code
    assert taken_off.get("href") == "/"


def test_an_untouched_form_is_a_search_for_everything(client):
    assert len(css(page(client, "/?q=&sort=&from=&to=&duplicates="), ".hit")) == 4


def test_the_form_remembers_what_was_asked(client):
    shown = page(client, "/?q=harbour&sort=oldest&from=2025-01-01&duplicates=keep&source=harbour.example")
    form = dict(shown.forms[0].form_values())
    assert form == {
        "q": "harbour",
        "sort": "oldest",
        "from": "2025-01-01",
        "to": "",
        "duplicates": "keep",
        "stories": "",
        "source": "harbour.example",
    }


def test_pages_lead_to_each_other(client):
    shown = page(client, "/?sort=newest&size=2")
    following = css(shown, "a[rel=next]")[0].get("href")
    shown = page(client, following)
    assert not css(shown, "a[rel=next]")
    assert css(shown, "a[rel=prev]")[0].get("href") == "/?sort=newest&size=2"


def test_nothing_found_suggests_what_to_do(client):
    shown = page(client, "/?q=nothinglikethis")
    assert text(css(shown, "h1")[0]).startswith("Nothing found")
    assert "Try fewer words" in text(shown)


def test_a_desk_without_copy_says_so(empty_newsroom):
    assert "There is no copy yet" in text(page(empty_newsroom.client()))


def test_every_page_leads_to_a_description_for_people_and_on_to_the_one_for_programs(client):
    [link] = [each for each in css(page(client), "footer a") if text(each) == "API description"]
    assert link.get("href") == "/docs"
    told = page(client, link.get("href"))
    told.make_links_absolute("http://localhost/docs")
    assert "http://localhost/openapi.json" in {found[2] for found in told.iterlinks()}
    assert client.get("/openapi.json").json["openapi"].startswith("3.")


def test_an_article_page_shows_the_whole_desk(client):
    shown = page(client, f"/articles/{first_article(client)}")
    assert text(css(shown, "h1")[0]) == "Ferry line to the islands opens"
    assert len(css(shown, ".body p")) == 2
    assert [text(line) for line in css(shown, ".cuts del")] == ["Subscribe to our newsletter"]
    assert text(css(shown, ".cuts .reason")[0]) == "newsletter call"
    assert text(css(shown, ".evidence")[0]) == "ferry, harbour"
    assert css(shown, "meter")[0].get("value") == "0.82"
    words = [text(word) for word in css(shown, ".journey .word")]
    assert words[:5] == ["accepted", "cleaned", "deduped", "tagged", "indexed"]
    assert "Port Selby" in text(css(shown, ".names")[0])


@pytest.mark.parametrize("path", ["/", "/?q=harbour", "/articles/"])
def test_hostile_text_stays_text_and_hostile_links_are_no_links(client, path):
    if path == "/articles/":
        path += client.get("/v1/search?source=hostile.example").json["hits"][0]["id"]
    shown = page(client, path)
    assert "alert('x')" in text(shown)
    assert not css(shown, "script, img, iframe, [onerror], [style]")
    for link in css(shown, "[href], [src], [action]"):
        address = link.get("href") or link.get("src") or link.get("action")
        assert address.startswith(("/", "#", "https://harbour.example/", "https://coast.example/",
                                   "https://puerto.example/")), address  # fmt: skip


@pytest.mark.parametrize("query", ['"><script>alert(1)</script>', "' onfocus=alert(1) '", "</title><script>"])
def test_a_hostile_query_stays_text(client, query):
    answer = client.get(f"/?q={quote(query)}&source=%22%3E%3Cscript%3E&from={quote(query)}")
    assert b"<script" not in answer.data
    assert not css(html.fromstring(answer.data), "[onfocus]")


def test_a_query_error_marks_its_place_in_the_query(client):
    shown = page(client, "/?q=" + quote("ferry AND (dues"), 400)
    assert text(css(shown, ".query mark")[0])
    before = css(shown, ".query code")[0]
    assert "ferry AND (dues" in before.text_content().replace("‸", "")
    assert css(shown, "[role=alert]")
    box = css(shown, "#q")[0]
    assert box.get("aria-invalid") == "true"
    assert shown.get_element_by_id(box.get("aria-describedby")) is not None
    assert box.get("value") == "ferry AND (dues"


def test_an_error_at_the_end_of_a_query_marks_its_end(client):
    shown = page(client, "/?q=ferry+OR", 400)
    code = css(shown, ".query code")[0].text_content()
    assert code.replace("‸", "") == "ferry OR"


def test_a_bad_date_is_told_beside_its_name(client):
    shown = page(client, "/?from=2026-02-01&to=2026-01-01", 400)
    assert "is after to" in text(css(shown, "#error")[0])
    assert css(shown, "#from")[0].get("aria-invalid") == "true"


@pytest.mark.parametrize("query", ["q=%ff", "size=-1", "page=2", "offset=99999", "sort=x", "source=%00"])
def test_bad_addresses_get_a_page_that_explains(client, query):
    assert text(css(page(client, f"/?{query}", 400), "#error")[0])


def test_an_index_that_is_missing_is_explained_to_people(tmp_path, newsroom):
    settings = Settings(data_dir=tmp_path / "elsewhere")
    client = create_app(settings, EmbeddedIndex(settings.index_dir), newsroom.ledger).test_client()
    shown = page(client, "/?q=ferry", 503)
    assert "copydesk migrate" in text(shown)
    assert client.get("/").headers["Retry-After"]


def test_an_article_is_shown_without_its_history_when_the_ledger_is_away(tmp_path, newsroom):
    ledger = open_ledger(Settings(data_dir=tmp_path / "elsewhere"))
    client = create_app(newsroom.settings, newsroom.index, ledger).test_client()
    shown = page(client, f"/articles/{first_article(client)}")
    assert "The ledger cannot be read just now" in text(shown)
    assert not css(shown, ".journey")
    ledger.close()


def test_an_article_that_is_not_there_gets_a_page(empty_newsroom):
    client = empty_newsroom.client()
    assert "No such article" in text(page(client, "/articles/" + "0" * 32, 404))
    assert "No such article" in text(page(client, "/articles/nonsense", 404))
    gone = empty_newsroom.end("Wrong from the start", "withdrawn", "asked for by its source")
    assert "withdrawn" in text(page(client, f"/articles/{gone}", 410))


def test_every_page_is_closed_to_scripts_and_other_sites(client):
    for path in ("/", "/?q=(", "/articles/nonsense", f"/articles/{first_article(client)}"):
        headers = client.get(path).headers
        policy = headers.getlist("Content-Security-Policy")
        assert len(policy) == 1
        assert "default-src 'none'" in policy[0]
        assert "unsafe" not in policy[0]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert len(headers.getlist("Referrer-Policy")) == 1


def test_pages_use_nothing_but_their_own_files(client):
    shown = page(client)
    own = [link.get("href") for link in css(shown, "link") if link.get("rel") != "alternate"]
    assert own == ["/static/desk.css", "/static/icon.svg"]
    for address in own:
        with client.get(address) as answer:
            assert answer.status_code == 200
            assert b"http" not in answer.data.replace(b"http://www.w3.org/2000/svg", b"")


def test_every_field_has_a_label_and_every_id_is_unique(client):
    for path in ("/?q=ferry&source=harbour.example", "/?q=(", f"/articles/{first_article(client)}"):
        shown = page(client, path, 400 if path == "/?q=(" else 200)
        labelled = {label.get("for") for label in css(shown, "label")}
        fields = [field.get("id") for field in css(shown, "input, select") if field.get("type") != "hidden"]
        assert set(fields) <= labelled
        ids = [node.get("id") for node in css(shown, "[id]")]
        assert len(ids) == len(set(ids))
        assert len(css(shown, "h1")) == 1
        assert len(css(shown, "main")) == 1


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://harbour.example/a", True),
        ("HTTP://harbour.example/a", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example/", False),
        ("https:///nohost", False),
        ("http://[broken", False),
        (" https://harbour.example", True),
        (None, False),
    ],
)
def test_only_web_addresses_become_links(address, link):
    assert web_link(address) == (address if link else None)


def test_waits_are_told_in_the_unit_that_fits():
    start = datetime(2026, 11, 24, tzinfo=UTC)
    spans = [
        _span(start, start + timedelta(milliseconds=ms)) for ms in (42, 1_500, 90_000, 7_200_000, 200_000_000)
    ]
    assert spans == ["+42 ms", "+1.5 s", "+1.5 min", "+2 h", "+2.31 d"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("", "date"),
        ("2026-01-31", "date"),
        ("now-7d", "text"),
        ("now/d", "text"),
        ("2026-01-31||-1M", "text"),
        ("2026-01", "text"),
        ("2026", "text"),
        ("2026-01-31T18:00:00Z", "text"),
    ],
)
def test_a_bound_of_the_dates_survives_the_next_search_from_the_form(client, value, kind):
    shown = page(client, f"/?q=ferry&from={quote(value)}")
    field = css(shown, "#from")[0]
    assert (field.get("type"), field.get("value")) == (kind, value)
    assert css(shown, "#to")[0].get("type") == "date"
    sent = dict(css(shown, "form")[0].form_values())  # what a browser sends when the form is sent again
    assert sent["from"] == value
    assert sent["q"] == "ferry"


@pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "20260131"])
def test_a_bound_that_is_no_date_is_shown_as_it_was_typed(client, value):
    field = css(page(client, f"/?to={value}", 400), "#to")[0]
    assert (field.get("type"), field.get("value")) == ("text", value)
