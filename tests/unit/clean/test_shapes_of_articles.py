"""Articles of other shapes than paragraphs under a headline: none of their text is taken for furniture."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.line_model import FEATURES, Model, unlikely_lines
from services.workers.stages.clean.lines import read_line
from services.workers.stages.clean.rules import reason_to_cut
from shared.article import RawArticle, Source

SOURCE = Source("harbourpost.example", "Harbour Post")
PROSE = [
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.",
    "The service was to be cut in December to close a hole in the transport budget.",
    "A review of all routes is due in February, and the unions want a seat at the table.",
    "Tickets for the late boat cost four euros, as they did before the vote.",
]
REFRAIN = "And the boat went out again, and nobody on the pier said a word."
SHAPES = {
    "towns": [
        "Northby",
        "The fish hall opens at four in the morning, and whoever comes later finds only crabs and good advice there.",
        "Sandholm",
        "A chain ferry takes cyclists to the island for two euros, and the ferryman sings when he is asked to sing.",
        "Old Quay",
        "In the tower of the church lives a pair of falcons that can be watched from the café across the street.",
        "Westerly",
        "The bathing huts are painted anew each May by children of the school, who are paid in ice cream for it.",
    ],
    "candidates": [
        "Four people stand for harbour master in June. Here is what they want, in the order of the ballot.",
        "Ada Holm, Shore List",
        "A pilot for thirty years who wants longer piers and a ban on horns between midnight and six o'clock.",
        "Ben Tack, Free Anglers",
        "A fishmonger who would let anglers stand on all the moles and sell what they catch on the spot there.",
        "Cleo Marsh, Green Water",
        "A biologist who promises clean ballast water and shore power for each and every ship in the port soon.",
        "Dirk Vane, Trade Party",
        "A forwarder who says that fees must fall by a third, or the large ships will go to the other shore.",
    ],
    "briefs": [
        "Seal in the baker's cellar",
        "A young seal swam through a drain into a cellar in Mill Street on Monday and ate nine loaves of rye.",
        "Fees to rise",
        "Berths in the marina will cost six percent more from April, the harbour office announced in the evening.",
        "Chess on the pier",
        "A girl of eleven beat the champion of the islands in nineteen moves while the wind took two of her pawns.",
    ],
    "captions between": [
        line
        for number in range(5)
        for line in (
            f"On day {number} the divers raised another chest, and in it lay coins, a comb and the log of a cook.",
            f"Chest {number} on deck",
        )
    ][:-1],
    "letter": [
        "Sir, your leader on ferry fares misses the point of those who live on the islands.",
        "The late boat is our last bus. I have slept on the pier more than once.",
        "Pay for the boats, not for the brochures.",
        "Yours faithfully,",
        "Tom Ferrier",
        "Sandholm, North Shore",
    ],
    "lettre": [*PROSE[:3], "Cordialement,", "Anne Le Goff"],
    "thai": ["กรมอุตุนิยมวิทยาเตือนว่าฝนจะตกหนักในกรุงเทพมหานครและปริมณฑลตลอดทั้งสัปดาห์นี้", "ประชาชนควรระวังน้ำท่วมฉับพลัน"],
    "table": [*PROSE[:2], "| Boat | Crew | Port |", "| Alma | 4-1 | Northby |", "| Berta | Nine | Sandholm |", *PROSE[2:]],
    "table without edges": [*PROSE[:2], "Boat | Crew | Port", "1 | Alma | 30", "2 | Berta | 28", *PROSE[2:]],
    "names in a row": [*PROSE[:2], "Alma | Berta | Clara | Dora", *PROSE[2:]],
    "headings like buttons": [*PROSE[:1], "Help", PROSE[1], "Home", PROSE[2], "Discussion", PROSE[3]],
    "speech": ["Friends, the boat stays.", "Thank you.", "We will not rest.", "It goes on tomorrow at six.", "Thank you."],
    "opinion": [*PROSE, "We must not give up our principles, and the community that we support deserves a boat."],
    "travel": [*PROSE, "You can see the tower from the deck, and the café above the store is open now."],
    "background": [*PROSE, "The boat is owned by the Northern Line group."],
    "where it was seen": [*PROSE, "The disease first appeared in oysters of the southern bay in 2019."],
}  # fmt: skip


def body(*lines: str, title: str = "Night ferry stays until the end of March") -> list[str]:
    return clean_article(RawArticle("a1", SOURCE, title=title, text="\n\n".join(lines))).article.body.split(
        "\n"
    )


@pytest.mark.parametrize("name", SHAPES)
def test_all_of_an_article_stays_and_stays_when_it_is_read_again(name):
    found = body(*SHAPES[name])
    assert found == SHAPES[name]
    assert body(*found) == found


def test_of_a_refrain_one_copy_stays():
    found = body(*PROSE[:2], REFRAIN, PROSE[2], REFRAIN, PROSE[3], REFRAIN)
    assert found == [*PROSE[:2], REFRAIN, *PROSE[2:]]
    assert body(*found) == found


def test_entries_of_a_live_blog_stay_without_their_hours():
    entries = {
        "20:05": "Polls have closed on all islands.",
        "20:12": "Shore List on 41 percent, Trade Party on 29.",
        "20:30": "Turnout is said to be high in the north.",
        "21:00": "First results are expected from Sandholm at nine, the returning officer says.",
        "21:34": "Recount in Westerly after a gull took a ballot.",
        "22:00": "Northby: Shore List hold.",
    }
    assert body(*(line for entry in entries.items() for line in entry)) == list(entries.values())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Home > News > 2025 > Council", "breadcrumbs"),
        ("Home / News / Council", "breadcrumbs"),
        ("News | Sport | Weather", "breadcrumbs"),
        ("| Alma | 0-0 | Berta |", None),
        ("| Boat | Crew | Port |", None),
        ("1 | Alma | 30", None),
        ("Alma 3 | Berta 1 | Clara 0", None),
    ],
)
def test_paths_are_told_from_rows_of_tables(line, reason):
    assert reason_to_cut(read_line(line)) == reason


def test_a_button_among_buttons_goes():
    assert body(*PROSE[:2], "Help", "Share on Facebook", *PROSE[2:]) == PROSE
    assert body(*PROSE, "Home", "Help") == PROSE


def test_the_model_never_takes_a_paragraph_nor_much_of_a_text():
    cut = (-9.0, *(0.0 for _ in FEATURES))
    all_cut = Model(cut, cut, 0.5)
    lines = [read_line(line) for line in [*SHAPES["towns"], "It was over."]]
    found = unlikely_lines(lines, [0] * len(lines), all_cut)
    assert len(lines) - 1 in found
    assert not any(lines[n].prose for n in found)
    much = [*lines, *(read_line(f"Night {n} was cold.") for n in range(9, 19))]
    assert unlikely_lines(much, [0] * len(much), all_cut) == []
