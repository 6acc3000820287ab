"""llama.cpp on the CPU in f32, through llama-cpp-python's low-level calls; the bundle becomes GGUF first."""

import ctypes
import sys
import time

import gguf
import llama_cpp as llama
import numpy as np
from safetensors.numpy import load_file

VERSION = f"llama-cpp-python {llama.__version__}"


@llama.llama_log_callback
def errors_only(level, text, data):
    if level == 4:
        sys.stderr.write(text.decode())


def heads(config, name):
    count = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}
    return next((config[key] for part, key in count.items() if part in name), None)


def interleaved(config, name, matrix):
    """Rows of q and k in llama.cpp's rotary order: pairs side by side, where Hugging Face has two halves."""
    if (n := heads(config, name)) is None:
        return matrix
    return np.ascontiguousarray(matrix.reshape(n, 2, -1, matrix.shape[1]).swapaxes(1, 2)).reshape(matrix.shape)


def convert(bundle):
    """Write the base and the adapters as GGUF beside the bundle, unless newer files are there; their paths."""
    folder, config = bundle.folder / "gguf", bundle.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    sources = [bundle.base / "model.safetensors", *(f / "adapter_model.safetensors" for f in bundle.experts.values())]
    targets = [folder / f"{name}.gguf" for name in ["base", *bundle.experts]]
    folder.mkdir(exist_ok=True)
    for index, (source, target) in enumerate(zip(sources, targets)):
        if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
            continue
        writer = gguf.GGUFWriter(target, "llama")
        if index == 0:
            describe_base(writer, config)
        else:
            writer.add_type(gguf.GGUFType.ADAPTER)
            writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
            writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, bundle.lora()[index - 1][1]["lora_alpha"])
        for name, tensor in load_file(source).items():
            ending = next(e for e in (".lora_A.weight", ".lora_B.weight", ".weight") if name.endswith(e))
            path = name.removeprefix("base_model.model.").removesuffix(ending)
            suffix = {".lora_A.weight": ".weight.lora_a", ".lora_B.weight": ".weight.lora_b"}.get(ending, ending)
            rotary = tensor if ending == ".lora_A.weight" else interleaved(config, path, tensor)
            writer.add_tensor(names.get_name(path) + suffix, rotary)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return targets


def describe_base(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")  # only ids go in and out


class Base:
    """One model in one context; `rows` sequences of at most `length` tokens."""

    mixes = False

    def __init__(self, bundle, threads, rows=1, length=1024):
        base, *adapters = map(str, convert(bundle))
        self.bundle, self.vocabulary = bundle, bundle.vocabulary
        llama.llama_log_set(errors_only, None)
        llama.llama_backend_init()
        options = llama.llama_model_default_params()
        options.n_gpu_layers, options.use_mmap = 0, False
        self.model = llama.llama_model_load_from_file(base.encode(), options)
        loaded = [llama.llama_adapter_lora_init(self.model, a.encode()) for a in adapters if self.mixes]
        self.adapters = (llama.llama_adapter_lora_p_ctypes * len(loaded))(*loaded)
        options = llama.llama_context_default_params()
        options.n_ctx, options.n_batch, options.n_ubatch, options.n_seq_max = rows * length, rows * length, 512, rows
        options.n_threads = options.n_threads_batch = threads
        # All f32: its flash attention on the CPU, the default, rounds to f16.
        options.type_k = options.type_v = options.flash_attn_type = 0
        self.context = llama.llama_init_from_model(self.model, options)
        if not self.context:
            raise RuntimeError(f"llama.cpp opens no context of {rows} rows of {length} tokens on {base}")
        self.batch = llama.llama_batch_init(rows * length, 0, 1)

    def mix(self, weights):
        scales = (ctypes.c_float * len(weights))(*weights)
        if self.mixes and llama.llama_set_adapters_lora(self.context, self.adapters, len(weights), scales):
            raise RuntimeError("llama.cpp refuses the adapters")

    def close(self):
        llama.llama_batch_free(self.batch)
        llama.llama_free(self.context)
        llama.llama_model_free(self.model)

    def forward(self, rows, start, wanted):
        """Take tokens in at position `start` of each row; [logits, ...] of the last `wanted` of each."""
        index, asked = 0, []
        for sequence, row in enumerate(rows):
            for offset, token in enumerate(row):
                wants = offset >= len(row) - wanted
                self.batch.token[index], self.batch.pos[index] = token, start + offset
                self.batch.n_seq_id[index], self.batch.seq_id[index][0] = 1, sequence
                self.batch.logits[index] = wants
                asked += [index] * wants
                index += 1
        self.batch.n_tokens = index
        if status := llama.llama_decode(self.context, self.batch):
            raise RuntimeError(f"llama_decode gave {status}")
        pointers = (llama.llama_get_logits_ith(self.context, i) for i in asked)
        return [np.ctypeslib.as_array(p, (self.vocabulary,)) for p in pointers]

    def clear(self):
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)

    def logits(self, tokens):
        self.clear()
        return np.stack(self.forward([tokens], 0, len(tokens)))

    def generate(self, rows, new):
        """New tokens of rows of equal length, and the time of the start, the first and the last token."""
        self.clear()
        times, tokens, step, position = [time.perf_counter()], [], rows, 0
        for _ in range(new):
            logits = self.forward(step, position, 1)
            for row in logits:
                row[self.bundle.end] = -np.inf
            position += len(step[0])
            step = [[int(row.argmax())] for row in logits]
            tokens.append([row[0] for row in step])
            times.append(time.perf_counter())
        return np.array(tokens).T.tolist(), (times[0], times[1], times[-1])


class Scaled(Base):
    """All adapters loaded, each at its scale: one set of scales per context."""

    mixes = True


WAYS = {
    "none": {"base": Base},
    "equal": {"three scales": Scaled},
    "different": {"new scales per row": Scaled},
    "router": {},
    "sweep": {"new scales per mixture": Scaled},
}
AGREE = {"three scales": Scaled}
