#!/usr/bin/env python3
"""Make tests/fixtures/annotation.json: files of votes and rankings, and what public packages compute from them.

Needs Python 3.10+ and: pip install numpy scipy krippendorff scikit-learn statsmodels choix

    python tests/golden/make_annotation.py
"""

import itertools
import json
from pathlib import Path

import choix
import krippendorff
import numpy as np
from scipy.stats import kendalltau
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "annotation.json"
RANDOM = np.random.default_rng(20260211)


def share(wins, n):
    low, high = proportion_confint(wins, n, alpha=0.05, method="wilson") if n else (0.0, 1.0)
    return {"wins": int(wins), "n": int(n), "low": float(low), "high": float(high)}


def vote_file(people, points, items, seen, noise, ties):
    """People who see a part of the items, sides at random, and what their votes say."""
    strength = RANDOM.normal(0, 0.8, points)
    rewards = {f"p{at}": round(float(strength[at] + RANDOM.normal(0, 0.5)), 2) for at in range(points)}
    pairs = list(itertools.combinations(range(points), 2))
    lines, values = [], np.full((people, items), np.nan)
    for item in range(items):
        first, second = pairs[item % len(pairs)]
        gap = strength[first] - strength[second]
        truth = 1.0 if RANDOM.random() < 1 / (1 + np.exp(-gap)) else -1.0
        who = [person for person in range(people) if RANDOM.random() < seen] or [item % people]
        for person in who:
            value = truth if RANDOM.random() > noise else RANDOM.choice([1.0, -1.0])
            if ties and RANDOM.random() < 0.2:
                value = 0.0
            values[person, item] = value
            turned = RANDOM.random() < 0.5
            left, right = (second, first) if turned else (first, second)
            shown = -value if turned else value
            lines.append(
                {
                    "item": f"i{item:03}",
                    "annotator": f"A{person + 1}",
                    "objective": "humor",
                    "left": f"p{left}",
                    "right": f"p{right}",
                    "choice": {1.0: "left", -1.0: "right", 0.0: RANDOM.choice(["tie", "bad"])}[shown],
                    "prompt": f"q{item % 9}",
                    "left_score": rewards[f"p{left}"],
                    "right_score": rewards[f"p{right}"],
                }
            )
    kappas = []
    for one, other in itertools.combinations(range(people), 2):
        both = ~np.isnan(values[one]) & ~np.isnan(values[other])
        if both.any():
            kappas.append(cohen_kappa_score(values[one][both], values[other][both]))
    decisive = [line for line in lines if line["choice"] in ("left", "right")]
    left = sum(line["choice"] == "left" for line in decisive)
    # Equal scores side with nobody.
    sign = {"left": 1.0, "right": -1.0}
    sided = sum((line["left_score"] - line["right_score"]) * sign[line["choice"]] > 0 for line in decisive)
    case = {
        "votes": lines,
        "kappa": float(np.mean(kappas)) if kappas else None,
        "alpha": float(krippendorff.alpha(values, level_of_measurement="nominal")),
        "alpha_squared": float(krippendorff.alpha(values, level_of_measurement="interval")),
        "first_shown": share(left, len(decisive)),
        "reward_accuracy": share(sided, len(decisive)),
    }
    if not ties:
        wins = [
            (int(line["left"][1:]), int(line["right"][1:]))[:: 1 if line["choice"] == "left" else -1]
            for line in decisive
        ]
        theta = choix.opt_pairwise(points, wins, method="Newton-CG", tol=1e-12)
        theta -= theta.mean()
        case["theta"] = {f"p{at}": float(theta[at]) for at in range(points)}
        case["rewards_tau"] = float(kendalltau(theta, [rewards[f"p{at}"] for at in range(points)]).statistic)
        case["rewards"] = rewards
    return case


def rankings(points, ranked, count):
    """Rankings drawn from Plackett and Luce's model, and the strengths that choix finds."""
    strength = RANDOM.normal(0, 0.7, points)
    lists = []
    for _ in range(count):
        among = RANDOM.choice(points, ranked, replace=False)
        # The largest of strengths plus Gumbel's noise comes first.
        noisy = strength[among] + RANDOM.gumbel(size=ranked)
        lists.append([int(point) for point in among[np.argsort(-noisy)]])
    theta = choix.opt_rankings(points, lists, method="Newton-CG", tol=1e-12)
    by_steps = choix.ilsr_rankings(points, lists, tol=1e-12)
    theta, by_steps = theta - theta.mean(), by_steps - by_steps.mean()
    assert np.allclose(theta, by_steps, atol=1e-5), (theta, by_steps)
    return {"rankings": lists, "theta": theta.tolist()}


def main():
    made = {
        "votes": [
            vote_file(2, 3, 36, 1.0, 0.2, False),
            vote_file(3, 4, 48, 0.5, 0.4, False),
            vote_file(4, 5, 40, 0.4, 0.3, True),
        ],
        "rankings": [rankings(4, 3, 40), rankings(6, 5, 60), rankings(5, 2, 80)],
    }
    kinds = [f'"{kind}": [\n' + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]" for kind, cases in made.items()]
    OUT.write_text("{\n" + ",\n".join(kinds) + "\n}\n")


if __name__ == "__main__":
    main()
