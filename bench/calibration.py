"""The page docs/calibration.md: what screens and q-values do where the truth is known.

`python -m bench calibration` prints it, `--write docs/calibration.md` writes it (`make calibration`). The same seed
gives the same page; about four minutes on one core.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import beta

from bench import trials
from bench.synthetic import CITY, Shape, incidence
from bench.tables import heading, line
from bench.trials import LEAST, Judge, Year
from pv.signals.counts import Bools, Incidence
from pv.signals.screens import load_screens

YEAR_SHAPES = {"City, 120 reports a week": (120, CITY), "District, 17 reports a week": (17, CITY)}
EXPECTED = (1, 3, 10, 30)
STRENGTHS = (1.0, 1.5, 2.0, 4.0, 8.0)
SERIOUSNESS = {"serious", "deaths"}  # simulated reports have neither


@dataclass(frozen=True)
class Size:
    """How much is simulated. Defaults are those of the page."""

    cases: int = 12_000
    screened: int = 40
    permutations: int = 2_000
    planted_cases: int = 20_000
    planted_sets: int = 100
    planted_each: int = 2
    years: int = 8
    shape: Shape = CITY


def main() -> None:
    """Print the page."""
    print(page(), end="")


def page(size: Size | None = None, progress: Callable[[str], None] | None = None) -> str:
    """The whole page as Markdown."""
    size = size or Size()
    tell = progress or (lambda part: print(f"calibration: {part}", file=sys.stderr, flush=True))
    judge = Judge([screen for screen in load_screens() if screen.general and not screen.rule.measures & SERIOUSNESS])
    parts = {
        "no association": _no_association,
        "q-values": _discoveries,
        "planted associations": _planted,
        "a year of looks": _years,
    }
    texts = [_introduction(judge)]
    for name, part in parts.items():
        tell(name)
        texts.append(part(size, judge))
    texts.append(_reference_sets())
    return "\n\n".join(text.strip() for text in texts) + "\n"


def _introduction(judge: Judge) -> str:
    return f"""
# Calibration

How often do screens and q-values point at a pair where there is nothing, and how often do they find what is there?
On this page that is counted on simulated reports whose truth is known. All numbers are made by `make calibration`
(`python -m bench calibration --write docs/calibration.md`) with the code that screens real reports; do not edit the
page by hand.

**In short.** A screen is a fixed bar for one pair. It promises no error rate: on data without any association most
screens still point at pairs, some at many; how many depends on the data, and looking every week adds to them. A screen
that points at none here may do so elsewhere. Only q-values promise a rate: of the pairs with q ≤ 5 %, no more than 5 %
are false on average, and where nothing is associated at all, at most 5 in 100 looks have even one such pair. The price
is that q, like every strict bar, finds weak and rare associations late. Whatever a pair meets, it is a statistical hint
(统计提示) that waits for assessment.

Left out are screens that compare within a group of products or over the last 12 months, and those that ask for serious
cases or deaths: simulated reports have none of these. ±: Monte Carlo standard error of the number before it.

{_table(["criterion", "met by a pair with"], judge.criteria.items())}
"""


def _table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    return "\n".join([heading(columns), *(line(row) for row in rows)])


# --- no association ------------------------------------------------------------------------------------------------


def _base(size: Size) -> Incidence:
    return incidence(size.cases, 1, replace(size.shape, groups=12, own=0.3))


def _permutations(size: Size, number: int) -> Iterator[Incidence]:
    base = _base(size)
    return (trials.permuted(base, np.random.default_rng([2, one])) for one in range(number))


def _independent(size: Size, number: int) -> Iterator[Incidence]:
    return (incidence(size.cases, 1_000 + one, size.shape) for one in range(number))


def _no_association(size: Size, judge: Judge) -> str:
    sets = {
        "permuted": _permutations(size, size.screened),
        "independent": _independent(size, size.screened),
        "associated": iter([_base(size)]),
    }
    shares = {name: _shares(of, judge) for name, of in sets.items()}
    rows = ([name, *(shares[of][name] for of in sets)] for name in judge.criteria)
    return f"""
## Pairs that meet a criterion by chance

Share of the pairs with a ≥ {LEAST} that meet each criterion, in %. *Permuted*: {size.screened} times, the events of
{size.cases:,} reports full of associations are handed to other reports at random, so that every product and event stays
as frequent as it was and nothing goes together any more. *Independent*: {size.screened} sets of {size.cases:,} reports
drawn without any association. Every pair that is pointed at in these two columns is a false one. *Associated*: the
first set before it is permuted, to compare with.

{_table(["criterion", "permuted", "independent", "associated"], rows)}

