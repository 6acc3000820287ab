#!/usr/bin/env python3
"""Make tests/fixtures/search.json: what the plain form of the Python package `cma` makes of generations of points.

Needs Python 3.10+ and: pip install cma==3.3.0

    python tests/golden/make_search.py
"""

import json
import math
import random
from pathlib import Path

from cma import purecma

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "search.json"


def sphere(x):
    return sum(v * v for v in x)


def rosenbrock(x):
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def rotation(n):
    """An orthonormal matrix (Householder's), the same in every language: I - 2 v v' / v'v with v = 1, 2, ..., n."""
    v = range(1, n + 1)
    square = sum(a * a for a in v)
    return [[float(i == j) - 2 * a * b / square for j, b in enumerate(v)] for i, a in enumerate(v)]


def ellipsoid(x):
    """Axes of lengths 1 to 1000, rotated."""
    n = len(x)
    turned = [sum(r * v for r, v in zip(row, x)) for row in rotation(n)]
    return sum(10 ** (6 * i / max(1, n - 1)) * v * v for i, v in enumerate(turned))


FUNCTIONS = {"sphere": sphere, "rosenbrock": rosenbrock, "ellipsoid": ellipsoid}


def strategy(start, sigma, target=None):
    es = purecma.CMAES(start, sigma, ftarget=target, maxfevals=20_000)
    es.params.lazy_gap_evals = 0  # the shape is taken apart in every generation, as it is here
    return es


def replays():
    """The points of some generations, and where the strategy stands after each."""
    cases = []
    for name, n in [("sphere", 2), ("rosenbrock", 3), ("ellipsoid", 5)]:
        random.seed(f"{name} {n}")
        start = [0.5 + 0.1 * i for i in range(n)]
        es = strategy(list(start), 0.4)
        generations = []
        for _ in range(25):
            points = [list(x) for x in es.ask()]
            values = [FUNCTIONS[name](x) for x in points]
            es.tell(points, values)
            generations.append(
                {
                    "points": points,
                    "values": values,
                    "mean": list(es.xmean),
                    "sigma": es.sigma,
                    "covariance": [es.C[i][j] for i in range(n) for j in range(n)],
                }
            )
        cases.append({"function": name, "start": start, "sigma": 0.4, "population": es.params.lam, "generations": generations})
    return cases


def costs():
    """How many tries it takes to 1e-8: the median and the range of 51 seeds."""
    cases = []
    for name, n in [("sphere", 2), ("sphere", 6), ("rosenbrock", 4), ("ellipsoid", 4)]:
        counts = []
        for seed in range(51):
            random.seed(seed)
            es = strategy([0.5 + 0.1 * i for i in range(n)], 0.4, 1e-8)
            es.optimize(FUNCTIONS[name])
            counts.append(es.counteval if es.best.f <= 1e-8 else math.inf)
        counts.sort()
        assert math.isfinite(counts[40]), (name, n)
        cases.append({"function": name, "dimension": n, "tries": {"low": counts[10], "median": counts[25], "high": counts[40]}})
    return cases


OUT.write_text(json.dumps({"replays": replays(), "costs": costs()}, indent=1) + "\n")
