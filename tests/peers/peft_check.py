#!/usr/bin/env python3
"""Adapters written by paretoscope-engine, loaded by PEFT: do both give the same logits?

Needs Python 3.10+ and: pip install torch transformers peft safetensors

    python tests/peers/peft_check.py --engine target/release/paretoscope-engine [--bundle assets/demo]

Three adapters are written and read back by PEFT on transformers' model in f32: a static mixture (`export`, ranks side by
side), the same at a lower rank (`export --rank`), and what `extract` finds in a full fine-tune (the mixture folded into the
base), with global pruning. The program's own logits come from a bundle that holds the adapter as its only expert.
Prints a line per adapter with the largest difference and the largest effect of the adapter on any logit; exit status 0
only if every difference is below --tolerance of the largest logit.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

TOKENS = [3, 17, 5, 40, 22, 9, 31, 12, 60, 7, 15, 28]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--bundle", default="assets/demo")
    parser.add_argument("--weights", default=None, help="one per value vector; default 0.7, 1.1, 0.4, ...")
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    def engine(*arguments):
        run = subprocess.run([args.engine, *map(str, arguments)], capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{' '.join(map(str, arguments))}: {run.stderr.strip()}")
        return json.loads(run.stdout.splitlines()[-1])

    bundle = Path(args.bundle).resolve()
    manifest = json.loads((bundle / "bundle.json").read_text())
    base = bundle / manifest["base"]
    count = len(manifest.get("values") or manifest["objectives"])
    weights = args.weights or ",".join(str([0.7, 1.1, 0.4][i % 3]) for i in range(count))
    ids = torch.tensor([TOKENS])

    def model():
        return AutoModelForCausalLM.from_pretrained(base, torch_dtype=torch.float32).eval()

    with tempfile.TemporaryDirectory() as work, torch.no_grad():
        work = Path(work)
        plain = model()(ids).logits[0]
        engine("export", "--bundle", bundle, "--weights", weights, "--out", work / "exact")
        engine("export", "--bundle", bundle, "--weights", weights, "--rank", args.rank, "--out", work / "compressed")
        folded = PeftModel.from_pretrained(model(), work / "exact").merge_and_unload()
        folded.save_pretrained(work / "tuned")
        model().save_pretrained(work / "base")
        engine("extract", "--base", work / "base", "--tuned", work / "tuned", "--rank", args.rank, "--prune", "0.4",
               "--rescale", "norm", "--out", work / "extracted")

        held = True
        for name in ("exact", "compressed", "extracted"):
            theirs = PeftModel.from_pretrained(model(), work / name)(ids).logits[0]
            one = {
                "format": 1,
                "name": name,
                "base": str(base),
                "objectives": [{"name": "only"}],
                "experts": [{"kind": "lora", "name": name, "path": str(work / name), "preference": [1]}],
            }
            (work / f"bundle-{name}").mkdir()
            (work / f"bundle-{name}" / "bundle.json").write_text(json.dumps(one))
            out = work / f"{name}.safetensors"
            engine("logits", "--bundle", work / f"bundle-{name}", "--preference", "1", "--tokens", ",".join(map(str, TOKENS)),
                   "--out", out)
            ours = load_file(out)["logits"]
            difference = (ours - theirs).abs().max().item()
            effect = (theirs - plain).abs().max().item()
            largest = theirs.abs().max().item()
            good = difference <= args.tolerance * max(largest, 1.0) and effect > 10 * difference
            held &= good
            print(json.dumps({"adapter": name, "largest_difference": difference, "largest_effect": effect,
                              "largest_logit": largest, "equal": good}), flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
