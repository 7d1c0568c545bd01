"""Published statistics of two sets of counts in the same bins: how far apart they are, and whether by chance.

`reference` and `live` are counts of the same bins. Rows are counted as fewer than they are, by DESIGN_EFFECT, wherever
the question is what chance does: those of real traffic are not independent of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from app.release.profile.bins import Counts, Numbers

# Kish, Survey Sampling (1965), section 8.2: as if each two rows told what one independent row tells.
DESIGN_EFFECT = 2.0
# Jeffreys' prior for shares: a bin that was never met is rare, not impossible.
_PRIOR = 0.5
# Cochran, Some Methods for Strengthening the Common Chi-Square Tests, Biometrics 10 (1954): fewer are put together.
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Comparison:
    """What a test found.

    Attributes:
        effect: How large the difference is, whatever the number of rows.
        p_value: How likely chance alone makes so large a difference, or a larger one.
    """

    statistic: float
    p_value: float
    effect: float


def compute_psi(reference: Counts, live: Counts) -> float:
    """Population stability index: the sum over bins of (q - p) ln(q / p), for shares p and q.

    It is the symmetric divergence of Kullback and Leibler, On Information and Sufficiency, Annals of Mathematical
    Statistics 22 (1951). The name and the habit of 0.1 and 0.2: Siddiqi, Credit Risk Scorecards (2006).
    """
    p, q = _estimate_shares(reference), _estimate_shares(live)
    return float(np.sum((q - p) * np.log(q / p)))


def expect_psi(reference: Counts, live: Counts) -> float:
    """What PSI is on average where nothing has changed: (bins - 1) (1 / n + 1 / m) for n and m rows.

    Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk Model Validation
    14(4) (2020): PSI / (1 / n + 1 / m) is then distributed like chi-square with bins - 1 degrees of freedom.
    """
    bins = int(np.count_nonzero(reference + live))
    return max(0, bins - 1) * (1 / max(1, int(reference.sum())) + 1 / max(1, int(live.sum())))


def compare_order(reference: Counts, live: Counts) -> Comparison:
    """Kolmogorov-Smirnov for two samples; effect and statistic are the largest difference of cumulated shares.

    Known at the edges of bins only, that difference is at most the true one, so the test errs on the side of no drift.
    The p-value is that of the limiting distribution: Smirnov, Table for Estimating the Goodness of Fit of Empirical
    Distributions, Annals of Mathematical Statistics 19 (1948).
    """
    # Heavy libraries are loaded by who needs them: every command imports this module, and only the watcher runs it.
    from scipy.special import kolmogorov

    n, m = float(reference.sum()), float(live.sum())
    if not n or not m:
        return Comparison(0.0, 1.0, 0.0)
    distance = float(np.abs(np.cumsum(reference) / n - np.cumsum(live) / m).max())
    p_value = float(kolmogorov(math.sqrt(n * m / (n + m) / DESIGN_EFFECT) * distance))
    return Comparison(distance, p_value, distance)


def compare_shares(reference: Counts, live: Counts) -> Comparison:
    """Chi-square for homogeneity; the effect is Cohen's w of the live shares against those of the reference.

    Pearson, On the criterion ..., Philosophical Magazine 50 (1900). Cohen, Statistical Power Analysis for the
    Behavioral Sciences (1988), chapter 7: w is the root of the sum over bins of (q - p)^2 / p, 0.1 is small, 0.5 large.
    """
    # As above.
    from scipy.special import chdtrc

    reference, live = _join_rare(reference, live)
    n, m = float(reference.sum()), float(live.sum())
    if not n or not m or len(live) < 2:
        return Comparison(0.0, 1.0, 0.0)
    together = (reference + live) / (n + m)
    statistic = float(np.sum((live / m - together) ** 2 / together) * m * (n + m) / n) / DESIGN_EFFECT
    p, q = _estimate_shares(reference), _estimate_shares(live)
    return Comparison(statistic, float(chdtrc(len(live) - 1, statistic)), math.sqrt(float(np.sum((q - p) ** 2 / p))))


def compare_share(before: int, rows: int, now: int, live_rows: int) -> float:
    """How likely chance alone makes a share of live rows differ so much from that of the reference: the p-value."""
    return compare_shares(np.array([before, rows - before]), np.array([now, live_rows - now])).p_value


def compare_news(alone: int, rows: int, news: int, live_rows: int) -> float:
    """How likely chance alone brings so many live rows, or more, with what the reference does not have: the p-value.

    Both are rare, so this is the exact test of two Poisson rates: Przyborowski and Wilenski, Homogeneity of Results in
    Testing Samples from Poisson Series, Biometrika 31 (1940). No rows are counted as fewer: what is new is new, whoever
    sends it.

    Args:
        alone: Rows of the reference with what no other row of it has.
    """
    # As above.
    from scipy.special import betainc

    return float(betainc(news, alone + 1, live_rows / (rows + live_rows))) if news else 1.0


def _estimate_shares(counts: Counts) -> Numbers:
    # Bins that neither side has met are left with next to nothing on both.
    shares: Numbers = (counts + _PRIOR) / (counts.sum() + _PRIOR * len(counts))
    return shares


def _join_rare(reference: Counts, live: Counts) -> tuple[Counts, Counts]:
    """Put the rarest bins together until there is none left in which too few rows are expected on one side."""
    total = reference + live
    order = np.argsort(total)
    expected = total[order] * (min(reference.sum(), live.sum()) / max(1, total.sum()))
    if expected[0] >= _LEAST_EXPECTED:
        return reference, live
    rare = int(np.count_nonzero(expected < _LEAST_EXPECTED))
    joined = max(rare, int(np.searchsorted(np.cumsum(expected), _LEAST_EXPECTED)) + 1)
    first, second = (np.append(counts[joined:], counts[:joined].sum()) for counts in (reference[order], live[order]))
    return first, second
