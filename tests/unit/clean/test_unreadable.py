"""Files sent as texts are rejected; texts with stray controls, or in a wrong encoding, are not."""

from __future__ import annotations

import random
import zlib

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.unreadable import is_unreadable
from shared.article import RawArticle, Source

ENGLISH = (
    "The harbour council decided on Tuesday to buy a second ferry, which will sail from the first of May.\n"
    "Members spoke for an hour about the price, and nobody voted against it in the end."
)
FRENCH = (
    "Le conseil a décidé d’acheter un deuxième ferry, dès l’été. « Très bien », a-t-il déclaré à Orléans."
)
JAPANESE = "港湾審議会は火曜日、二隻目のフェリーを購入することを決めた。五月一日から運航を始める予定だ。"
CHINESE = "港务委员会周二决定购买第二艘渡轮，将于五月一日开始航行。委员们就价格讨论了一个小时。"
RUSSIAN = "Портовый совет решил во вторник купить второй паром, который начнет ходить с первого мая."
POLISH = "Rada zdecydowała o zakupie drugiego promu, źródło: żegluga śródlądowa, łączność, wschód."

CELLS = "\x07".join(f"{club}\x07{points}" for club, points in zip("ABCDEF" * 9, range(54), strict=True))
COLOURS = [f"\x1b[3{number % 8}m{word}\x1b[0m" for number, word in enumerate(ENGLISH.split())]

# As compressed bytes are, whatever was compressed.
NOISE = zlib.compress(random.Random(7).randbytes(3_000))
HEADS = {
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb\0C\0",
    "GIF": b"GIF89a\1\0\1\0\x80\0\0",
    "ZIP": b"PK\3\4\x14\0\0\0\x08\0",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3",
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n" * 40,
    "nothing known": b"",
}
READ_AS = ["latin-1", "cp1252", "utf-8", "cp1251"]


def clean(**content: str) -> str | None:
    return clean_article(RawArticle("a1", Source("harbour.example"), **content)).rejected  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["html", "text", "body"])
@pytest.mark.parametrize("charset", READ_AS)
@pytest.mark.parametrize("kind", HEADS)
def test_a_file_is_no_text_however_its_bytes_were_read(kind: str, charset: str, field: str) -> None:
    read = (HEADS[kind] + NOISE).decode(charset, "replace").replace("\0", "")  # as the push format has it
    assert clean(**{field: read}) == "not-text"


@pytest.mark.parametrize("charset", READ_AS)
@pytest.mark.parametrize("kind", ["PNG", "ZIP", "gzip"])
def test_a_file_of_a_few_bytes_is_known_by_its_beginning(kind: str, charset: str) -> None:
    assert clean(text=HEADS[kind].decode(charset, "replace").replace("\0", "")) == "not-text"


def test_a_file_with_a_title_is_rejected_all_the_same_and_keeps_it() -> None:
    outcome = clean_article(
        RawArticle("a1", Source("harbour.example"), title="Harbour", html=NOISE.decode("latin-1"))
    )
    assert (outcome.rejected, outcome.article.title, outcome.article.body) == ("not-text", "Harbour", "")


@pytest.mark.parametrize("text", [RUSSIAN, CHINESE, JAPANESE])
def test_a_text_whose_letters_are_lost_is_none(text: str) -> None:
    charset = {RUSSIAN: "cp1251", CHINESE: "gbk", JAPANESE: "euc_jp"}[text]
    assert clean(body=text.encode(charset).decode("utf-8", "replace")) == "not-text"


TEXTS = {
    "plain": ENGLISH,
    "a stray control in each line": ENGLISH.replace("\n", "\x0b\x1e\n"),
    "a wire's frame": f"\x16\x16\x01HBR01\x02{ENGLISH}\x03\x04",
    "a short wire": "\x01\x02\x0e\x0fFerry sails on the first of May, says council\x1e\x1f\x03\x04",
    "cells of a word processor": CELLS + "\x13 PAGE \x14\x15\x01\x08\x1e" + ENGLISH,
    "soft hyphens of a word processor": ENGLISH.replace("o", "o\x1f").replace("e", "\x1ee"),
    "a terminal's colours": " ".join(COLOURS),
    "ISO-2022-JP that nobody decoded": JAPANESE.encode("iso2022_jp").decode("ascii"),
    "Shift JIS read as Latin 1": JAPANESE.encode("shift_jis").decode("latin-1"),
    "EUC-JP read as Latin 1": JAPANESE.encode("euc_jp").decode("latin-1"),
    "GBK read as Latin 1": CHINESE.encode("gbk").decode("latin-1"),
    "UTF-8 Chinese read as Latin 1": CHINESE.encode().decode("latin-1"),
    "UTF-8 Russian read as Latin 1": RUSSIAN.encode().decode("latin-1"),
    "KOI8-R read as Latin 1": RUSSIAN.encode("koi8_r").decode("latin-1"),
    "CP866 read as Latin 1": RUSSIAN.encode("cp866").decode("latin-1"),
    "Windows-1250 read as Latin 1": POLISH.encode("cp1250").decode("latin-1"),
    "Windows-1252 read as Latin 1": FRENCH.encode("cp1252").decode("latin-1"),
    "Windows-1252 read as UTF-8": FRENCH.encode("cp1252").decode("utf-8", "replace"),
    "Mac Roman read as Latin 1": FRENCH.encode("mac-roman").decode("latin-1"),
    "UTF-16 without its NULs": FRENCH.encode("utf-16-le").decode("latin-1").replace("\0", ""),
    "Japanese": JAPANESE, "Chinese": CHINESE, "Russian": RUSSIAN, "Polish": POLISH, "French": FRENCH,
    "about GIF": f"GIF89a is the format of 1989.\n{ENGLISH}",
    "about PDF": f"%PDF-1.7 is how a file begins.\n{ENGLISH}",
    "about PNG": f"‰PNG is how a file begins.\n{ENGLISH}",
    "about lost letters": f"What does � mean? It is shown for what cannot be read: ��� or Caf�.\n{ENGLISH}",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_is_caught_however_badly_it_was_read(name: str) -> None:
    assert not is_unreadable(TEXTS[name])
    assert clean(text=TEXTS[name]) != "not-text"
    assert not is_unreadable(f"<!doctype html><html><body><p>{TEXTS[name]}</p></body></html>")
