"""Write a random Llama of SmolLM-135M's shape with three LoRA experts, as a bundle.

    python make_bundle.py --out DIR [--rank 16] [--seed 0]

DIR/bundle.json mixes the three experts; DIR/router/bundle.json has a router expert beside them, whose
gates apply per token at preference 0.25,0.25,0.5. Weights are drawn one after the other from one seed.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

HIDDEN, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, VOCABULARY = 576, 30, 9, 3, 1536, 49152
NAMES = ["helpful", "harmless", "humorous"]
ROUTER_PREFERENCE = [0.25, 0.25, 0.5]
KV = HIDDEN // HEADS * KV_HEADS
LINEARS = {  # [out, in]
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KV, HIDDEN),
    "self_attn.v_proj": (KV, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (FEED_FORWARD, HIDDEN),
    "mlp.up_proj": (FEED_FORWARD, HIDDEN),
    "mlp.down_proj": (HIDDEN, FEED_FORWARD),
}
SITES = {f"model.layers.{i}.{name}": shape for i in range(LAYERS) for name, shape in LINEARS.items()}
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
    "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "intermediate_size": FEED_FORWARD,
    "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "vocab_size": VOCABULARY,
    "max_position_embeddings": 2048, "rope_theta": 10000.0, "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
    "bos_token_id": 0, "eos_token_id": 0, "torch_dtype": "float32",
}  # fmt: skip


def write(folder, stem, tensors, config_name, config):
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / f"{stem}.safetensors", metadata={"format": "pt"})
    (folder / config_name).write_text(json.dumps(config, indent=2) + "\n")


def base(normal):
    tensors = {path + ".weight": normal(shape, shape[1] ** -0.5) for path, shape in SITES.items()}
    # A small embedding: with tied weights a large one would make every token predict itself.
    tensors["model.embed_tokens.weight"] = normal((VOCABULARY, HIDDEN), 0.05)
    norms = [f"model.layers.{i}.{n}_layernorm" for i in range(LAYERS) for n in ("input", "post_attention")]
    for path in [*norms, "model.norm"]:
        tensors[path + ".weight"] = np.ones(HIDDEN, np.float32)
    return tensors


def adapter(normal, rank):
    tensors = {}
    for path, (out, inner) in SITES.items():
        tensors[f"base_model.model.{path}.lora_A.weight"] = normal((rank, inner), inner**-0.5)
        # Not zero, as training would begin with: each expert moves each linear by a tenth or two.
        tensors[f"base_model.model.{path}.lora_B.weight"] = normal((out, rank), 0.1 * rank**-0.5)
    return tensors


def router(normal):
    tensors = {}
    for path, (_, inner) in SITES.items():
        tensors[path + ".weight"] = normal((len(NAMES), inner), 0.5 * inner**-0.5)
        tensors[path + ".bias"] = np.log(np.array(ROUTER_PREFERENCE, np.float32))
    return tensors


def bundle(root, name, with_router):
    corners = np.eye(len(NAMES)).tolist()
    paths = [f"{root}experts/{n}" for n in NAMES]
    experts = [{"kind": "lora", "name": n, "path": p, "preference": c} for n, p, c in zip(NAMES, paths, corners)]
    if with_router:
        path = f"{root}routers/1-1-2"
        experts.append({"kind": "router", "name": "1-1-2", "path": path, "preference": ROUTER_PREFERENCE})
    values = [{"name": n, "path": p} for n, p in zip(NAMES, paths)]
    return {"format": 1, "name": name, "base": f"{root}base", "objectives": [{"name": n} for n in NAMES],
            "experts": experts, "values": values}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    out, random = options.out, np.random.default_rng(options.seed)

    def normal(shape, deviation):
        return random.standard_normal(shape, dtype=np.float32) * np.float32(deviation)

    write(out / "base", "model", base(normal), "config.json", CONFIG)
    lora = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": options.rank, "lora_alpha": 2 * options.rank,
            "target_modules": [name.split(".")[1] for name in LINEARS], "bias": "none", "inference_mode": True}  # fmt: skip
    for name in NAMES:
        write(out / "experts" / name, "adapter_model", adapter(normal, options.rank), "adapter_config.json", lora)
    votes = {"preference": ROUTER_PREFERENCE, "outputs": NAMES, "activation": "softmax"}
    write(out / "routers" / "1-1-2", "router", router(normal), "router_config.json", votes)
    name = f"smollm-135m-shape-r{options.rank}"
    (out / "router").mkdir(exist_ok=True)
    for root, folder in (("", out), ("../", out / "router")):
        text = json.dumps(bundle(root, name, with_router=bool(root)), indent=2)
        (folder / "bundle.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
