#!/usr/bin/env python3
"""Full SVD of the matrices of `bench forge`, by numpy's LAPACK, in lines that compare with its own.

Needs Python 3.10+ and: pip install numpy

    paretoscope-engine bench forge --part svd --dump DIR
    python tests/peers/svd.py DIR [--ranks 64,128] [--runs 1] [--threads N]
"""

import argparse
import json
import os
import resource
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ranks", default="64,128")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(args.threads)
    import numpy as np

    for path in sorted(args.folder.glob("*x*.safetensors")):
        raw = path.read_bytes()
        size = int.from_bytes(raw[:8], "little")
        shape = json.loads(raw[8 : 8 + size])["matrix"]["shape"]
        matrix = np.frombuffer(raw, "<f4", offset=8 + size).reshape(shape)
        seconds = []
        for _ in range(args.runs):
            start = time.perf_counter()
            _, values, _ = np.linalg.svd(matrix, full_matrices=False)
            seconds.append(time.perf_counter() - start)
        seconds.sort()
        squares = values.astype(np.float64) ** 2
        for rank in (int(r) for r in args.ranks.split(",")):
            print(
                json.dumps(
                    {
                        "bench": "forge-svd",
                        "program": f"numpy {np.__version__}",
                        "shape": shape,
                        "rank": rank,
                        "seconds": {"median": seconds[len(seconds) // 2], "min": seconds[0], "max": seconds[-1]},
                        "energy_kept": squares[:rank].sum() / squares.sum(),
                        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                        "threads": args.threads,
                        "dtype": "f32",
                        "device": "cpu",
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
