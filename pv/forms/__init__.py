"""What people fill in: rows checked, kept with their moment, and put into effect."""

from __future__ import annotations

from pv.forms.checking import Fault, checked, told
from pv.forms.effects import take
from pv.forms.entries import entered_between, in_force

__all__ = ["Fault", "checked", "entered_between", "in_force", "take", "told"]