A share of this kind is shown, not promised: it changes with how many reports there are and how unequal products and
events are.
"""


def _shares(sets: Iterator[Incidence], judge: Judge) -> dict[str, str]:
    met: dict[str, list[int]] = {name: [] for name in judge.criteria}
    all_ = []
    for one in sets:
        counts, flags = judge.look(one)
        often = counts.a >= LEAST
        all_.append(int(often.sum()))
        for name, pairs in flags.items():
            met[name].append(int((pairs & often).sum()))
    return {name: percent(numbers, all_) for name, numbers in met.items()}


def _discoveries(size: Size, judge: Judge) -> str:  # noqa: ARG001 - all parts take the same
    number = size.permutations
    sets = {"permuted": _permutations(size, number), "independent": _independent(size, number)}
    found = {name: trials.discoveries(of) for name, of in sets.items()}
    labels = {
        "q_bh": "q (BH), as pvwatch has it",
        "q_by": "q (BY), as pvwatch has it",
        "observed": "BH over the observed pairs only",
        "observed_mid": "the same with mid-P",
    }
    rows = (
        [label, data, f"{int((pairs > 0).sum())} of {number}", *_any(pairs > 0), f"{pairs.sum():,}"]
        for name, label in labels.items()
        for data in sets
        for pairs in [found[data][name]]
    )
    columns = ["q-value", "data", "sets with any q ≤ 5 %", "%", "upper 95 % limit", "false discoveries in all sets"]
    return f"""
## What q ≤ 5 % promises

q ≤ 5 % promises: of the pairs pointed at, 5 % at most are false on average. Where there is no association at all, every
discovery is false, so the promise means that at most 5 % of such sets have any. {number} permutations of the set above
and {number} independent sets:

{_table(columns, rows)}

The family of pvwatch is all combinations of a product and an event, with p = 1 for those never reported together. The
other rows leave those out, and break the promise: which pairs are reported at all is itself a result of the data. BY
keeps it however the pairs depend on each other, BH where they depend as they do here; with counts as small as these
exact tails stay well below their level, and so there is room to spare.
"""


def _any(sets: Bools) -> tuple[str, str]:
    """Percentage of sets with its standard error, and its exact one-sided upper 95 % limit."""
    k, n = int(sets.sum()), len(sets)
    return percent(sets, np.ones(n)), f"{100 * (beta.ppf(0.95, k + 1, n - k) if k < n else 1):.2f}"


# --- planted associations --------------------------------------------------------------------------------------------


def _planted(size: Size, judge: Judge) -> str:
    pairs, pointed = _planted_sets(size, judge)
    in_row = size.planted_sets * size.planted_each
    found = (_planted_row(n, strength, pairs, judge) for n in EXPECTED for strength in STRENGTHS)
    false = (
        [name, mean(of["pointed"]), mean(100 * of["false"] / of["pointed"].clip(lower=1))]
        for name, of in pointed.groupby("criterion", sort=False)
    )
    associated = size.planted_each * len(EXPECTED) * (len(STRENGTHS) - 1)
    return f"""
## Planted associations that are found

{size.planted_sets} sets of {size.planted_cases:,} reports without association, in each of which further products have
one event × 1.5, 2, 4 or 8 times as often as chance would have it; × 1 is planted to compare with, every hit there is
false. *n* is how many reports of the pair chance would give; *a*, how many there were on average; *a / E*, against the
number expected from the margins (a planted event is itself more frequent by that). Share of the {in_row} pairs of each
row that meet each criterion at one look, in %, with a standard error of at most {50 / math.sqrt(in_row):.0f}:

{_table(["n", "strength", "a", "a / E", *judge.criteria], found)}

Of all pairs that a criterion points at in these sets, each of which has {associated} true associations, the share that
is false, in % (mean of the sets; 0 for a set in which it points at none). 5 % at most is promised by q alone:

{_table(["criterion", "pairs pointed at in a set", "of these false, %"], false)}
"""


def _planted_sets(size: Size, judge: Judge) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables: the planted pairs (expected, strength, a, ratio = a / E, and for each criterion whether it is met);
    and for each set and criterion how many pairs are pointed at, and how many of them are false."""
    planted, pointed = [], []
    for one in range(size.planted_sets):
        cases, plants = trials.planted(
            size.planted_cases, 2_000 + one, size.shape, EXPECTED, STRENGTHS, size.planted_each
        )
        counts, flags = judge.look(cases)
        seen = pd.DataFrame({"product": counts.product, "event": counts.event, "a": counts.a, **flags})
        seen["ratio"] = counts.a * counts.n / (counts.n_product * counts.n_event)
        of_set = pd.DataFrame(map(asdict, plants)).merge(seen, how="left", on=["product", "event"])
        of_set[list(flags)] = of_set[list(flags)].eq(True)
        planted.append(of_set.fillna({"a": 0, "ratio": 0.0}))
        for name, met in flags.items():
            true = int(of_set.loc[of_set["strength"] > 1, name].sum())
            pointed.append({"criterion": name, "pointed": int(met.sum()), "false": int(met.sum()) - true})
    return pd.concat(planted, ignore_index=True), pd.DataFrame(pointed)


