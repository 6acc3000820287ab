#!/usr/bin/env python3
"""Make tests/fixtures/statistics.json: agreement, strengths, shares and ranks as public packages compute them.

Needs Python 3.10+ and: pip install numpy scipy krippendorff scikit-learn statsmodels choix

    python tests/golden/make_statistics.py
"""

import json
from pathlib import Path

import choix
import krippendorff
import numpy as np
from scipy.optimize import minimize
from scipy.stats import kendalltau, spearmanr, t
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "statistics.json"
RANDOM = np.random.default_rng(20260101)
VALUES = [1.0, 0.0, -1.0]


def alphas():
    """People x items of 1, 0, -1, some missing, from noisy people to careful ones."""
    cases = []
    for people, items, noise, missing in [(2, 30, 0.3, 0.0), (3, 20, 0.5, 0.2), (5, 12, 0.1, 0.4), (4, 25, 1.0, 0.3)]:
        truth = RANDOM.choice(VALUES, items)
        ratings = np.where(RANDOM.random((people, items)) < noise, RANDOM.choice(VALUES, (people, items)), truth)
        ratings[RANDOM.random((people, items)) < missing] = np.nan
        units = [[float(v) for v in column if not np.isnan(v)] for column in ratings.T]
        cases.append(
            {
                "units": units,
                "nominal": krippendorff.alpha(ratings, level_of_measurement="nominal"),
                "squared": krippendorff.alpha(ratings, level_of_measurement="interval"),
            }
        )
    return cases


def kappas():
    cases = []
    for items, noise in [(20, 0.2), (50, 0.6), (200, 0.4)]:
        one = RANDOM.choice(VALUES, items, p=[0.5, 0.2, 0.3])
        other = np.where(RANDOM.random(items) < noise, RANDOM.choice(VALUES, items), one)
        cases.append({"one": one.tolist(), "other": other.tolist(), "kappa": cohen_kappa_score(one, other)})
    return cases


def davidsons():
    """Davidson's likelihood, maximised from its definition; where nobody ties it is Bradley and Terry's, which choix fits."""
    cases = []
    for count, ties in [(3, True), (4, True), (6, True), (5, False)]:
        strength = RANDOM.normal(0, 0.7, count)
        table = []
        for i in range(count):
            for j in range(i + 1, count):
                a, b = np.exp(strength[i]), np.exp(strength[j])
                odds = np.array([a, (0.5 if ties else 0.0) * np.sqrt(a * b), b])
                counts = RANDOM.multinomial(25, odds / odds.sum()) + [1, 1 if ties else 0, 1]
                table.append([i, j, *map(int, counts)])

        def less(parameters):
            theta = parameters[:count] - parameters[:count].mean()
            nu = np.exp(parameters[count]) if ties else 0.0
            total = 1e-3 * parameters[:count].mean() ** 2
            for i, j, win, tie, loss in table:
                a, b = np.exp(theta[i]), np.exp(theta[j])
                middle = nu * np.sqrt(a * b)
                whole = a + b + middle
                total -= win * np.log(a / whole) + loss * np.log(b / whole)
                if tie:
                    total -= tie * np.log(middle / whole)
            return total

        start = np.zeros(count + 1)
        found = minimize(less, start, method="BFGS", options={"gtol": 1e-7}).x
        found = minimize(less, found, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 100000, "maxfev": 100000}).x
        theta = found[:count] - found[:count].mean()
        if not ties:
            pairs = [pair for i, j, win, _, loss in table for pair in [(i, j)] * win + [(j, i)] * loss]
            by_choix = choix.opt_pairwise(count, pairs, method="Newton-CG", tol=1e-10)
            assert np.allclose(theta, by_choix - by_choix.mean(), atol=1e-5), (theta, by_choix)
        cases.append({"table": table, "theta": theta.tolist(), "nu": float(np.exp(found[count])) if ties else 0.0})
    return cases


def shares():
    cases = []
    for wins, n in [(0, 7), (3, 7), (83, 100), (118, 200), (41, 41), (5000, 9999)]:
        low, high = proportion_confint(wins, n, alpha=0.05, method="wilson")
        cases.append({"wins": wins, "n": n, "low": float(low), "high": float(high)})
    return cases


def ranks():
    cases = []
    for size, levels in [(6, 3), (20, 6), (50, 40)]:
        x = RANDOM.integers(0, levels, size).astype(float)
        y = x + RANDOM.integers(-2, 3, size)
        cases.append(
            {
                "x": x.tolist(),
                "y": y.tolist(),
                "spearman": float(spearmanr(x, y).statistic),
                "kendall": float(kendalltau(x, y).statistic),
            }
        )
    return cases


def students():
    return [
        {"freedom": freedom, "quantile": float(t.ppf(0.975, freedom)), "at": at, "tail": float(2 * t.sf(at, freedom))}
        for freedom, at in [(1.0, 0.5), (1.7, 2.2), (4.0, 3.0), (9.3, 1.1), (57.5, 2.9), (4000.0, 1.96)]
    ]


def holms():
    cases = []
    for size in [1, 4, 9]:
        p = RANDOM.random(size) ** 3
        cases.append({"p": p.tolist(), "adjusted": multipletests(p, method="holm")[1].tolist()})
    return cases


def main():
    made = {
        "alpha": alphas(),
        "kappa": kappas(),
        "davidson": davidsons(),
        "wilson": shares(),
        "ranks": ranks(),
        "student": students(),
        "holm": holms(),
    }
    # A case per line.
    kinds = [f'"{kind}": [\n' + ",\n".join(map(json.dumps, cases)) + "\n]" for kind, cases in made.items()]
    OUT.write_text("{\n" + ",\n".join(kinds) + "\n}\n")


if __name__ == "__main__":
    main()
