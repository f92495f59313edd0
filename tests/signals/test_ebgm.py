"""EBGM and its limits: golden values, mpmath, SciPy's gamma distribution, identities, and rows on their own."""

import csv
import io
import math
from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import digamma, gammaincinv
from scipy.stats import gamma
from shrinker_by_hand import cumulative, geometric_mean, posterior

from pv.signals import ebgm as module
from pv.signals.blocks import in_blocks
from pv.signals.ebgm import ebgm, posterior_quantile
from pv.signals.mixture import Prior

# Pairs of the CAERS reports of 2012 on dietary supplements (FDA, public domain; the table of the R package openEBGM).
# Values by openEBGM 0.9.1 under R 4.2.2 with 8 decimals, at the three priors below that it fitted to these reports.
GOLDEN = """\
a,E,E_by_sex,ebgm_truncated,eb05_truncated,eb95_truncated,ebgm_zeros,eb05_zeros,eb95_zeros,ebgm_by_sex,eb05_by_sex,eb95_by_sex
1,0.0002979737783,0.0004716981132,2.63171781,0.52129388,16.02054016,2.14647515,0.51275117,10.24624498,2.16353761,0.61996678,12.36370631
1,0.001489868892,0.002961500494,2.6154385,0.52012931,15.94280536,2.13994146,0.51181644,10.17977905,2.14429461,0.61843806,12.31854769
1,0.02592371871,0.04244817374,2.3258589,0.49863367,14.43711608,2.02024735,0.49383051,8.9745405,1.88935405,0.59707124,11.56869953
1,0.1123361144,0.1161983833,1.73435569,0.4469107,10.19735477,1.73474324,0.44282867,6.33691749,1.59471039,0.5677942,9.90569091
2,0.03218116806,0.03492521746,6.6503191,1.13665843,20.71916717,4.14307369,1.07682895,16.87580955,5.07800159,1.00804221,14.166066
3,0.2085816448,0.3119493751,6.35772167,1.43098597,16.92850972,4.30178141,1.39017267,13.39042725,3.8462814,1.05556437,12.69649844
7,1.188915375,1.599553685,4.35907786,1.82172648,9.32761619,3.8532001,1.92532278,7.63098742,2.32972531,1.29557709,4.23826127
54,16.05721097,21.81620272,3.15525732,2.49658373,3.96448075,3.20283988,2.54744614,3.98937336,2.30551975,1.84528853,2.85206772
"""
PRIORS = {
    "truncated": Prior(3.25596853, 0.39999072, 2.02375195, 1.90613422, 0.06530760),
    "zeros": Prior(0.20813992, 0.22374745, 2.01462976, 1.51611889, 0.44250556),
    "by_sex": Prior(24.3530425, 2.34101402, 3.51170103, 2.91246682, 0.03182695),
}
# Shapes of prior that are hard: a component of a single value, of almost none, far apart, of hardly any weight.
HARD = [
    Prior(0.2, 0.1, 2.0, 4.0, 1 / 3),
    Prior(3e6, 1.5e6, 3e-7, 0.03, 0.3),
    Prior(1e5, 1e4, 1e5, 1e5, 0.06),
    Prior(60, 5, 0.7, 0.6, 3e-7),
    Prior(2, 2, 0.5, 40, 1.0),
    Prior(1e-3, 1e3, 30, 29, 0.5),
]


def assert_agrees(rows):
    """To 10⁻⁶, which is more than 8 decimals leave of small values."""
    rows = list(rows)
    columns = {name: np.array([float(row[name] or "nan") for row in rows]) for name in rows[0] if name not in NAMES}
    for name, prior in PRIORS.items():
        found = ebgm(columns["a"], columns["E_by_sex" if name == "by_sex" else "E"], prior)
        for measure, values in (("ebgm", found.value), ("eb05", found.low), ("eb95", found.high)):
            np.testing.assert_allclose(values, columns[f"{measure}_{name}"], rtol=1e-6)


NAMES = ("product", "event")


def test_golden_rows():
    assert_agrees(csv.DictReader(io.StringIO(GOLDEN)))


