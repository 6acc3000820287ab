#!/usr/bin/env python3
"""Make the small causal models under tests/fixtures/families, and what transformers computes with them.

Needs Python 3.10+ and: pip install torch transformers peft safetensors

    python tests/golden/make_families.py

One model per family, with every part that sets the family apart made large enough to matter: windows shorter than the
text, soft caps that bind, multipliers far from 1. Weights are seeded and rounded to bfloat16's grid, so that the files
are small; numbers are computed in f32 with eager attention. Each folder gets an expected.json:
{"ids": [...], "logits": one row per id}, and "adapted" with the logits under the adapter beside it, where there is one.
"""

import copy
import json
import os
import shutil
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import torch
import transformers as tf
from peft import LoraConfig, get_peft_model

ROOT = Path(__file__).resolve().parents[1] / "fixtures" / "families"
VOCABULARY, LENGTH = 40, 24
SHAPE = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=None,
             attn_implementation="eager")


def seeded(model, seed):
    """Weights large enough that every part matters to the logits."""
    g = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        noise = torch.rand(p.shape, generator=g) * 2 - 1
        norm = "norm" in name
        around = 1.0 if norm and not model.config.model_type.startswith("gemma") else 0.0
        size = 0.9 if "embed_tokens" in name else 0.4
        p.data = (around + size * noise).to(torch.bfloat16).to(torch.float32)
    return model.eval()


@torch.no_grad()
def logits(model, ids):
    return [[round(x, 5) for x in row] for row in model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].tolist()]


def make(name, seed, kind, adapter=None, **more):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = kind.config_class(**{**SHAPE, **more})
    model = seeded(kind(config), seed)
    # A copy: tables of frequencies would be rounded with the weights.
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    g = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, VOCABULARY, (LENGTH,), generator=g).tolist()
    expected = {"ids": ids, "logits": logits(model, ids)}
    if adapter:
        peft = get_peft_model(model, LoraConfig(r=3, lora_alpha=6, target_modules=adapter, task_type="CAUSAL_LM"))
        for key, p in sorted(peft.named_parameters()):
            if "lora_" in key:
                p.data = (torch.rand(p.shape, generator=g) * 0.6 - 0.3).to(torch.bfloat16).to(torch.float32)
        peft.eval()
        expected["adapted"] = logits(peft, ids)
        peft.save_pretrained(folder / "adapter")
        (folder / "adapter" / "README.md").unlink(missing_ok=True)
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    flat = [x for row in expected["logits"] for x in row]
    print(f"{name}: {size} bytes, logits from {min(flat):.3f} to {max(flat):.3f}")


def main():
    tf.logging.set_verbosity_error()
    rope = lambda **more: {"rope_type": "default", "rope_theta": 500.0, **more}
    make("mistral", 1, tf.MistralForCausalLM, sliding_window=6, head_dim=16, rope_parameters=rope())
    make("qwen2", 2, tf.Qwen2ForCausalLM, use_sliding_window=False, sliding_window=5, tie_word_embeddings=True, rope_parameters=rope())
    make("qwen3", 3, tf.Qwen3ForCausalLM, head_dim=12, use_sliding_window=True, sliding_window=5, max_window_layers=1, rope_parameters=rope())
    make("smollm3", 4, tf.SmolLM3ForCausalLM, no_rope_layers=[1, 0, 1], rope_parameters=rope())
    make("granite", 5, tf.GraniteForCausalLM, embedding_multiplier=3.0, residual_multiplier=0.4, attention_multiplier=0.2,
         logits_scaling=2.5, tie_word_embeddings=True, rope_parameters=rope())
    make("phi3", 6, tf.Phi3ForCausalLM, adapter=["qkv_proj", "gate_up_proj", "o_proj"], sliding_window=7, rope_parameters=rope())
    factors = lambda first: [round(first + 0.5 * i, 2) for i in range(3)]
    make("phi4-mini", 7, tf.Phi3ForCausalLM, max_position_embeddings=256, original_max_position_embeddings=32, tie_word_embeddings=True,
         rope_parameters={"rope_type": "longrope", "rope_theta": 500.0, "partial_rotary_factor": 0.75,
                          "short_factor": factors(1.0), "long_factor": factors(2.0)})
    make("olmo2", 8, tf.Olmo2ForCausalLM, rope_parameters=rope())
    gemma = dict(head_dim=16, query_pre_attn_scalar=24, sliding_window=6, tie_word_embeddings=True)
    make("gemma2", 9, tf.Gemma2ForCausalLM, attn_logit_softcapping=2.0, final_logit_softcapping=5.0, rope_parameters=rope(), **gemma)
    make("gemma3", 10, tf.Gemma3ForCausalLM, layer_types=["sliding_attention", "full_attention", "sliding_attention"],
         rope_parameters={"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0},
                          "sliding_attention": rope()}, **gemma)


if __name__ == "__main__":
    main()
