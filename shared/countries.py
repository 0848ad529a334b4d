"""The country of a source: what the settings say, else what its host name ends in; from nothing else.

One place for every reader: the filter, the query language, NewsAPI's parameter and its list of sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.errors import InvalidRequest

# ISO 3166-1 alpha-2, as assigned in 2025.
_CODES: Final = """
ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw
by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg eh er es et fi
fj fk fm fo fr ga gb gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in
io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me
mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf
pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st sv
sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug um us uy uz va vc ve vg vi vn vu wf ws ye
yt za zm zw
"""
CODES: Final = frozenset(_CODES.split())
# Endings that are a code and tell of no country, since everybody registers names below them.
_GENERIC: Final = frozenset({"ai", "co", "io", "me", "tv"})
# Endings that are no code of their country: the one of Britain, and those in scripts of their own.
_OTHERS: Final = {
    "uk": "gb",
    "xn--3e0b707e": "kr",
    "xn--90a3ac": "rs",
    "xn--90ae": "bg",
    "xn--90ais": "by",
    "xn--d1alf": "mk",
    "xn--fiqs8s": "cn",
    "xn--fiqz9s": "cn",
    "xn--h2brj9c": "in",
    "xn--j1amh": "ua",
    "xn--j6w193g": "hk",
    "xn--kprw13d": "tw",
    "xn--kpry57d": "tw",
    "xn--mgba3a4f16a": "ir",
    "xn--mgbaam7a8h": "ae",
    "xn--mgberp4a5d4ar": "sa",
    "xn--o3cw4h": "th",
    "xn--p1ai": "ru",
    "xn--qxam": "gr",
    "xn--wgbh1c": "eg",
}
_MEANT: Final = {"uk": "gb", "el": "gr", "en": "gb"}  # what is often written for a code

Told = Mapping[str, str]  # codes by source, as ``Settings.countries`` has them


def country_of(source: str, told: Told) -> str:
    """The code of a source's country; empty where neither the settings nor its ending tell one."""
    return told.get(source) or _by_ending(source)


def endings_of(code: str) -> tuple[str, ...]:
    """What names of hosts end in that are of a country by themselves, with the dot: ``.uk``, ``.gb``."""
    others = [ending for ending, of in _OTHERS.items() if of == code]
    return tuple(f".{ending}" for ending in (*others, code) if _by_ending(f"a.{ending}") == code)


def check_country(value: str) -> str:
    """A country's code in lower case; raises ``InvalidRequest`` naming what is none."""
    code = value.lower()
    if code in CODES:
        return code
    hint = f'; did you mean "{_MEANT[code]}"?' if code in _MEANT else ", such as de"
    raise InvalidRequest("country", f'"{value[:50]}" is no code of a country in ISO 3166-1{hint}')


def _by_ending(source: str) -> str:
    name, _, ending = source.rpartition(".")
    code = _OTHERS.get(ending, ending)
    return code if name and code in CODES - _GENERIC else ""
