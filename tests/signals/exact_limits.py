"""The exact lower limit of a common odds ratio by root finding."""

import math

from scipy.optimize import brentq
from scipy.stats import nchypergeom_fisher


def exact_by_root(tables):
    """The odds ratio at which all strata together hold as many with both as they can with probability 0.025."""

    def log_tail(log_odds):
        return sum(
            nchypergeom_fisher.logpmf(a, a + b + c + d, a + b, a + c, math.exp(log_odds)) for a, b, c, d in tables
        )

    return math.exp(brentq(lambda log_odds: log_tail(log_odds) - math.log(0.025), -30, 30, xtol=1e-13))
