"""Estimates with their 95 % intervals: shares, differences of shares, means and differences of means."""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.serving.rollout.comparison.moments import Moments

_Z = 1.959963984540054


@dataclass(frozen=True)
class Estimate:
    """A figure with the ends of its 95 % interval; both None where no interval is known."""

    value: float
    low: float | None = None
    high: float | None = None


def estimate_share(count: int, of: int) -> Estimate | None:
    """A share by Wilson's interval, which is right for rare events too; None of nothing.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if not of:
        return None
    share = count / of
    center = (share + _Z**2 / (2 * of)) / (1 + _Z**2 / of)
    reach = _Z / (1 + _Z**2 / of) * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    # At the ends the interval reaches them exactly; rounding would leave 1e-19 there.
    low = 0.0 if count == 0 else max(0.0, center - reach)
    high = 1.0 if count == of else min(1.0, center + reach)
    return Estimate(share, low, high)


def estimate_share_difference(count: int, of: int, base_count: int, base_of: int) -> Estimate | None:
    """How much larger a share is than that of the base, by Newcombe's hybrid of two Wilson intervals.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998), method 10.
    """
    share, base = estimate_share(count, of), estimate_share(base_count, base_of)
    if share is None or base is None:
        return None
    difference = share.value - base.value
    below = math.hypot(share.value - (share.low or 0.0), (base.high or 0.0) - base.value)
    above = math.hypot((share.high or 0.0) - share.value, base.value - (base.low or 0.0))
    return Estimate(difference, difference - below, difference + above)


def estimate_mean(values: Moments) -> Estimate | None:
    if not values.count:
        return None
    reach = _Z * math.sqrt(values.variance / values.count)
    return Estimate(values.mean, values.mean - reach, values.mean + reach)


def estimate_mean_difference(values: Moments, base: Moments) -> Estimate | None:
    """How much larger a mean is than that of the base; variances may differ. None below two values on a side."""
    if values.count < 2 or base.count < 2:
        return None
    difference = values.mean - base.mean
    reach = _Z * math.sqrt(values.variance / values.count + base.variance / base.count)
    return Estimate(difference, difference - reach, difference + reach)
