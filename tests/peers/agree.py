"""Whether our engine and the peers say the same on a bundle of make_bundle.py: logits and greedy tokens.

    python agree.py --bundle DIR --engine target/release/paretoscope-engine [--peers transformers,llama.cpp]

A JSON line per peer, point and prompt; exit status 1 if any logit is off by more than --tolerance or a token differs.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from bundle import Bundle
from generate import PEERS

POINTS = [[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]]
ROUTER_POINT = [0.25, 0.25, 0.5]


def engine(program, command, folder, weights, tokens, *more):
    point, ids = (",".join(map(str, values)) for values in (weights, tokens))
    call = [program, command, "--device", "cpu", "--dtype", "f32", "--bundle", folder, "--preference", point, "--tokens", ids]
    return subprocess.run([*call, *more], check=True, stdout=subprocess.PIPE, text=True).stdout


def compare(options, way, session, folder, weights, tokens):
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "logits.safetensors"
        engine(options.engine, "logits", folder, weights, tokens, "--out", out)
        ours = load_file(out)["logits"]
    answer = engine(options.engine, "generate", folder, weights, tokens, "--max-tokens", str(options.new_tokens))
    new = json.loads(answer)["tokens"]  # fewer than asked where the end token came, which the peers bar
    session.mix(weights)
    theirs = session.logits(tokens)
    wanted = session.generate([tokens], options.new_tokens)[0][0][: len(new)]
    same = sum(a == b for a, b in zip(new, wanted))
    difference = float(np.abs(ours - theirs).max())
    print(json.dumps({
        "way": way, "router": folder != options.bundle, "preference": weights, "prompt_length": len(tokens),
        "largest_logit": float(np.abs(theirs).max()), "largest_difference": difference,
        "greedy_tokens": len(new), "different_tokens": len(new) - same, "distinct_tokens": len(set(new)),
    }), flush=True)  # fmt: skip
    return difference <= options.tolerance and same == len(new)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--engine", type=Path, required=True)
    parser.add_argument("--peers", type=lambda s: s.split(","), default=["transformers"])
    parser.add_argument("--prompts", type=int, default=2)
    parser.add_argument("--new-tokens", type=int, default=16)
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    random, agreed = np.random.default_rng(1), True
    vocabulary = Bundle(options.bundle).vocabulary
    prompts = [random.integers(1, vocabulary, 5 + 20 * i).tolist() for i in range(options.prompts)]
    cases = [(options.bundle, point) for point in POINTS] + [(options.bundle / "router", ROUTER_POINT)]
    for peer in (importlib.import_module(PEERS[name]) for name in options.peers):
        for folder, weights in cases:
            # Only the layer of our own knows routers.
            chosen = peer.WAYS["router"] if folder != options.bundle else peer.AGREE
            for way, make in chosen.items():
                session = make(Bundle(folder), len(os.sched_getaffinity(0)), 1, 1024)
                agreed &= all([compare(options, way, session, folder, weights, tokens) for tokens in prompts])
                session.close()
    sys.exit(0 if agreed else 1)


if __name__ == "__main__":
    main()
