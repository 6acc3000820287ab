#!/usr/bin/env python3
"""Make tests/fixtures/indicators.json: what pymoo and moocore say of fronts; R2, which neither has for a list of weights,
from its definition.

Needs Python 3.10+ and: pip install numpy pymoo moocore

    python tests/golden/make_indicators.py
"""

import json
from pathlib import Path

import moocore
import numpy as np
from pymoo.indicators.hv import HV
from pymoo.indicators.igd_plus import IGDPlus

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "indicators.json"
RANDOM = np.random.default_rng(20260102)


def r2(points, weights, ideal):
    """mean_w min_a max_i w_i (ideal_i - a_i)"""
    return float(np.mean([min(np.max(w * (ideal - a)) for a in points) for w in weights]))


def case(objectives, count, other, margin):
    # Around a sphere in the positive numbers, so that most are on the front and ratios are defined.
    def points(n, spread):
        rays = np.abs(RANDOM.normal(size=(n, objectives))) + 0.05
        return rays / np.linalg.norm(rays, axis=1, keepdims=True) * RANDOM.uniform(1 - spread, 1 + spread, (n, 1)) + 0.1

    a, b = points(count, 0.3).round(6), points(other, 0.2).round(6)
    ideal, nadir = RANDOM.uniform(0.8, 1.1, objectives).round(6), RANDOM.uniform(0.1, 0.4, objectives).round(6)
    weights = RANDOM.dirichlet(np.ones(objectives), 20).round(6)
    # pymoo minimises: everything is turned around. Points below the reference hold nothing.
    scaled = (a - nadir) / (ideal - nadir)
    volume = HV(ref_point=np.full(objectives, margin))(-scaled)
    return {
        "a": a.tolist(),
        "b": b.tolist(),
        "ideal": ideal.tolist(),
        "nadir": nadir.tolist(),
        "margin": margin,
        "weights": weights.tolist(),
        "hypervolume": float(volume / (1 + margin) ** objectives),
        "epsilon_additive": float(moocore.epsilon_additive(a, ref=b, maximise=True)),
        "epsilon_ratio": float(moocore.epsilon_mult(a, ref=b, maximise=True)),
        "igd_plus": float(IGDPlus(-b)(-a)),
        "r2": r2(a, weights, ideal),
    }


def main():
    sizes = [(2, 5, 4), (2, 20, 9), (3, 1, 6), (3, 15, 15), (3, 40, 20), (4, 12, 10), (5, 10, 8)]
    cases = [case(*size, margin) for size, margin in zip(sizes, [0.1, 0.5, 0.1, 0.5, 0.1, 0.5, 0.1])]
    OUT.write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")


if __name__ == "__main__":
    main()
