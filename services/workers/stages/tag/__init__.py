"""The tag stage: topics, names, key phrases and amounts of a clean article, each with what earned it."""

from services.workers.stages.tag.tagger import check_rules, tag_article

__all__ = ["check_rules", "tag_article"]
