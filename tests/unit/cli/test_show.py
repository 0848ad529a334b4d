"""What people see on the terminal, with nothing in it that could take the terminal over."""

import io
import threading

import pytest
from rich.console import Console

from services.cli.show import LineWriter, Terminal, hits_table, marked


def console():
    return Console(file=io.StringIO(), width=100, force_terminal=False)


def hit(**more):
    return {
        "title": "Tram tunnel approved",
        "source": {"id": "wire.example"},
        "published_at": "2026-11-19T22:40:00Z",
        "topics": [{"name": "transport"}],
        "highlights": {"body": ["under the <mark>harbour</mark> &amp; beyond"]},
        "copies": [{"source": "post.example"}],
        **more,
    }


def printed(answer):
    shown = console()
    shown.print(hits_table(answer))
    return shown.file.getvalue()


def test_a_hit_shows_its_day_its_sources_its_topics_and_the_words_that_were_found():
    text = printed({"query": {"text": "harbour"}, "total": {"articles": 2, "groups": 1}, "hits": [hit()]})
    assert "1 article and 1 copy for harbour" in text
    for words in ("2026-11-19", "Tram tunnel approved", "wire.example, also in post.example", "transport"):
        assert words in text
    assert "under the harbour & beyond" in text


def test_a_hit_with_little_in_it_is_shown_all_the_same():
    bare = {"title": "", "source": "wire.example", "published_at": None}
    text = printed({"query": {"text": ""}, "total": {"articles": 2, "groups": 2}, "hits": [bare]})
    assert "2 articles for everything" in text
    assert "(no title)" in text


def test_markup_and_escape_codes_in_a_title_are_shown_as_text_or_not_at_all():
    title = "[red]x[/red] \x1b[2J\x1b]0;owned\x07"
    text = printed(
        {"query": {"text": "x"}, "total": {"articles": 1, "groups": 1}, "hits": [hit(title=title)]}
    )
    assert "[red]x[/red]" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_found_words_are_marked():
    text = marked("a <mark>big</mark> &lt;b&gt; day")
    assert text.plain == "a big <b> day"
    assert [text.plain[span.start : span.end] for span in text.spans if span.style == "yellow"] == ["big"]


def test_lines_of_children_carry_their_name_and_lose_their_colours():
    shown = console()
    write = LineWriter(shown)
    write("ingest", "\x1b[31mhello\x1b[0m [not markup]")
    write.close()
    assert shown.file.getvalue() == "ingest       | hello [not markup]\n"


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error"), ValueError("closed")])
def test_a_terminal_that_has_gone_does_not_end_the_run(error):
    tries = []

    class Gone(io.StringIO):
        def write(self, text):
            tries.append(text)
            raise error

    write = LineWriter(Terminal(file=Gone()))
    write("ingest", "hello")
    write("ingest", "again")
    write.close()
    assert tries[0] == "ingest       | hello\n"
    assert not write._thread.is_alive()


def test_a_terminal_that_is_held_holds_nobody_and_is_told_how_much_it_missed():
    held, first = threading.Event(), threading.Event()

    class Held(io.StringIO):
        def write(self, text):
            first.set()
            held.wait(10)
            return super().write(text)

    file = Held()
    write = LineWriter(Console(file=file), most=5)
    write("ingest", "first")
    assert first.wait(10)
    for number in range(20):
        write("ingest", f"line {number}")
    held.set()
    write.close(10)
    assert "15 lines were dropped while the terminal was held" in file.getvalue()
    assert "line 4" in file.getvalue()
    assert "line 5" not in file.getvalue()
