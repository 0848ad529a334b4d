"""The tag stage: topics, names, key phrases and amounts of a clean article, each with what earned it."""

from services.workers.stages.tag.tagger import Tagger, check_rules, load_tagger, tag_article, tagger_of

__all__ = ["Tagger", "check_rules", "load_tagger", "tag_article", "tagger_of"]
