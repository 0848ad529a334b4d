"""Fixtures of the contract tests: the ledger, on each of its databases."""

from __future__ import annotations

from tests.contract.ledger_cases import empty_sqlite, ledger, settings, unmade

__all__ = ["empty_sqlite", "ledger", "settings", "unmade"]
