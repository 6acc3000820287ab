#!/usr/bin/env python3
"""Write reward models of real shapes with seeded weights, for `bench score` and its peers.

Needs Python 3.10+ and: pip install torch transformers safetensors

    python tests/peers/make_rewards.py --out DIR [gpt2 gpt2-large distilbert deberta-v3-large bart-base]

Each becomes DIR/NAME with config.json and model.safetensors in f32 (gpt2-large: 3.1 GB, deberta-v3-large: 1.7 GB).
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import torch
import transformers as tf

SHAPES = {
    "gpt2": (tf.GPT2Config(num_labels=1, pad_token_id=None), tf.GPT2ForSequenceClassification),
    "gpt2-large": (tf.GPT2Config(n_embd=1280, n_layer=36, n_head=20, num_labels=1, pad_token_id=None), tf.GPT2ForSequenceClassification),
    "distilbert": (tf.DistilBertConfig(num_labels=2), tf.DistilBertForSequenceClassification),
    "deberta-v3-large": (tf.DebertaV2Config(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, relative_attention=True, position_buckets=256,
        norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False, num_labels=1),
        tf.DebertaV2ForSequenceClassification),
    "bart-base": (tf.BartConfig(d_model=768, encoder_layers=6, decoder_layers=6, encoder_attention_heads=12, decoder_attention_heads=12,
                                encoder_ffn_dim=3072, decoder_ffn_dim=3072, num_labels=2), tf.BartForSequenceClassification),
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("names", nargs="*", choices=[*SHAPES, []], default=list(SHAPES))
    a = p.parse_args()
    for name in a.names:
        config, kind = SHAPES[name]
        torch.manual_seed(0)
        model = kind(config).eval()
        with torch.no_grad():  # transformers starts all heads near zero, which would make every score the same
            for key, value in model.named_parameters():
                if any(part in key for part in ("score", "classif", "pooler")):
                    value.uniform_(-0.1, 0.1)
        model.save_pretrained(a.out / name)
        print(f"{name}: {sum(v.numel() for v in model.parameters()) / 1e6:.1f} M parameters")


if __name__ == "__main__":
    main()