def test_all_pairs_of_caers(shared):
    with (shared / "golden" / "caers_measures.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 17189
    assert_agrees(rows)


def test_worked_by_hand():
    """One gamma with α = β = 1, a = 1, E = 1: the posterior is Gamma(2, 2), whose mean logarithm is ψ(2) - log 2."""
    prior = Prior(1, 1, 1, 1, 0.3)
    found = ebgm([1], [1.0], prior)
    assert found.value == pytest.approx([math.exp(1 - np.euler_gamma) / 2], rel=1e-14)
    assert found.low == pytest.approx([0.3553615106986621 / 2], rel=1e-13)  # 5 % of Gamma(2): (1 + x) e^-x = 0.95
    assert found.high == pytest.approx([4.743864518390577 / 2], rel=1e-13)
    assert (1 + 0.3553615106986621) * math.exp(-0.3553615106986621) == pytest.approx(0.95)
    assert (1 + 4.743864518390577) * math.exp(-4.743864518390577) == pytest.approx(0.05)


@pytest.mark.parametrize("number", range(len(PRIORS) + 2))
def test_against_mpmath(number):
    prior = [*PRIORS.values(), *HARD[:1], Prior(0.9, 0.2, 100, 108, 0.014)][number]
    cases = [(1, 0.003), (1, 2.5), (2, 0.4), (3, 0.05), (7, 30.0), (40, 12.0), (900, 700.0)]
    a, expected = (np.array(column) for column in zip(*cases, strict=True))
    found, median = ebgm(a, expected, prior), posterior_quantile(a, expected, prior, 0.5)
    for row, case in enumerate(cases):
        assert found.value[row] == pytest.approx(float(geometric_mean(*case, prior)), rel=1e-13)
        for limit, share in ((found.low, "0.05"), (median, "0.5"), (found.high, "0.95")):
            value, away = mpmath.mpf(float(limit[row])), mpmath.mpf("1e-13")
            below, above = (cumulative(value * factor, *case, prior) for factor in (1 - away, 1 + away))
            assert below < mpmath.mpf(share) < above


@pytest.mark.parametrize("prior", HARD)
def test_hard_priors_against_a_plain_root_search(prior):
    for a, expected in ((1, 1e-4), (1, 3.0), (2, 0.3), (12, 5.0), (3000, 2900.0)):
        weight, gammas = posterior(a, expected, prior)
        weight, gammas = float(weight), [(float(shape), float(rate)) for shape, rate in gammas]

        def below(log, weight=weight, gammas=gammas):
            parts = [gamma.cdf(math.exp(log), shape, scale=1 / rate) for shape, rate in gammas]
            return weight * parts[0] + (1 - weight) * parts[1]

        for share in (0.001, 0.05, 0.5, 0.95):
            root = math.exp(brentq(lambda log, share=share: below(log) - share, -40, 40, xtol=1e-14))
            assert posterior_quantile([a], [expected], prior, share) == pytest.approx([root], rel=1e-9)


def test_one_component_is_the_gamma_posterior():
    a, expected = np.array([1, 2, 30]), np.array([0.2, 5.0, 11.0])
    for prior in (Prior(2, 3, 2, 3, 0.4), Prior(2, 3, 0.1, 9, 1.0), Prior(7, 0.1, 2, 3, 0.0)):
        found = ebgm(a, expected, prior)
        assert found.value == pytest.approx(np.exp(digamma(a + 2)) / (expected + 3), rel=1e-13)
        assert found.low == pytest.approx(gammaincinv(a + 2, 0.05) / (expected + 3), rel=1e-13)
        assert found.high == pytest.approx(gammaincinv(a + 2, 0.95) / (expected + 3), rel=1e-13)


def many_pairs(size=60_000, seed=1):
    """Mostly small a, as in real tables, so that most stretches are interpolated."""
    random = np.random.default_rng(seed)
    expected = np.exp(random.normal(-1, 2, size))
    return 1 + random.poisson(expected * random.gamma(2, 0.5, size)), expected


@pytest.mark.parametrize("prior", [*PRIORS.values(), *HARD])
def test_a_row_is_the_same_on_its_own(prior):
    a, expected = many_pairs()
    among = ebgm(a, expected, prior)
    some = np.random.default_rng(2).integers(0, len(a), 300)
    alone = ebgm(a[some], expected[some], prior)
    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(among, name)[some], getattr(alone, name), rtol=1e-12)


