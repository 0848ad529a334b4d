"""The clean stage; its one public function is ``clean_article``."""

from services.workers.stages.clean.stage import clean_article

__all__ = ["clean_article"]
