"""Lists of the web desk: titles of any length take three lines at most, and every copy can be looked into."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import html

from services.search import desk
from tests.unit.search.conftest import FERRY, Newsroom

LONG = 'Council of the town votes for a new bridge after a very long debate about "money" & <b>time</b> ' * 8


@pytest.fixture
def made(empty_newsroom: Newsroom) -> tuple[FlaskClient, dict[str, str]]:
    """A lead with three copies, of which one has no address, and an article with a long title."""
    room = empty_newsroom
    ids = {"lead": room.publish("New ferry", FERRY)}
    for name, more in (("coast", {}), ("wire", {}), ("bay", {"url": None})):
        source = f"{name}.example"
        ids[name] = room.publish(f"Ferry of {name}", FERRY, source=source, copy_of=ids["lead"], **more)
    ids["long"] = room.publish(LONG.strip(), "It is long.", url="https://harbour.example/long")
    return room.client(), ids


def page(client: FlaskClient, path: str) -> html.HtmlElement:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return html.fromstring(answer.data)


def test_a_long_title_is_clamped_in_the_list_and_whole_beside_it_and_on_its_page(
    made: tuple[FlaskClient, dict[str, str]],
) -> None:
    client, ids = made
    [link] = page(client, "/").xpath(f"//h2/a[@href='/articles/{ids['long']}']")
    assert link.getparent().get("class") == "clamp"
    assert link.get("title") == LONG.strip()
    [short] = page(client, "/").xpath(f"//h2/a[@href='/articles/{ids['lead']}']")
    assert short.get("title") is None
    [heading] = page(client, f"/articles/{ids['long']}").xpath("//h1")
    assert heading.text_content() == LONG.strip()
    assert heading.get("class") is None


def test_titles_of_a_story_and_of_versions_are_clamped_too(
    made: tuple[FlaskClient, dict[str, str]],
) -> None:
    client, ids = made
    story = page(client, f"/stories/{ids['lead']}")
    assert len(story.xpath("//ol/li/p[@class='clamp']/a")) == 4
    versions = page(client, f"/articles/{ids['long']}/versions")
    [title] = versions.xpath("//ol/li/p[contains(@class, 'clamp')]")
    assert title.get("title") == LONG.strip()


def test_every_copy_in_a_fold_leads_to_its_own_page_which_says_why(
    made: tuple[FlaskClient, dict[str, str]],
) -> None:
    client, ids = made
    for path in ("/?q=ferry", f"/articles/{ids['lead']}"):
        [fold] = page(client, path).xpath("//p[contains(@class, 'copies')][span[contains(., 'lso in')]]")
        links = [link.get("href") for link in fold.xpath(".//a")]
        for name in ("coast", "wire", "bay"):
            assert links.count(f"/articles/{ids[name]}") == 1, name
        assert sum(link.startswith("https://") for link in links) == 2
    for name in ("coast", "bay"):
        why = page(client, f"/articles/{ids[name]}").xpath("//p[contains(@class, 'why')]")
        assert len(why) == 1
        assert "Duplicate of" in why[0].text_content()


def test_a_link_to_a_copy_says_by_itself_where_it_leads(made: tuple[FlaskClient, dict[str, str]]) -> None:
    client, ids = made
    [link] = page(client, "/?q=ferry").xpath(f"//a[@href='/articles/{ids['coast']}']")
    assert link.text_content() == "duplicate in coast.example: its own page, and why it is a copy"


def test_the_footers_rule_is_as_wide_as_the_page_and_three_lines_are_the_clamp() -> None:
    css = (Path(desk.__file__).parent / "static" / "desk.css").read_text()
    widest = {
        float(found) for found in re.findall(r"max-width: (\d+(?:\.\d+)?)rem; margin: (?:0|3rem) auto", css)
    }
    assert widest == {68.0, 68.0 - 2 * 1.25}  # the page with its padding, and the footer without any
    [foot] = re.findall(r"\n\.foot \{(.*?)\}", css)
    assert "width: calc(100% - 2 * var(--side))" in foot
    assert "padding: 1rem 0 2rem" in foot
    [clamp] = re.findall(r"\n\.clamp \{(.*?)\}", css)
    assert "-webkit-line-clamp: 3;" in clamp
