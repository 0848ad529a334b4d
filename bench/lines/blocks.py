"""Blocks of a generated page: kinds of article text, and kinds of furniture that rules leave.

A block is a list of lines. The model is fitted to furniture of the kinds ``ABOVE``, ``INSIDE`` and ``BELOW``
articles; ``OTHER_FURNITURE`` is made of other shapes, and only measures.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.lines.text import Voice

Block = Callable[[Voice], list[str]]


# --- what articles are made of ----------------------------------------------------------------------------


def prose(voice: Voice) -> list[str]:
    """Some paragraphs."""
    return [voice.paragraph() for _ in range(voice.rng.randint(2, 7))]


def short_sentences(voice: Voice) -> list[str]:
    """Paragraphs of one short sentence, as tabloids and sports pages have them."""
    return [voice.sentence(4, 13) for _ in range(voice.rng.randint(2, 6))]


def section(voice: Voice) -> list[str]:
    """A heading and its text."""
    heading = voice.phrase(1, 7)
    return [heading + ("?" if voice.rng.random() < 0.15 else ""), *prose(voice)]


def bullets(voice: Voice) -> list[str]:
    """A line that leads into a list, and the list."""
    rng = voice.rng
    whole = rng.random() < 0.4
    mark = rng.choice(("• ", "- ", "• ", "* ", ""))
    items = [voice.sentence(5, 22) if whole else voice.phrase(2, 12) for _ in range(rng.randint(3, 8))]
    lead = [voice.phrase(3, 14) + ":"] if rng.random() < 0.8 or not mark else []
    return [*lead, *(mark + item for item in items), voice.paragraph()]


def numbered(voice: Voice) -> list[str]:
    """A list of numbered items, each with a paragraph or alone."""
    rng, found = voice.rng, []
    with_text = rng.random() < 0.6
    sign = rng.choice((".", ")"))
    for number in range(1, rng.randint(4, 9)):
        found.append(f"{number}{sign} {voice.phrase(2, 9)}")
        found += [voice.paragraph()] if with_text else []
    return [*found, voice.paragraph()]


def products(voice: Voice) -> list[str]:
    """Names of things, each with what it can do and some text."""
    rng, found = voice.rng, []
    for _ in range(rng.randint(2, 5)):
        found.append(voice.phrase(2, 6, title=True))
        found += [f"• {voice.phrase(2, 10)}" for _ in range(rng.randint(0, 4))]
        found.append(voice.paragraph())
    return found


def interview(voice: Voice) -> list[str]:
    """Questions and answers."""
    found = []
    for _ in range(voice.rng.randint(2, 5)):
        found.append(voice.phrase(4, 16) + "?")
        found += [voice.paragraph() for _ in range(voice.rng.randint(1, 2))]
    return found


def recipe(voice: Voice) -> list[str]:
    """Things with amounts, then steps."""
    rng = voice.rng
    things = [
        f"{rng.randint(1, 500)} g {voice.phrase(1, 4, title=False).lower()}" for _ in range(rng.randint(4, 9))
    ]
    steps = [voice.sentence(8, 24) for _ in range(rng.randint(3, 6))]
    return [voice.phrase(1, 2), *things, voice.phrase(1, 2), *steps]


def results(voice: Voice) -> list[str]:
    """Rows of figures under a heading, between paragraphs."""
    rng = voice.rng
    rows = [
        f"{voice.name()} {rng.randint(0, 120)}, {voice.name()} {rng.randint(0, 120)}"
        for _ in range(rng.randint(3, 8))
    ]
    return [voice.phrase(1, 4), *rows, voice.paragraph()]


def quotation(voice: Voice) -> list[str]:
    """Words of somebody, and who it was."""
    return [f"“{voice.sentence(8, 30)}”", f"— {voice.rng.choice(voice.cast)}", voice.paragraph()]


def answers(voice: Voice) -> list[str]:
    """Short questions and short answers, marked as such or by names."""
    rng, found = voice.rng, []
    one, two = rng.choice((("Q: ", "A: "), ("", ""), (f"{voice.name()}: ", f"{voice.name()}: ")))
    for _ in range(rng.randint(3, 8)):
        found.append(one + voice.phrase(2, 9) + "?")
        found.append(two + (voice.phrase(2, 14) if rng.random() < 0.4 else voice.sentence(3, 24)))
    return found


def post(voice: Voice) -> list[str]:
    """Words from a social network with their writer and day, as an article shows them."""
    who = voice.rng.choice(voice.cast)
    return [voice.sentence(5, 25), f"— {who} (@{voice.word()}) {voice.plain_date()}", voice.paragraph()]


def timeline(voice: Voice) -> list[str]:
    """Days, and what happened on them."""
    rng, found = voice.rng, [voice.phrase(2, 6)]
    alone = rng.random() < 0.5
    for _ in range(rng.randint(3, 6)):
        text = voice.sentence(8, 24)
        found += [voice.plain_date(), text] if alone else [f"{voice.plain_date()}: {text}"]
    return found


def pauses(voice: Voice) -> list[str]:
    """Somebody who talks in short lines, and lets them trail off."""
    rng, found = voice.rng, []
    for _ in range(rng.randint(2, 5)):
        found.append(voice.phrase(2, 10) + rng.choice((" …", "...", "…", "!", ".")))
        found.append(voice.paragraph())
    return found


def verses(voice: Voice) -> list[str]:
    """Lines of a song or a poem, one of them a refrain."""
    lines = [voice.phrase(3, 9, small=1.0, title=False) for _ in range(voice.rng.randint(4, 8))]
    return [voice.phrase(2, 8) + ":", *lines, lines[0], voice.paragraph()]


def unstopped(voice: Voice) -> list[str]:
    """Paragraphs whose writer leaves out the last stop."""
    return [voice.sentence(14, 34).rstrip(".。") for _ in range(voice.rng.randint(2, 4))]


def years(voice: Voice) -> list[str]:
    """A heading with a year in it, and text."""
    return [f"{voice.phrase(1, 5)} {voice.rng.randint(1990, 2027)}", *prose(voice)]


def linked(voice: Voice) -> list[str]:
    """Text about things with the same call under each."""
    call, found = f"• {voice.phrase(2, 5)}", []
    for _ in range(voice.rng.randint(2, 5)):
        found += [voice.phrase(2, 7, title=True), voice.paragraph(), call]
    return found


def listicle(voice: Voice) -> list[str]:
    """Names of places or persons, each with one paragraph."""
    rng, found = voice.rng, []
    party = voice.phrase(1, 2, title=True)
    with_party = rng.random() < 0.3
    for _ in range(rng.randint(3, 8)):
        name = voice.name() if rng.random() < 0.5 else voice.phrase(1, 3, title=True)
        found += [f"{name}, {party}" if with_party else name, voice.sentence(14, 34)]
    return found


def briefs(voice: Voice) -> list[str]:
    """Items of news, each a headline and a sentence or two about something else."""
    found = []
    for _ in range(voice.rng.randint(3, 7)):
        item = voice.other(0.1)
        found += [item.phrase(3, 8), item.sentence(10, 30)]
    return found


def live(voice: Voice) -> list[str]:
    """Entries of a live blog: an hour, perhaps a headline, and what happened."""
    rng, found = voice.rng, []
    headed = rng.random() < 0.5
    for hour in range(rng.randint(3, 8)):
        found.append(f"{10 + hour}:{rng.randint(10, 59)}")
        found += [voice.phrase(3, 7)] if headed else []
        found.append(voice.sentence(5, 30))
    return found


ARTICLE: tuple[Block, ...] = (
    prose, prose, prose, prose, prose, short_sentences, short_sentences, section, section, section, section,
    bullets, bullets, bullets, numbered, products, interview, recipe, results, quotation, answers, post,
    timeline, pauses, verses, unstopped, years, linked, listicle, listicle, briefs, live,
)  # fmt: skip


# --- what sites put between and around it -------------------------------------------------------------------


def titles(voice: Voice) -> list[str]:
    """Headlines of other stories, one under another."""
    rng, other = voice.rng, voice.other(voice.rng.choice((0.0, 0.1, 0.3, 0.5)))
    mark, cut = rng.choice(("", "", "• ")), rng.random() < 0.2
    lines = [
        mark + other.phrase(5, 14) + ("..." if cut and rng.random() < 0.5 else "")
        for _ in range(rng.randint(2, 8))
    ]
    head = [voice.said(rng.choice(voice.language.labels))] if rng.random() < 0.6 else []
    return head + lines


def cards(voice: Voice) -> list[str]:
    """Other stories with a line of summary, perhaps a label or a date."""
    rng, other, found = voice.rng, voice.other(voice.rng.choice((0.0, 0.1, 0.3, 0.5))), []
    shape = rng.choice(("title text", "label title text", "title date", "title text date", "text"))
    for _ in range(rng.randint(2, 6)):
        parts = {
            "label": voice.said(rng.choice(voice.language.labels)),
            "title": other.phrase(5, 14),
            "text": other.sentence(10, 28) if rng.random() < 0.8 else other.phrase(10, 24) + "...",
            "date": voice.date(),
        }
        found += [parts[part] for part in shape.split(" ")]
    return found


def dateline(voice: Voice) -> list[str]:
    """When it was published, in a shape of the site's own, perhaps with a name above."""
    head = [voice.rng.choice(voice.cast)] if voice.rng.random() < 0.4 else []
    return [*head, voice.date()]


