"""The tag stage as one function; what it fills in is found by the modules beside it."""

from __future__ import annotations

from dataclasses import replace

from services.workers.stages.tag.amounts import find_amounts
from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.gazetteer import gazetteer
from services.workers.stages.tag.keywords import find_keywords, rarities
from services.workers.stages.tag.topics import find_topics, matcher
from shared.article import Article


def tag_article(article: Article) -> Article:
    """Fill in topics, entities, keywords and amounts; what was there before is replaced."""
    title, body, language = article.title, article.body, article.language
    return replace(
        article,
        topics=find_topics(title, body, language),
        entities=find_entities(title, body, language),
        keywords=find_keywords(title, body, language),
        amounts=find_amounts(f"{title}\n{body}", language),
    )


def check_rules() -> None:
    """Read and compile every rule file, so that a mistake stops the start; raises ``BadRules``."""
    matcher("en")
    gazetteer()
    rarities()
