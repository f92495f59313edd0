"""Mapping files for tables of other forms, drafted by looking at them."""

from __future__ import annotations

from pv.drafting.drafts import Draft, Guess, draft
from pv.drafting.writing import mapping_text

__all__ = ["Draft", "Guess", "draft", "mapping_text"]
