"""One file into the store: archive, read, check, tell versions apart, quarantine, load — in one transaction."""

from __future__ import annotations

from pv.intake.account import FileAccount, Problem
from pv.intake.loading import load_file
from pv.intake.replay import Replayed, replay

__all__ = ["FileAccount", "Problem", "Replayed", "load_file", "replay"]
