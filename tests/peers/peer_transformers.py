"""transformers and PEFT on the CPU in f32, from the base alone to the best that torch lets one write."""

import time

import peft
import torch
import transformers
from safetensors.torch import load_file
from torch.nn import functional

transformers.logging.disable_progress_bar()
VERSION = f"transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}"


class Base:
    """The base model under a plain greedy loop: `generate` without its bookkeeping."""

    def __init__(self, bundle, threads, rows=1, length=0):
        torch.set_num_threads(threads)
        self.bundle, self.end = bundle, bundle.end
        self.model = transformers.LlamaForCausalLM.from_pretrained(bundle.base, dtype=torch.float32).eval()

    def mix(self, weights):
        """One coefficient per expert for all rows."""

    def close(self):
        pass

    @torch.inference_mode()
    def logits(self, tokens):
        return self.model(torch.tensor([tokens])).logits[0].numpy()

    @torch.inference_mode()
    def generate(self, rows, new, **extra):
        """New tokens of rows of equal length, and the time of the start, the first and the last token."""
        cache, step, times, tokens = transformers.DynamicCache(), torch.tensor(rows), [time.perf_counter()], []
        for _ in range(new):
            logits = self.model(step, past_key_values=cache, use_cache=True, logits_to_keep=1, **extra).logits[:, -1]
            logits[:, self.end] = -torch.inf
            step = logits.argmax(-1, keepdim=True)
            tokens.append(step)
            times.append(time.perf_counter())
        return torch.cat(tokens, 1).tolist(), (times[0], times[1], times[-1])


class Active(Base):
    """PEFT with every adapter active, each at its scale."""

    def __init__(self, bundle, threads, rows=1, length=0):
        super().__init__(bundle, threads)
        names = list(bundle.experts)
        self.model = peft.PeftModel.from_pretrained(self.model, bundle.experts[names[0]], adapter_name=names[0])
        for name in names[1:]:
            self.model.load_adapter(bundle.experts[name], adapter_name=name)
        self.model.base_model.set_adapter(names)
        self.model.eval()
        self.layers = [m for m in self.model.modules() if isinstance(m, peft.tuners.lora.LoraLayer)]

    def mix(self, weights):
        for layer in self.layers:
            for name, weight in zip(self.bundle.experts, weights):
                layer.set_scale(name, weight)


class Named(Active):
    """PEFT's batch of mixed adapters: each mixture becomes an adapter of all ranks, each row names its own."""

    def generate_each(self, rows, mixtures, new):
        start, names = time.perf_counter(), [f"row {i}" for i in range(len(rows))]
        for name, weights in zip(names, mixtures):
            self.model.add_weighted_adapter(list(self.bundle.experts), weights, name, combination_type="cat")
        tokens, times = self.generate(rows, new, adapter_names=names)
        for name in names:
            self.model.delete_adapter(name)
        return tokens, (start, *times[1:])


def stacked(bundle):
    """{module: (A of all experts [k, r, in], B with alpha / r in it [k, r, out])}"""
    files = [(load_file(folder / "adapter_model.safetensors"), scale) for folder, _, scale in bundle.lora()]
    ends = ("base_model.model.", ".lora_A.weight")
    paths = [n[len(ends[0]) : -len(ends[1])] for n in files[0][0] if n.endswith(ends[1])]
    return {p: (torch.stack([t[f"{ends[0]}{p}{ends[1]}"] for t, _ in files]),
                torch.stack([t[f"{ends[0]}{p}.lora_B.weight"].T * s for t, s in files])) for p in paths}  # fmt: skip


class Merged(Base):
    """The mixture added to the weights in memory: one product per linear at every change."""

    def __init__(self, bundle, threads, rows=1, length=0):
        super().__init__(bundle, threads)
        self.sites = [(self.model.get_submodule(p).weight, a, b) for p, (a, b) in stacked(bundle).items()]
        self.plain = [weight.detach().clone() for weight, _, _ in self.sites]

    @torch.inference_mode()
    def mix(self, weights):
        for (weight, a, b), plain in zip(self.sites, self.plain):
            gated = b * torch.tensor(weights)[:, None, None]
            torch.addmm(plain, gated.flatten(0, 1).T, a.flatten(0, 1), out=weight.data)


class GatedLinear(torch.nn.Module):
    """linear(x) + B (gates * A x), the experts side by side: a gate per row, or per token by a router."""

    def __init__(self, linear, a, b, router):
        super().__init__()
        self.linear, self.router, self.gates, self.ranks = linear, router, None, a.shape[:2]
        self.a, self.b = a.flatten(0, 1), b.flatten(0, 1)

    def forward(self, x):
        gates = self.gates if self.router is None else functional.linear(x, *self.router).softmax(-1)
        low = functional.linear(x, self.a).unflatten(-1, self.ranks) * gates[..., None]
        out = self.linear(x)
        return out.flatten(0, 1).addmm_(low.flatten(2).flatten(0, 1), self.b).view_as(out)


class Gated(Base):
    """Not stock: our own torch layer, the strongest form of mixtures that differ by row or token."""

    def __init__(self, bundle, threads, rows=1, length=0):
        super().__init__(bundle, threads)
        routers = load_file(bundle.router / "router.safetensors") if bundle.router else {}
        for path, (a, b) in stacked(bundle).items():
            router = (routers[path + ".weight"], routers[path + ".bias"]) if routers else None
            linear = GatedLinear(self.model.get_submodule(path), a, b, router)
            self.model.set_submodule(path, linear)
        self.layers = [m for m in self.model.modules() if isinstance(m, GatedLinear)]

    def mix(self, weights):
        self.gate([weights])

    def gate(self, mixtures):
        gates = torch.tensor(mixtures)[:, None, :]
        for layer in self.layers:
            layer.gates = gates

    def generate_each(self, rows, mixtures, new):
        self.gate(mixtures)
        return self.generate(rows, new)


# What each kind of gates is measured by, by the name that is printed. A mixture per row goes by
# `generate_each` in one batch where a way has it, else row after row.
WAYS = {
    "none": {"base": Base},
    "equal": {"peft, adapters active": Active, "own torch layer": Gated},
    "different": {"peft, set_scale per row": Active, "peft, adapter_names": Named, "merge per row": Merged,
                  "own torch layer": Gated},
    "router": {"own torch layer": Gated},
    "sweep": {"merge per mixture": Merged, "own torch layer": Gated},
}  # fmt: skip
AGREE = {"peft": Active, "own torch layer": Gated}
