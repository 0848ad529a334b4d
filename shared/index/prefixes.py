"""Words that begin with something: what a word that is cut short with a star may match in the index.

``econom*`` finds every word that begins so, in all its forms, as a whole word does. The index has stems: most
begin as their words do; those that lost a part of the prefix are found by completing it with endings.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from shared.index.analysis import MAX_TERM, STEMMED, UNSTEMMED, analysis_language, fold, locate, terms

MIN_LETTERS = 3
MIN_PAIRED = 2  # of a script without spaces, where that is a word
_KEPT = 1_024  # prefixes remembered; completing one takes about a millisecond

# What stemmers take off the ends of words; a prefix may have kept the beginning of it: ``runni`` and ``ng``.
# Collected from the 30,000 most frequent words of each language (2026-11-27). With these 1 of 10,000 pairs of
# a word and one of its beginnings is missed, without them 1 of 4; up to 3 % of the found begin otherwise.
# Arabic is worse, since its stems lose beginnings too: 1 of 7 is missed, a quarter begins otherwise.
_ENDINGS = {
    "en": (
        "ble bly c cal cally cation cs ent ents ess lism lity ls nce nces ncy ngly ngs onally te ted "
        "tely tes ties ting tional tions tive tly tor tors ul ully us usly vely ves vity zation ze zed "
        "zing"
    ),
    "es": (
        "ba ble bles ca cacion caciones camente cas co cos da dades das dos en endo endose era eran "
        "eron ia ias iva ivas ivo ivos lemente miento mientos mos r rlo rse smo sta stas ste vamente "
        "vidad"
    ),
    "fr": (
        "ait ant ante ation ations ble ce ces ee ements er eurs ez if ive lement les ses tes teur ue "
        "uement ues use ux"
    ),
    "de": (
        "d ge ger ges gkeit gkeiten gung gungen ich iche ichen icher iches ichkeit k ker ll lle nden "
        "nnen sch sche schen scher sches"
    ),
    "it": (
        "amente amo anno ano ate azione bile ca ce che ci co cono da de dosi ebbe emo enti ili ioni iva "
        "ivi ivo la lo mento mi ndo ore ori rsi se sero ta ve za ze"
    ),
    "pt": "ades amente da das dos ento entos i idade is iva ivas ivo mos ndo or ora ores ram ria so tes u",
    "ru": "ая в его ее еся ие ий им их ихся ми н ого ой т тей ти тся ть тью ую ые ый ых ься",
    "ar": "ها هم نا كم ات ون ين ان يه تين ه ا ت ن ي ك",
    "tr": (
        "aki ar ara arda ardan ari arin arina arinda arindan arini arla di edir eki erde erden ere eri "
        "erin erinde erinden erine erini erinin ik iler im iniz iyle ma mi miz nu nun uk um unuz ur yla"
    ),
}
# The article, and what is written together with it, which the Arabic stemmer takes off the beginning; so many
# letters must be left that not every word is found.
_HEADS = {"ar": ("وال", "بال", "كال", "فال", "ال", "لل")}
_LEFT = 2


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a prefix may match: terms that begin with one of ``starts``, and the ``whole`` ones."""

    starts: tuple[str, ...]
    whole: tuple[str, ...] = ()

    def has(self, term: str) -> bool:
        """Whether a term of the index is among them."""
        return term.startswith(self.starts) or term in self.whole


def is_one_word(text: str) -> bool:
    """Whether a text is a single word without punctuation, so that a star may end it."""
    found = locate(text, UNSTEMMED)
    # Pairs of one run overlap, words never do.
    divided = any(start >= end for (_, _, end), (_, start, _) in pairwise(found))
    return bool(found) and not divided and not any(character in ".'’ʼ＇" for character in text)


def is_paired(text: str) -> bool:
    """Whether a word is of a script without spaces, and thus found inside of others without a star."""
    # One more character makes one more pair of such a script, and the same word of any other.
    return len(locate(text + text[-1], UNSTEMMED)) > 1


@lru_cache(_KEPT)
def beginning(text: str, language: str | None = None) -> Beginning:
    """What a prefix may match in texts of a BCP 47 language, or in all of them."""
    if language is None:
        found = [beginning(text, one) for one in (UNSTEMMED, *STEMMED)]
        return Beginning(
            tuple(dict.fromkeys(start for one in found for start in one.starts)),
            tuple(dict.fromkeys(term for one in found for term in one.whole)),
        )
    folded = fold(text)[:MAX_TERM]
    language = analysis_language(language)
    if language == UNSTEMMED:
        return Beginning((folded,))
    if not any(map(str.isalpha, folded)):
        return Beginning((folded, f"{language}/{folded}"))  # digits alone are not stemmed: 2026
    starts = tuple(f"{language}/{one}" for one in (folded, *_beheaded(folded, language)))
    return Beginning(starts, tuple(_completed(folded, language, starts)))


def _beheaded(folded: str, language: str) -> Iterator[str]:
    for head in _HEADS.get(language, ()):
        if folded.startswith(head) and len(folded) >= len(head) + _LEFT:
            yield folded[len(head) :]


def _completed(folded: str, language: str, starts: tuple[str, ...]) -> Iterator[str]:
    endings = _ENDINGS[language].split()
    if _script(endings[0]) != _script(folded):
        return
    seen = set()
    for rest in dict.fromkeys(ending[at:] for ending in endings for at in range(len(ending) + 1)):
        term = terms(folded + rest, language)
        if term not in seen and " " not in term and not term.startswith(starts):
            seen.add(term)
            yield term


def _script(text: str) -> str:
    letter = next((character for character in reversed(text) if character.isalpha()), "a")
    return unicodedata.name(letter, "").split(" ")[0]
