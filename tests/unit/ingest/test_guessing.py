"""Pages that do not say how they are encoded, and are not UTF-8: other scripts are told apart."""

from __future__ import annotations

import random
import time

import pytest

from services.ingest.charset import decode_page

TEXTS = {
    "Japanese": "港湾審議会は火曜日、二隻目のフェリーを購入することを決めた。五月一日から運航を始める。",
    "Chinese": "港务委员会周二决定购买第二艘渡轮，将于五月一日开始航行。委员们就价格讨论了一个小时。",
    "traditional": "港務委員會週二決定購買第二艘渡輪，將於五月一日開始航行。委員們就價格討論了一個小時。",
    "Korean": "항만위원회는 화요일에 두 번째 여객선을 구입하기로 결정했다. 위원들은 가격에 대해 논의했다.",
    "Russian": "Портовый совет решил во вторник купить второй паром, который начнет ходить с первого мая.",
    "Greek": "Το λιμενικό συμβούλιο αποφάσισε την Τρίτη να αγοράσει δεύτερο πλοίο.",
    "Hebrew": "מועצת הנמל החליטה ביום שלישי לקנות מעבורת שנייה שתפליג החל מהראשון במאי.",
    "Arabic": "قرر مجلس الميناء يوم الثلاثاء شراء عبارة ثانية ستبحر ابتداء من الأول من مايو.",
    "French": "Le conseil a décidé d’acheter un deuxième ferry, dès l’été. « Très bien », a-t-il déclaré.",
    "German": "Der Hafenrat beschloss, eine zweite Fähre für größere Schiffe – „überfällig“, heißt es.",
    "Spanish": "El consejo decidió comprar otro transbordador. ¿Quién votó en contra? Nadie, señor Muñoz.",
    "capitals": "ÉTÉ À LA MÉDITERRANÉE : LA GRÈVE REPORTÉE, DÉCIDÉE À L’ASSEMBLÉE GÉNÉRALE, A ÉTÉ ÉVITÉE",
}
OTHERS = [
    ("Japanese", "shift_jis"), ("Japanese", "euc_jp"), ("Japanese", "iso2022_jp"), ("Chinese", "gb18030"),
    ("traditional", "big5"), ("Korean", "euc_kr"), ("Russian", "cp1251"), ("Russian", "koi8_r"),
    ("Greek", "cp1253"), ("Hebrew", "cp1255"), ("Arabic", "cp1256"),
]  # fmt: skip
LATIN = ["French", "German", "Spanish", "capitals"]


def page(text: str) -> str:
    return f"<!doctype html><html><head><title>News</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(("language", "charset"), OTHERS)
@pytest.mark.parametrize("label", [None, "x-no-such"])
def test_a_text_in_another_script_is_read_in_its_encoding(
    language: str, charset: str, label: str | None
) -> None:
    text = TEXTS[language]
    assert decode_page(text.encode(charset), label, html=False) == text
    assert decode_page(page(text).encode(charset), label, html=True) == page(text)


def test_what_is_said_wins_over_what_it_looks_like() -> None:
    data = TEXTS["Russian"].encode("cp1251")
    said = data.decode("koi8_r")
    assert decode_page(data, "koi8-r", html=False) == said
    head = '<meta charset="koi8-r">'
    assert decode_page(head.encode() + data, None, html=True) == head + said
    sequences = "ESC $ B begins it: \x1b$B"
    assert decode_page(sequences.encode(), "utf-8", html=False) == sequences


@pytest.mark.parametrize("language", LATIN)
def test_a_text_in_latin_script_stays_with_windows_1252(language: str) -> None:
    text = TEXTS[language]
    for times in (1, 2, 50):
        assert decode_page((text * times).encode("cp1252"), None, html=False) == text * times
    assert decode_page(page(text).encode("cp1252"), None, html=True) == page(text)


def test_a_few_odd_letters_tell_nothing() -> None:
    assert decode_page("Ça va à Orléans".encode("cp1252"), None, html=False) == "Ça va à Orléans"


def test_a_long_text_is_read_whole_and_what_fits_no_encoding_as_windows_1252() -> None:
    script = "<script>" + "x();" * 50_000 + "</script>"
    for begin in ("", "x"):
        text = begin + (TEXTS["Japanese"] + "\n") * 2_000
        assert decode_page((script + text).encode("shift_jis"), None, html=True) == script + text
    assert "\ufffd" in decode_page(text.encode("shift_jis") + b"\x81", None, html=False)


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(256)) * 4_000,
        b"\xff" * 1_000_000,
        b"\x81" * 1_000_000,
        random.Random(1).randbytes(1_000_000),
    ],
    ids=["all", "ff", "81", "random"],
)
def test_no_bytes_hold_up_the_door(data: bytes) -> None:
    began = time.process_time()
    decode_page(data, None, html=True)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("language", [name for name in TEXTS if name not in LATIN])
@pytest.mark.parametrize("label", [None, "utf-8"])
@pytest.mark.parametrize("damage", ["a stray byte", "cut off"])
def test_a_page_in_utf_8_with_one_byte_that_is_none_keeps_its_letters(
    language: str, label: str, damage: str
) -> None:
    text = TEXTS[language]
    last = next(at for at in range(20, len(text)) if not text[at].isascii())
    data = page(text).encode()
    middle = data.index(text[last:].encode())
    data = data[: middle + 1] if damage == "cut off" else data[:middle] + b"\x92" + data[middle:]
    found = decode_page(data, label, html=True)
    assert text[:last] in found
    assert found.count("\ufffd") == 1


def test_a_latin_page_that_says_utf_8_and_is_not_is_read_as_windows_1252() -> None:
    assert TEXTS["French"] in decode_page(page(TEXTS["French"]).encode("cp1252"), "utf-8", html=True)
