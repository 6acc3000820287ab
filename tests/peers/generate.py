"""How fast other engines generate on the weights of a bundle: JSON lines like those of `paretoscope-engine bench`.

    python generate.py --bundle DIR [--peers transformers,llama.cpp] [--runs 5]

Greedy, the end token barred, CPU, f32, random ids as prompts.
"""

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from bundle import Bundle

PEERS = {"transformers": "peer_transformers", "llama.cpp": "peer_llamacpp"}
MIXTURE = [0.2, 0.3, 0.5]
# Gates, rows, ids of each prompt, as in `bench decode`.
DECODE = [("none", 1, 16), ("equal", 1, 16), ("equal", 1, 512), ("equal", 16, 16), ("equal", 64, 16),
          ("different", 16, 16), ("router", 1, 16)]  # fmt: skip
POINTS, PROMPTS, PROMPT_LENGTH = 11, 8, 16


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def rates(rows, new, prompt_length, times):
    start, first, end = times
    return {
        "tokens_per_second": rows * (new - 1) / (end - first),
        "prefill_tokens_per_second": rows * prompt_length / (first - start),
        "start_to_end_tokens_per_second": rows * new / (end - start),
    }


def one_by_one(session, rows, mixtures, new):
    """A mixture per row where a batch can have but one; only the whole time means something."""
    start = time.perf_counter()
    for row, weights in zip(rows, mixtures):
        session.mix(weights)
        session.generate([row], new)
    return len(rows) * new / (time.perf_counter() - start)


def decode(session, gates, rows, new, random):
    if gates == "different":
        mixtures = random.dirichlet(np.ones(len(MIXTURE)), len(rows)).tolist()
        if not hasattr(session, "generate_each"):
            return {"start_to_end_tokens_per_second": one_by_one(session, rows, mixtures, new)}
        _, times = session.generate_each(rows, mixtures, new)
    else:
        _, times = session.generate(rows, new)
    return rates(len(rows), new, len(rows[0]), times)


def sweep(session, prompts, new):
    """Points on a line through the simplex: all in one batch where mixtures may differ, else one after the other."""
    points = [[t, (1 - t) / 2, (1 - t) / 2] for t in np.linspace(0, 1, POINTS).tolist()]
    start = time.perf_counter()
    if hasattr(session, "generate_each"):
        session.generate_each(prompts * POINTS, [p for p in points for _ in prompts], new)
    else:
        for point in points:
            session.mix(point)
            session.generate(prompts, new)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "start_to_end_tokens_per_second": POINTS * len(prompts) * new / seconds}


def measure(options, peer, about, way, make, rows, once, warm):
    """Run `once(session)` and print the spread of what it gives."""
    length = len(rows[0]) + options.new_tokens
    bundle = Bundle(options.bundle / "router" if about.get("gates") == "router" else options.bundle)
    session = make(bundle, options.threads, len(rows), length)
    session.mix(MIXTURE)
    results = [once(session) for _ in range(warm + options.runs)][warm:]
    session.close()
    line = about | {key: spread([r[key] for r in results]) for key in results[0]}
    line |= {
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "threads": options.threads, "dtype": "f32", "device": "cpu",
        "peer": options.peers[0], "way": way, "version": peer.VERSION,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def run(options):
    peer, random = importlib.import_module(PEERS[options.peers[0]]), np.random.default_rng(options.seed)
    vocabulary = Bundle(options.bundle).vocabulary
    for gates, batch, length in DECODE:
        rows = random.integers(1, vocabulary, (batch, length)).tolist()
        new = 2 if length > PROMPT_LENGTH else options.new_tokens
        about = {"bench": "decode", "batch": batch, "gates": gates, "prompt_length": length, "new_tokens": new}
        for way, make in peer.WAYS[gates].items() if gates in options.cases else ():
            measure(options, peer, about, way, make, rows, lambda s: decode(s, gates, rows, new, random), warm=1)
    if "sweep" in options.cases:
        prompts = random.integers(1, vocabulary, (PROMPTS, PROMPT_LENGTH)).tolist()
        about = {"bench": "sweep", "points": POINTS, "prompts": PROMPTS, "new_tokens": options.new_tokens}
        for way, make in peer.WAYS["sweep"].items():
            measure(options, peer, about, way, make, prompts, lambda s: sweep(s, prompts, options.new_tokens), warm=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="a folder that make_bundle.py wrote")
    parser.add_argument("--peers", type=lambda s: s.split(","), default=list(PEERS), help="default: " + ",".join(PEERS))
    kinds = ["none", "equal", "different", "router", "sweep"]
    parser.add_argument("--cases", type=lambda s: s.split(","), default=kinds, help="default: " + ",".join(kinds))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for given, known in ((options.peers, PEERS), (options.cases, kinds)):
        if unknown := set(given) - set(known):
            parser.error(f"{', '.join(unknown)}: not among {', '.join(known)}")
    if len(options.peers) == 1:
        run(options)
        return
    # A process for each: their threads and their memory stay apart.
    for peer in options.peers:
        subprocess.run([sys.executable, *sys.argv, "--peers", peer], check=True)


if __name__ == "__main__":
    main()