def test_any_block_size_and_number_of_threads_gives_the_same_bytes(monkeypatch):
    a, expected = many_pairs()
    whole = ebgm(a, expected, PRIORS["zeros"])
    monkeypatch.setattr(module, "in_blocks", partial(in_blocks, rows=777, threads=3))
    parts = ebgm(a, expected, PRIORS["zeros"])
    for name in ("value", "low", "high"):
        assert getattr(whole, name).tobytes() == getattr(parts, name).tobytes()


def test_interpolated_limits_hold_their_share():
    """A second way for all rows: the posterior's distribution function at its limits."""
    a, expected = many_pairs()
    prior = PRIORS["truncated"]
    found = ebgm(a, expected, prior)
    density = [
        gamma.logpdf(1, alpha, scale=1 / beta) - gamma.logpdf(1, a + alpha, scale=1 / (beta + expected))
        for alpha, beta in prior.components  # f(a; α, β, E) is prior × Poisson ÷ posterior at any λ: here 1
    ]
    weight = 1 / (1 + (1 - prior.p) / prior.p * np.exp(density[1] - density[0]))
    for limit, share in ((found.low, 0.05), (found.high, 0.95)):
        parts = [gamma.cdf(limit, a + alpha, scale=1 / (beta + expected)) for alpha, beta in prior.components]
        np.testing.assert_allclose(weight * parts[0] + (1 - weight) * parts[1], share, rtol=1e-9)


logs = st.floats(-6, 6)
priors = st.builds(
    lambda w, x, y, z, p: Prior(*map(math.exp, (w, x, y, z)), p), logs, logs, logs, logs, st.floats(0, 1)
)


@settings(max_examples=80, deadline=None)
@given(priors, st.integers(1, 10**6), st.floats(-12, 12))
def test_limits_are_in_order_and_rise_with_a(prior, a, log_expected):
    cells, expected = np.array([a, a + 1, a + 2]), np.full(3, math.exp(log_expected))
    found, median = ebgm(cells, expected, prior), posterior_quantile(cells, expected, prior, 0.5)
    assert np.isfinite([found.value, found.low, found.high]).all()
    assert (found.low <= median).all()
    assert (median <= found.high).all()
    for values in (found.value, found.low, median, found.high):
        assert (values[1:] >= values[:-1] * (1 - 1e-12)).all()


@settings(max_examples=40, deadline=None)
@given(priors, st.integers(1, 1000), st.floats(-6, 6))
def test_exchanging_the_components_changes_nothing(prior, a, log_expected):
    assume(0 < prior.p < 1)
    other = Prior(prior.alpha2, prior.beta2, prior.alpha1, prior.beta1, 1 - prior.p)
    assume(1 - other.p == prior.p)
    one, two = (ebgm([a], [math.exp(log_expected)], given_one) for given_one in (prior, other))
    for name in ("value", "low", "high"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9)


def test_nothing_is_computed_without_a_case():
    found = ebgm([0, 2, 0], [math.nan, 1.0, 0.0], PRIORS["zeros"])
    alone = ebgm([2], [1.0], PRIORS["zeros"])
    for name in ("value", "low", "high"):
        assert np.isnan(getattr(found, name)).tolist() == [True, False, True]
        assert getattr(found, name)[1] == getattr(alone, name)[0]
    assert np.isnan(posterior_quantile([0], [1.0], PRIORS["zeros"], 0.5)).all()
    assert len(ebgm([], [], PRIORS["zeros"]).value) == 0


@pytest.mark.parametrize(
    ("a", "expected", "message"),
    [
        ([1, 2], [1.0, 0.0], "row 2: expected = 0.0"),
        ([1], [math.nan], "row 1: expected = nan"),
        ([-1], [1.0], "row 1: a"),
    ],
)
def test_bad_rows_are_refused(a, expected, message):
    with pytest.raises(ValueError, match=message):
        ebgm(a, expected, PRIORS["zeros"])


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, math.nan])
def test_a_quantile_of_no_probability_is_refused(probability):
    with pytest.raises(ValueError, match="must be above 0 and below 1"):
        posterior_quantile([1], [1.0], PRIORS["zeros"], probability)