def controls(voice: Voice) -> list[str]:
    """A few short lines of a toolbar, some of them more than once."""
    rng = voice.rng
    lines = [voice.said(rng.choice(voice.language.labels)) for _ in range(rng.randint(1, 4))]
    return lines * rng.choice((1, 1, 1, 2))


def promotion(voice: Voice) -> list[str]:
    """What the site says to its readers."""
    rng = voice.rng
    lines = [voice.said(rng.choice(voice.language.promos)) for _ in range(rng.choice((1, 1, 1, 2)))]
    lines = [line + "." if rng.random() < 0.6 and line[-1] not in "?。" else line for line in lines]
    return lines + ([voice.said(rng.choice(voice.language.labels))] if rng.random() < 0.3 else [])


def gallery(voice: Voice) -> list[str]:
    """Captions, each as often as a slide show repeats it."""
    rng = voice.rng
    ends, times, found = rng.random() < 0.6, rng.choice((2, 2, 3, 4)), []
    for number in range(rng.randint(1, 3)):
        caption = voice.sentence(12, 30) if ends else voice.phrase(8, 26)
        found += [caption] * times
        found += [f"Slide {number + 1}"] if rng.random() < 0.5 else []
    return found


def credited(voice: Voice) -> list[str]:
    """A caption with the maker's name under it."""
    rng = voice.rng
    caption = voice.phrase(6, 20) + rng.choice(("", "."))
    return [caption, rng.choice((voice.name(), f"{voice.name()}/{voice.site}", voice.site))]


