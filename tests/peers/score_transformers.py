#!/usr/bin/env python3
"""Texts per second of transformers on reward models that make_rewards.py wrote, beside paretoscope-engine.

Needs Python 3.10+ and: pip install torch transformers

    python tests/peers/score_transformers.py --models DIR [--engine PATH] [--batch 1,16] [--length 128,512] [--runs 5] [--match NAME]

A JSON line per model, batch and length; with --engine the engine's `bench score` follows each, and the scores of both on
the same ids are compared (the largest difference is printed).
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import torch
import transformers as tf


def texts(vocabulary, batch, length):
    ids = torch.randint(3, vocabulary, (batch, length), generator=torch.Generator().manual_seed(0))
    ids[:, -1] = 2  # BART reads its score at an end token
    ids[ids == 0] = 3
    return ids


@torch.inference_mode()
def measure(model, ids, runs):
    """Equal lengths, so neither side pads; a GPT-2 without a padding token is given one that does not occur."""
    seconds = []
    for run in range(runs + 1):
        start = time.perf_counter()
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
        if run:
            seconds.append(time.perf_counter() - start)
    rates = sorted(len(ids) / s for s in seconds)
    return {"median": statistics.median(rates), "min": rates[0], "max": rates[-1]}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--models", type=Path, required=True)
    p.add_argument("--engine")
    p.add_argument("--batch", default="1,16")
    p.add_argument("--length", default="128,512")
    p.add_argument("--runs", type=int, default=5)
    p.add_argument("--match", default="")
    p.add_argument("--threads", type=int, default=os.cpu_count())
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    for folder in sorted(f for f in a.models.iterdir() if (f / "config.json").exists() and a.match in f.name):
        model = tf.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
        if model.config.pad_token_id is None:
            model.config.pad_token_id = 0
        for batch in map(int, a.batch.split(",")):
            for length in map(int, a.length.split(",")):
                ids = texts(model.config.vocab_size, batch, length)
                print(json.dumps({"bench": "score", "peer": f"transformers {tf.__version__}, torch {torch.__version__}", "model": folder.name,
                                  "batch": batch, "length": length, "texts_per_second": measure(model, ids, a.runs),
                                  "threads": a.threads, "dtype": "f32", "device": "cpu"}), flush=True)
                if a.engine:
                    subprocess.run([a.engine, "bench", "score", "--reward", folder, "--batch", str(batch), "--length", str(length),
                                    "--runs", str(a.runs)], check=True)
        if a.engine:
            ids = texts(model.config.vocab_size, 3, 96)
            with torch.inference_mode():
                want = [model(input_ids=row[None]).logits[0].tolist() for row in ids]
            lines = "".join(json.dumps({"tokens": row.tolist()}) + "\n" for row in ids)
            path = a.models / "ids.jsonl"
            path.write_text(lines)
            run = subprocess.run([a.engine, "score", "--reward", folder, "--input", path], check=True, capture_output=True, text=True)
            got = [json.loads(line) for line in run.stdout.splitlines()]
            path.unlink()
            apart = max(abs(x - y) for g, w in zip(got, want) for x, y in zip(g.get("outputs", [g["score"]]), w))
            print(json.dumps({"model": folder.name, "largest_difference": apart, "scores": [g["score"] for g in got]}), flush=True)


if __name__ == "__main__":
    main()
