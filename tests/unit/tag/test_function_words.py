"""Function words: the commonest words of six languages earn no topic, whichever rules read them."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.rules import load_rules
from services.workers.stages.tag.topics import find_topics

FUNCTION_WORDS = {
    "en": (
        "the of and to in a is that for it as was with be by on not he his but at are this have from "
        "or had an they which one you were all her she there would their we him been has when who "
        "will no more if out so up us its did what may can"
    ),
    "es": (
        "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le "
        "ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy años "
        "hasta desde está mi porque qué sólo han yo hay vez puede todos así nos ni parte tiene él uno "
        "donde bien tiempo mismo ese ahora cada vida otro después te otros aunque esa eso hace otra"
    ),
    "fr": (
        "de la le et les des en un une du que est pour qui dans a par plus pas au sur ne se il sont "
        "ce avec cette son mais comme on ou sa ses aux leur elle nous été ont être fait d l qu s c n "
        "y tout deux même ils aussi dont si sans où était entre avait ces peut après fois très moins "
        "encore lui donc avant bien avoir eu faire sous toujours vers chez car sec quand rien tous "
        "toute autre autres elles depuis ainsi dit leurs"
    ),
    "de": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an "
        "werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum "
        "war haben nur oder aber vor zur bis mehr durch man sein wurde sei hatte kann gegen vom "
        "können schon wenn habe seine ihre dann unter wir soll ich eines jahr zwei diese dieser "
        "wieder keine seiner worden will zwischen immer was sagte gibt alle seit muss doch jetzt drei "
        "tag"
    ),
    "it": (
        "di e il la che in un a per è una sono non con si da come le dei nel al più ma lo ha gli alla "
        "i del della nella suo sua anche o se dal ci ed questo questa essere era tra dopo ai quando "
        "su stato due hanno loro dell all nell sul fra chi mi cui prima poi ancora tutti tutto senza "
        "solo sempre ogni molto dove altro altri fu stata stati però così ne nato modi via"
    ),
    "pt": (
        "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele "
        "das tem à seu sua ou ser quando muito há nos já está eu também só pelo pela até isso ela "
        "entre era depois sem mesmo aos ter seus quem nas me esse eles estão você tinha foram essa "
        "num nem suas meu às minha têm numa pelos elas havia seja qual será nós tenho lhe deles essas "
        "esses pelas este fosse dele"
    ),
}
READERS = ("und", "nl")  # unsure, and a language without rules of its own


def _written(language: str) -> set[str]:
    words = FUNCTION_WORDS[language].split()
    return {*words, *(word.capitalize() for word in words)}


@pytest.mark.parametrize("language", FUNCTION_WORDS)
def test_no_function_word_earns_a_topic_by_itself(language: str) -> None:
    earned = {
        (reader, word): [tag.name for tag in tags]
        for word in _written(language)
        for reader in (language, *READERS)
        if (tags := find_topics(word, f"{word}, {word}", reader))
    }
    assert earned == {}


@pytest.mark.parametrize("language", FUNCTION_WORDS)
def test_function_words_of_a_language_earn_no_topic_together(language: str) -> None:
    for reader in (language, *READERS):
        assert find_topics("", FUNCTION_WORDS[language], reader) == ()


def test_a_headline_of_function_words_in_capitals_earns_no_topic() -> None:
    for words in FUNCTION_WORDS.values():
        assert find_topics(words.upper(), "", "und") == ()


@pytest.mark.parametrize("language", FUNCTION_WORDS)
def test_no_international_phrase_is_a_function_word(language: str) -> None:
    phrases = {phrase for rule in load_rules() for phrase in rule.phrases.get("any", {})}
    assert not phrases & _written(language)