def thread(voice: Voice) -> list[str]:
    """What readers wrote below."""
    rng, found = voice.rng, []
    for _ in range(rng.randint(2, 7)):
        found.append(
            rng.choice(
                (voice.name(), f"{voice.name()} {voice.date()}", voice.word() + str(rng.randint(1, 99)))
            )
        )
        found += [voice.sentence(3, 30) for _ in range(rng.choice((1, 1, 2)))]
        found += [voice.said(rng.choice(voice.language.labels))] if rng.random() < 0.4 else []
    return found


def writer(voice: Voice) -> list[str]:
    """A name and what its bearer did."""
    rng = voice.rng
    who = rng.choice(voice.cast)
    head = [who] if rng.random() < 0.7 else []
    return [*head, f"{who} {voice.other(0.05).sentence(10, 40)}"]


def known(voice: Voice) -> list[str]:
    """One or two lines that the rules know."""
    return [voice.said(voice.rng.choice(voice.language.known)) for _ in range(voice.rng.choice((1, 1, 2)))]


INSIDE = (titles, cards, controls, promotion, gallery, credited)
ABOVE = (dateline, controls, credited, promotion, gallery)
BELOW = (titles, cards, titles, cards, controls, promotion, thread, writer, gallery)


# --- furniture of other shapes, for measuring ---------------------------------------------------------------


def ticker(voice: Voice) -> list[str]:
    """Headlines in capitals."""
    other = voice.other(0.2)
    return [other.phrase(4, 12).upper() for _ in range(voice.rng.randint(2, 6))]


def ranking(voice: Voice) -> list[str]:
    """What others read most: a place, a headline."""
    other, found = voice.other(0.1), []
    for number in range(1, voice.rng.randint(4, 7)):
        found += [str(number), other.phrase(5, 13)]
    return found


def poll(voice: Voice) -> list[str]:
    """A question with answers and their shares."""
    rng, found = voice.rng, [voice.phrase(5, 12) + "?"]
    for _ in range(rng.randint(2, 4)):
        found += [voice.phrase(1, 4), f"{rng.randint(1, 90)} %"]
    return [*found, f"{rng.randint(100, 9000)} {voice.rng.choice(voice.topic)}"]


def card_of_writer(voice: Voice) -> list[str]:
    """Name, trade and place of a writer, in lines of their own."""
    return [voice.name(), voice.phrase(2, 4), voice.name(), f"@{voice.word()}"]


def player(voice: Voice) -> list[str]:
    """A player of sound with its stations."""
    rng = voice.rng
    return [
        f"{rng.randint(0, 9)}:{rng.randint(10, 59)}",
        voice.phrase(2, 5),
        f"{rng.randint(1, 3)}x",
        voice.phrase(4, 9),
    ]


def teasers_cut_off(voice: Voice) -> list[str]:
    """Beginnings of other stories that end in dots."""
    other = voice.other(0.2)
    return [other.phrase(12, 26, small=0.42) + " …" for _ in range(voice.rng.randint(2, 4))]


def cloud(voice: Voice) -> list[str]:
    """Keywords, one to a line."""
    return [voice.phrase(1, 2) for _ in range(voice.rng.randint(4, 12))]


OTHER_FURNITURE: tuple[Block, ...] = (
    ticker, ranking, poll, card_of_writer, player, teasers_cut_off, cloud,
)  # fmt: skip
