"""Cases as pairs of lists, (products, events), and what is counted of them."""

from __future__ import annotations

import pandas as pd
from hypothesis import strategies as st

from pv.signals.counts import Incidence


def incidence_of(cases):
    """Of [(products, events)]."""
    products = [(number, product) for number, (products, _) in enumerate(cases) for product in products]
    events = [(number, event) for number, (_, events) in enumerate(cases) for event in events]
    frames = [
        pd.DataFrame(rows, columns=["case", "label"]).astype({"case": "int64", "label": "str"})
        for rows in (products, events)
    ]
    return Incidence.of(len(cases), *frames)


@st.composite
def repeated_cases(draw, products="ABCD", events="xyz"):
    """Some kinds of cases, each many times, so that small sets have strong associations; in any order."""
    times = st.sampled_from([1, 2, 3, 6, 12, 24])
    one_or_two = [st.lists(st.sampled_from(letters), min_size=1, max_size=2) for letters in (products, events)]
    kinds = st.one_of(
        st.tuples(*one_or_two, times),
        st.tuples(*one_or_two, times),
        st.tuples(*(st.lists(st.sampled_from(letters), max_size=2) for letters in (products, events)), times),
    )
    drawn = draw(st.lists(kinds, min_size=draw(st.sampled_from([0, 4, 8])), max_size=12))
    cases = [(products, events) for products, events, times in drawn for _ in range(times)]
    draw(st.randoms(use_true_random=False)).shuffle(cases)
    return cases
