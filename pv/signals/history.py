"""What has become of each pair of one table from week to week.

A pair *meets* in a week if it meets at least one screen of the table. Its status is

    (none)        it has never met
    new           it meets for the first time
    returned      it meets again after it had lapsed
    strengthened  it meets, and against its reference state IC025 is now above the IC of then, or it meets a further
                  screen, or has its first death or its first serious case
    weakened      it meets, is not strengthened, and IC975 is now below the IC of then, or it no longer meets one of
                  the screens of then
    continuing    it meets and is neither; or it does not meet this week but did last week (it is then listed
                  without screens, so that pairs do not flicker)
    lapsed        it has not met for two weeks or more

The *reference state* is that of the week in which the pair was new or returned: week against week almost never moves
enough to be seen. `first_week` is the week in which it was new, and stays after it has returned. `status_since` is the
week in which the status began; for a strengthened pair the last week that gave a reason which had not been given since
its reference state, so that a pair that wavers around a limit is not called changed again and again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pv.signals.counts import Bools, Ints
from pv.signals.measures import Floats

STATUSES = ("", "new", "continuing", "strengthened", "weakened", "lapsed", "returned")
NONE, NEW, CONTINUING, STRENGTHENED, WEAKENED, LAPSED, RETURNED = range(len(STATUSES))
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Meeting:
    """The pairs that meet in a week: their places, the screens met as bits, and what is compared over time."""

    pairs: Ints
    screens: Ints
    ic: Floats
    ic025: Floats
    ic975: Floats
    serious: Ints
    deaths: Ints


class History:
    """State of all pairs of a table, by pair: `status`; `first_week` and `status_since` (a week's index, or NEVER)."""

    def __init__(self, pairs: int) -> None:
        self.status: NDArray[np.int8] = np.zeros(pairs, dtype=np.int8)
        self.first_week: Ints = np.full(pairs, NEVER, dtype=np.int64)
        self.status_since: Ints = np.full(pairs, NEVER, dtype=np.int64)
        self._reasons: Ints = np.zeros(pairs, dtype=np.int64)
        self._reason_since: Ints = np.full(pairs, NEVER, dtype=np.int64)
        self._met_last: Bools = np.zeros(pairs, dtype=bool)
        self._ic: Floats = np.zeros(pairs)
        self._screens, self._serious, self._deaths = (np.zeros(pairs, dtype=np.int64) for _ in range(3))

    def step(self, week: int, meeting: Meeting) -> None:
        """Go on to the next week."""
        pairs = meeting.pairs
        earlier = self.status.copy()
        before = earlier[pairs]
        begins = (before == NONE) | (before == LAPSED)
        now = np.where(before == NONE, NEW, np.where(before == LAPSED, RETURNED, self._compared(week, meeting)))

        # Below for the first week: continuing. Below for the second: lapsed.
        met = np.zeros(len(self.status), dtype=bool)
        met[pairs] = True
        tracked = self.status != NONE
        self.status[tracked & ~met] = LAPSED
        self.status[self._met_last & ~met] = CONTINUING
        self.status[pairs] = now
        self._met_last = met
        self.first_week[pairs[before == NONE]] = week
        self.status_since[self.status != earlier] = week
        strong = pairs[now == STRENGTHENED]
        self.status_since[strong] = self._reason_since[strong]
        self._refer(meeting, begins)

    def _compared(self, week: int, meeting: Meeting) -> NDArray[np.int64]:
        pairs = meeting.pairs
        further = meeting.screens & ~self._screens[pairs]
        # The reasons as bits: three of their own, above them the further screens.
        reasons = further << 3
        reasons |= np.where(meeting.ic025 > self._ic[pairs], 1, 0)
        reasons |= np.where((meeting.deaths > 0) & (self._deaths[pairs] == 0), 2, 0)
        reasons |= np.where((meeting.serious > 0) & (self._serious[pairs] == 0), 4, 0)
        stronger = reasons != 0
        fresh = pairs[(reasons & ~self._reasons[pairs]) != 0]
        self._reasons[pairs] |= reasons
        self._reason_since[fresh] = week
        weaker = (meeting.ic975 < self._ic[pairs]) | ((self._screens[pairs] & ~meeting.screens) != 0)
        return np.where(stronger, STRENGTHENED, np.where(weaker, WEAKENED, CONTINUING))

    def _refer(self, meeting: Meeting, begins: Bools) -> None:
        pairs = meeting.pairs[begins]
        self._reasons[pairs] = 0
        self._ic[pairs] = meeting.ic[begins]
        self._screens[pairs] = meeting.screens[begins]
        self._serious[pairs] = meeting.serious[begins]
        self._deaths[pairs] = meeting.deaths[begins]
