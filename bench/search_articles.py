"""Articles as an index gets them, fast enough for a million: those that ``bench.search`` looks through.

Texts are put together from banks of sentences: of the drafts of ``articles.py`` for English, of short word
lists for other languages. Sources, names and authors are many, the first of them far more often. Every tenth
is a copy of an earlier one of its thousand, folded under it, and every sixth tells more of an earlier one's
story. Number ``n`` of a seed is always the same article, but for the day that the last ones are dated by.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from bench import words
from bench.articles import is_copy, make_article
from shared.article import Amount, Article, Copy, Entity, EntityType, Source, Tag
from shared.clock import to_ms

THOUSAND: Final = 1_000
DAYS: Final = 300  # before the last day, over which publication is spread evenly
STORY_EVERY, WITHHELD_EVERY, LONG_EVERY = 6, 500, 200
DRAFTS: Final = 3_000  # whose sentences make the English bank: some 55,000
OTHER_SENTENCES: Final = 4_000  # of each other language
SENTENCES: Final = 16  # of an article beside the one that names names; a long read has ten times as many
SOURCES, NAMES, AUTHORS = 600, 30_000, 2_000

TOPICS: Final = {
    "economy": ("medtop:04000000", "economy, business and finance"),
    "politics": ("medtop:11000000", "politics"),
    "sport": ("medtop:15000000", "sport"),
    "science": ("medtop:13000000", "science and technology"),
    "health": ("medtop:07000000", "health"),
    "weather": ("medtop:17000000", "weather"),
    "courts": ("medtop:02000000", "crime, law and justice"),
    "culture": ("medtop:01000000", "arts, culture, entertainment and media"),
    "transport": ("medtop:20000337", "transport"),
}
BROADER: Final = {"medtop:20000337": ("medtop:20000209", "medtop:04000000")}
# The share of each language, and words of the others; sentences are strung from them without grammar.
LANGUAGES: Final = {"en": 60, "de": 10, "es": 10, "fr": 8, "ru": 6, "zh": 6}
_OTHER_WORDS: Final = {
    "de": "der die das und in nicht mit auf für eine Regierung Bericht Wahlen Haushalt Straße Flughafen "
    "Krankenhaus Gericht Urteil Zinsen Banken Arbeitslosigkeit Bürgermeister Verhandlungen "
    "Gewerkschaft Überschwemmung Hitzewelle Meisterschaft Torhüter Forschung Impfstoff Museum "
    "Ausstellung Züge Streik Minister kritisierte beschloss verschob eröffnete steigende sinkende "
    "Preise Hafen Fähre Städte",
    "es": "el la los y en no con para una que gobierno informe elecciones presupuesto calle aeropuerto "
    "hospital tribunal sentencia intereses bancos desempleo alcalde negociaciones sindicato "
    "inundación sequía campeonato portero investigación vacuna museo exposición trenes huelga "
    "ministro criticó aprobó aplazó inauguró precios puerto transbordador ciudades década economía "
    "corrupción jubilación",
    "fr": "le la les et dans pas avec pour une que gouvernement rapport élections budget rue aéroport "
    "hôpital tribunal jugement intérêts banques chômage maire négociations syndicat inondation "
    "sécheresse championnat gardien recherche vaccin musée exposition trains grève ministre critiqua "
    "approuva reporta inaugura prix port traversier villes décennie économie corruption retraite "
    "l'euro l'école",
    "ru": "и в не на с для правительство доклад выборы бюджет улица аэропорт больница суд приговор проценты "
    "банки безработица мэр переговоры профсоюз наводнение засуха чемпионат вратарь исследование "
    "вакцина музей выставка поезда забастовка министр критиковал одобрил отложил открыл цены порт "
    "паром города экономика",
    "zh": "政府 报告 选举 预算 街道 机场 医院 法院 判决 利率 银行 失业 市长 谈判 工会 洪水 "
    "干旱 冠军 守门员 研究 疫苗 博物馆 展览 火车 罢工 部长 批评 批准 推迟 开幕 价格 "
    "港口 渡轮 城市 经济 腐败 退休 学校 记者 市场",
}
_KINDS: Final[tuple[EntityType, ...]] = ("person", "organisation", "place")


@dataclass(frozen=True, slots=True)
class _Choice:
    """Some values of which the n-th comes about 1/n as often as the first."""

    values: Sequence[str]
    weights: Sequence[float]

    @classmethod
    def of(cls, values: Sequence[str]) -> _Choice:
        return cls(values, list(accumulate(1 / (place + 3) for place in range(len(values)))))

    def pick(self, chance: random.Random, count: int) -> list[str]:
        return chance.choices(self.values, cum_weights=self.weights, k=count)


class Articles:
    """The articles of one seed, whose last day ends at ``until``."""

    def __init__(self, seed: int, until: datetime) -> None:
        """Make the banks; takes some seconds."""
        self._seed = seed
        self._until = until
        chance = random.Random(seed)
        coined = [_coin(chance) for _ in range(NAMES)]
        self.names = _Choice.of(list(dict.fromkeys(coined)))
        self._authors = _Choice.of(
            [f"{chance.choice(words.FIRST_NAMES)} {_coin(chance)}" for _ in range(AUTHORS)]
        )
        self.sources = _Choice.of([*words.SOURCES, *(f"paper-{number}.example" for number in range(SOURCES))])
        self._english: dict[str, list[str]] = {beat: [] for beat in TOPICS}
        self._titles: dict[str, list[str]] = {beat: [] for beat in TOPICS}
        self._fill_english(seed)
        self._others = {language: _string(chance, language) for language in _OTHER_WORDS}

    def thousand(self, first: int) -> list[Article]:
        """The thousand articles from ``first`` on, copies folded under their leads."""
        made = [self._make(number) for number in range(first, first + THOUSAND)]
        copies: dict[int, list[Copy]] = {}
        for place, number in enumerate(range(first, first + THOUSAND)):
            chance = random.Random(self._seed * 31 + number)
            if is_copy(number) and place >= STORY_EVERY:
                lead = _earlier(chance, place)
                made[place] = self._copy(chance, made[place], made[lead])
                again = made[place]
                copies.setdefault(lead, []).append(Copy(again.id, again.source.id, again.url))
            elif number % STORY_EVERY == 0 and place >= STORY_EVERY:
                made[place] = replace(made[place], story_id=made[_earlier(chance, place)].story_id)
        for place, folded in copies.items():
            made[place] = replace(made[place], copies=tuple(folded))
        return made

    def _copy(self, chance: random.Random, own: Article, lead: Article) -> Article:
        source = self.sources.pick(chance, 1)[0]
        return replace(
            lead,
            id=own.id,
            source=Source(source, source.partition(".")[0].replace("-", " ").title(), source),
            url=f"https://{source}/{own.id}",
            published_at=own.published_at,
            sort_key=own.sort_key,
            verdict="duplicate",
            duplicate_of=lead.id,
            similarity=1.0,
            rule="same-text",
            is_lead=False,
        )

    def _make(self, number: int) -> Article:
        chance = random.Random(self._seed * 1_000_003 + number)
        language = chance.choices(tuple(LANGUAGES), weights=tuple(LANGUAGES.values()))[0]
        beat = chance.choice(tuple(TOPICS))
        names = list(dict.fromkeys(self.names.pick(chance, chance.randint(2, 6))))
        title, body = self._text(chance, language, beat, names)
        source = self.sources.pick(chance, 1)[0]
        published = self._until - timedelta(seconds=chance.randrange(DAYS * 86_400))
        made = f"{number:08x}{chance.getrandbits(96):024x}"
        return Article(
            id=made,
            source=Source(source, source.partition(".")[0].replace("-", " ").title(), source),
            title=title,
            body=body,
            ingested_at=published + timedelta(minutes=3),
            url=f"https://{source}/{published:%Y/%m/%d}/{made}",
            summary=body[:200],
            authors=tuple(self._authors.pick(chance, chance.choice((0, 1, 1, 2)))),
            language=language,
            published_at=published,
            published_from="given",
            image_url=f"https://{source}/{made}.jpg" if chance.random() < 0.6 else None,
            word_count=len(body.split()),
            pub_status="withheld" if number % WITHHELD_EVERY == 7 else "usable",
            topics=_tags(chance, beat),
            entities=tuple(Entity(name, _KINDS[len(name) % 3], chance.randint(1, 4)) for name in names),
            keywords=tuple(word.lower() for word in title.split()[:5]),
            amounts=(Amount("12.5 percent", 12.5, "percent"),) if number % 2 else (),
            revision=1,
            change=1,
            story_id=made,
            sort_key=(to_ms(published) << 20) + (number & 0xFFFFF),
            indexed_at=published + timedelta(minutes=4),
        )

    def _text(self, chance: random.Random, language: str, beat: str, names: Sequence[str]) -> tuple[str, str]:
        count = SENTENCES * (10 if chance.randrange(LONG_EVERY) == 0 else 1)
        bank = self._english[beat] if language == "en" else self._others[language]
        sentences = chance.choices(bank, k=count)
        title = chance.choice(self._titles[beat]) if language == "en" else _title(chance.choice(bank))
        sentences[0] = f"{', '.join(names)}: {sentences[0]}"
        return title, "\n".join(" ".join(sentences[at : at + 2]) for at in range(0, len(sentences), 2))

    def _fill_english(self, seed: int) -> None:
        for number in range(DRAFTS):
            draft = make_article(seed, number)
            beat = draft.keywords[0]
            self._titles[beat].append(draft.title)
            for paragraph in draft.body.split("\n"):
                self._english[beat] += [f"{part}." for part in paragraph.rstrip(".").split(". ")]


def _title(sentence: str) -> str:
    return sentence[:80].rpartition(" ")[0] or sentence[:20]


def _earlier(chance: random.Random, place: int) -> int:
    """The place of an earlier article of the same thousand that is no copy."""
    while True:
        found = chance.randrange(place)
        if not is_copy(found):
            return found


def _tags(chance: random.Random, beat: str) -> tuple[Tag, ...]:
    beats = dict.fromkeys((beat, *chance.choices(tuple(TOPICS), k=chance.choice((0, 0, 1)))))
    return tuple(
        Tag(*TOPICS[one], round(chance.uniform(0.4, 1), 3), (one,), BROADER.get(TOPICS[one][0], ()))
        for one in beats
    )


def _coin(chance: random.Random) -> str:
    middles = "".join(chance.choices(words.MIDDLES, k=chance.choice((1, 2, 2))))
    ends = chance.choice((words.SURNAME_ENDS, words.PLACE_ENDS))
    return chance.choice(words.ONSETS) + middles + chance.choice(ends)


def _string(chance: random.Random, language: str) -> list[str]:
    """Sentences of a language: words at random, the first of the list more often."""
    choice = _Choice.of(_OTHER_WORDS[language].split())
    apart, end = ("", "。") if language == "zh" else (" ", ".")
    made = (apart.join(choice.pick(chance, chance.randint(9, 22))) for _ in range(OTHER_SENTENCES))
    return [text[:1].upper() + text[1:] + end for text in made]