def _planted_row(n: int, strength: float, pairs: pd.DataFrame, judge: Judge) -> list[str]:
    of_row = pairs[(pairs["expected"] == n) & (pairs["strength"] == strength)]
    shares = (f"{100 * of_row[name].mean():.0f}" for name in judge.criteria)
    return [str(n), f"× {strength:g}", f"{of_row['a'].mean():.1f}", f"{of_row['ratio'].mean():.2f}", *shares]


# --- a year of looks -------------------------------------------------------------------------------------------------


def _years(size: Size, judge: Judge) -> str:
    texts = []
    for title, (a_week, shape) in YEAR_SHAPES.items():
        years = [trials.year(incidence(104 * a_week, 3_000 + one, shape), judge) for one in range(size.years)]
        columns = ["criterion", "new false alerts a year", "met at the last look, %", "met at any of 52 looks, %"]
        texts.append(f"**{title}**\n\n{_table(columns, (_year_row(name, years) for name in judge.criteria))}")
    tables = "\n\n".join(texts)
    return f"""
## False alerts in a year of weekly looks

Reports without any association arrive for two years, and the second is looked at week by week, all reports so far each
time ({size.years} such years for each size). *New false alerts*: pairs that meet the criterion at one of the 52 looks
and did not before the year. The shares are of the pairs with a ≥ {LEAST} at the end of the year.

{tables}

A pair that wavers around a bar gets 52 chances to cross it, so more pairs meet it at some look than at any one look.
That holds for q as well: its promise is for one look, not for the best of 52.
"""


def _year_row(name: str, years: Sequence[Year]) -> list[str]:
    often = [year.often for year in years]
    return [
        name,
        mean([year.new[name] for year in years]),
        percent([year.last[name] for year in years], often),
        percent([year.ever[name] for year in years], often),
    ]


# --- reference sets --------------------------------------------------------------------------------------------------


def _reference_sets() -> str:
    rows = [
        ["OMOP", "`--reference omopReferenceSet.csv`", 165, 234, "Ryan et al. 2013, in OHDSI MethodEvaluation"],
        ["EU-ADR", "`--reference euadrReferenceSet.csv`", 43, 50, "Coloma et al. 2013, in OHDSI MethodEvaluation"],
        ["Harpaz 2014", "`--reference harpaz_2014_reference_set.csv`", 62, 75, "Harpaz et al. 2014"],
    ]
    return f"""
## Reference sets

Simulated data say how the arithmetic behaves, not how well it does on real products. For that there are lists of pairs
whose truth people have judged from labels and literature. They name Western drugs and broad outcomes, so what of them
occurs depends on the reports. The lists are not part of this project; with one of them and a case set of yours,

```sh
pvwatch evaluate cases.csv --case id --product drug --event reaction --reference omopReferenceSet.csv
```

gives for every measure the area under the ROC curve (0.5: no better than a coin; 1: every true pair above every false
one) with its interval, for every screen how many true and false pairs it points at, and how many pairs of the list
occur at all. [Commands](commands.md#evaluate) says more.

{_table(["set", "option", "true pairs", "false pairs", "source"], rows)}
"""


# --- numbers ---------------------------------------------------------------------------------------------------------


def percent(met: ArrayLike, of: ArrayLike) -> str:
    """100 Σ met / Σ of with its standard error over the sets, which the arrays have one value of each."""
    m, n = np.asarray(met, dtype=float), np.asarray(of, dtype=float)
    if not n.sum():
        return "–"
    share = m.sum() / n.sum()
    error = _error(m - share * n) / n.mean()
    return f"{100 * share:.2f}" + ("" if len(m) == 1 else f" ± {100 * error:.2f}")


def mean(values: ArrayLike) -> str:
    """Mean of the sets with its standard error."""
    each = np.asarray(values, dtype=float)
    return f"{each.mean():.1f} ± {_error(each):.1f}"


def _error(deviations: np.ndarray[Any, Any]) -> float:
    return float(np.std(deviations, ddof=1) / math.sqrt(len(deviations))) if len(deviations) > 1 else 0.0


if __name__ == "__main__":
    main()
