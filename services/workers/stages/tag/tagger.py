"""The tag stage: a tagger with all it goes by, and one function; what is filled in is found beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from services.workers.stages.tag.amounts import find_amounts
from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.gazetteer import Gazetteer, gazetteer, load_gazetteer
from services.workers.stages.tag.keywords import find_keywords, rarities, words_of
from services.workers.stages.tag.model import TopicModel, load_model
from services.workers.stages.tag.rulefile import BadRules, Mistakes, expanded
from services.workers.stages.tag.rules import topic_rules
from services.workers.stages.tag.spacy_names import NameModel, load_name_model
from services.workers.stages.tag.topics import TopicRules, shipped_topics
from services.workers.stages.tag.version import version_of
from services.workers.stages.tag.vocabulary import load_vocabulary
from shared.article import Article, Tag
from shared.frequencies import Frequencies

TOPICS_FOLDER = "topics"
GAZETTEER_FILE = "gazetteer.yaml"
VOCABULARY_FILE = "vocabulary.yaml"
KNOWN_IN_FOLDER = (TOPICS_FOLDER, GAZETTEER_FILE, VOCABULARY_FILE)
_TRIED_AT_START = "en"  # a matcher that is compiled at once; those of other languages when first needed

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Tagger:
    """Everything tags are given by, read and compiled; safe to share between threads and after a fork.

    ``version`` is 12 hexadecimal digits of all that: two taggers of one version give the same tags.
    """

    topics: TopicRules
    known: Gazetteer
    model: TopicModel | None
    name_model: NameModel | None
    version: str

    def tag(self, article: Article, frequencies: Frequencies | None = None) -> Article:
        """Fill in topics, entities, keywords and amounts; what was there before is replaced."""
        title, body, language = article.title, article.body, article.language
        return replace(
            article,
            topics=self.find_topics(title, body, language),
            entities=find_entities(title, body, language, self.known, self.name_model),
            keywords=find_keywords(title, body, language, frequencies),
            amounts=find_amounts(f"{title}\n{body}", language),
            vocabulary=self.version,
        )

    def words(self, article: Article) -> frozenset[str]:
        """The words whose frequencies make this article's keywords better."""
        return words_of(article.title, article.body, article.language)

    def find_topics(self, title: str, body: str, language: str) -> tuple[Tag, ...]:
        """The topics of one article, best first: the model's where there is one, and the rules'."""
        ruled = self.topics.find(title, body, language)
        if self.model is None or not self.model.reads(language):
            return ruled
        return self.model.over(ruled, title, body)


def load_tagger(
    folder: Path | None = None,
    model: Path | None = None,
    entity_model: str = "",
    mistakes: Mistakes | None = None,
) -> Tagger:
    """Read the shipped rules, a newsroom's ``folder`` laid over them, and the models.

    ``model`` is a file of ``copydesk train-topics``, ``entity_model`` the name of a spaCy pipeline.

    Raises ``BadRules`` (a ``BadSettings``) naming file and line, or ``BadSettings`` naming the model. With
    ``mistakes`` those of the folder are gathered there instead, and the tagger goes by the rest.
    """
    if folder is None and model is None and not entity_model:
        return shipped_tagger()
    topics, known = shipped_topics(), gazetteer()
    if folder is not None:
        laid = partial(_laid_over, topics, known, folder, mistakes)
        topics, known = _gathered(laid, (topics, known), folder, mistakes)
    trained = load_model(model, topics.vocabulary) if model is not None else None
    return _tagger(topics, known, trained, entity_model)


@cache
def shipped_tagger() -> Tagger:
    """The tagger of the shipped rules alone, made once per process."""
    return _tagger(shipped_topics(), gazetteer(), None, "")


@cache
def tagger_of(folder: str, model: str, entity_model: str) -> Tagger:
    """The tagger of three settings as they are written, where empty means none; read once per process."""
    return load_tagger(Path(folder) if folder else None, Path(model) if model else None, entity_model)


def tag_article(article: Article) -> Article:
    """Tag an article by the shipped rules."""
    return shipped_tagger().tag(article)


def check_rules(folder: Path | None = None, model: Path | None = None, entity_model: str = "") -> None:
    """Read and compile all rules, so that a mistake stops the start; raises what ``load_tagger`` does."""
    load_tagger(folder, model, entity_model)


def _tagger(topics: TopicRules, known: Gazetteer, model: TopicModel | None, entity_model: str) -> Tagger:
    topics.matcher(_TRIED_AT_START)
    names = load_name_model(entity_model) if entity_model else None
    pipeline = f"{entity_model} {names.version}" if names is not None else ""
    return Tagger(topics, known, model, names, version_of(topics, known, rarities(), model, pipeline))


def _laid_over(
    topics: TopicRules, known: Gazetteer, folder: Path, mistakes: Mistakes | None
) -> tuple[TopicRules, Gazetteer]:
    folder = expanded(folder)
    _gathered(lambda: _check_folder(folder), None, folder, mistakes)
    if any((folder / name).exists() for name in (TOPICS_FOLDER, VOCABULARY_FILE)):
        vocabulary = _gathered(lambda: load_vocabulary(folder, mistakes), load_vocabulary(), folder, mistakes)
        rules = _gathered(lambda: topic_rules(folder, vocabulary, mistakes), topics.rules, folder, mistakes)
        topics = TopicRules(rules, vocabulary)
    if (folder / GAZETTEER_FILE).exists():
        known = _gathered(lambda: load_gazetteer(folder, mistakes), known, folder, mistakes)
    return topics, known


def _gathered(read: Callable[[], Read], otherwise: Read, path: Path, mistakes: Mistakes | None) -> Read:
    """What is read; where mistakes are gathered, something else in its place.

    A path too long, a folder that may not be looked into: what the system refuses is a mistake too.
    """
    try:
        return read()
    except (BadRules, OSError, RuntimeError, OverflowError) as error:
        if isinstance(error, BadRules):
            mistake = error
        else:
            why = getattr(error, "strerror", None) or str(error)
            mistake = BadRules(f"{path}: cannot be read: {why}")
        if mistakes is None:
            raise mistake from error
        mistakes.append(mistake)
        return otherwise


def _check_folder(folder: Path) -> None:
    """Refuse a folder that is not there, or whose rules would be passed over for the name of their file."""
    if not folder.is_dir():
        raise BadRules(f"{folder}: there is no such folder of rules")
    for path in sorted(folder.iterdir()):
        if path.suffix in (".yaml", ".yml") and path.name not in KNOWN_IN_FOLDER:
            raise BadRules(f"{path}:1: no known name; a folder of rules has {', '.join(KNOWN_IN_FOLDER)}")
    for path in sorted((folder / TOPICS_FOLDER).glob("*.yml")):
        raise BadRules(f"{path}:1: rule files end in .yaml")
