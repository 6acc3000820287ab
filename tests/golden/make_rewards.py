#!/usr/bin/env python3
"""Make the small reward models under tests/fixtures/rewards, and what transformers says of texts by them.

Needs Python 3.10+ and: pip install torch transformers safetensors tokenizers

    python tests/golden/make_rewards.py

Weights are seeded and rounded to bfloat16's grid, so that the files compress in git; numbers are computed in f32, one
unpadded text at a time, by transformers' own classes. Each folder gets an expected.json:
{"texts": [{"tokens": [...]} or {"first": ..., "second": ...} with "ids" and "outputs"]}.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import torch
import transformers as tf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

ROOT = Path(__file__).resolve().parents[1] / "fixtures" / "rewards"
WORDS = ("the a cat dog sat on mat and ran to door how can we make good plan for day tell me short story is was it "
         "not very red wine carpet cold water salt help you please no yes why what this that with of in").split()
PAIRS = [("how can we make a good plan?", "the cat sat on the mat."), ("tell me a story", "no"),
         ("why is the wine red", "cold water and salt help: it is not very good for this carpet, is it?")]


def seeded(model, seed, size=0.35):
    """Weights large enough that every part of the body matters to the outputs."""
    g = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        noise = torch.rand(p.shape, generator=g) * 2 - 1
        around = 1.0 if "norm" in name.lower() and name.endswith("weight") or ".ln_" in name and name.endswith("weight") else 0.0
        p.data = (around + size * noise).to(torch.bfloat16).to(torch.float32)
    return model.eval()


def word_piece():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list("abcdefghijklmnopqrstuvwxyz") + \
        ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"] + [".", ",", "?", ":", "'"] + [w for w in WORDS if len(w) > 1]
    return vocabulary


def unigram(folder):
    pieces = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] + ["\u2581" + w for w in WORDS] + list("abcdefghijklmnopqrstuvwxyz.,?:'\u2581") + ["[MASK]"]
    t = Tokenizer(models.Unigram([(p, -1.0 - 0.01 * i - (4 if len(p) == 1 else 0)) for i, p in enumerate(pieces)], unk_id=3, byte_fallback=False))
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    t.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    t.add_special_tokens(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"])
    t.save(str(folder / "tokenizer.json"))
    return len(pieces)


def byte_level(folder, special, after=()):
    """vocab.json and merges.txt of a byte-level BPE: special tokens, bytes, merges of the words above."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    keep = [c for c in alphabet if c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?:'<>|/#\u0120\u010a" or c.isdigit()]
    vocabulary, merges = list(special) + keep, []
    for word in WORDS:
        parts = ["\u0120"] + list(word)
        while len(parts) > 1:
            merge = (parts[0], parts[1])
            if merge not in merges:
                merges.append(merge)
                if "".join(merge) not in vocabulary:
                    vocabulary.append("".join(merge))
            parts = ["".join(merge)] + parts[2:]
    vocabulary += list(after)
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(vocabulary)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return len(vocabulary)


def fresh(name):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def save(model, folder, pickled=False, shards=None):
    """config.json and weights, as transformers writes them or as PyTorch does."""
    model.config.save_pretrained(folder)
    if pickled:  # tied tensors share a storage there
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    elif shards:
        model.save_pretrained(folder, max_shard_size=shards)
    else:
        model.save_pretrained(folder)


@torch.no_grad()
def expect(model, folder, texts):
    """`texts`: token ids, or (first, second or None) with a transformers tokenizer."""
    lines = []
    for text in texts:
        ids = text.pop("ids")
        outputs = model(input_ids=torch.tensor([ids])).logits[0].tolist()
        lines.append({**text, "ids": ids, "outputs": outputs})
    (folder / "expected.json").write_text(json.dumps({"texts": lines}, indent=1) + "\n")
    print(f"{folder.name}: {sum(f.stat().st_size for f in folder.iterdir())} bytes, "
          f"outputs from {min(min(t['outputs']) for t in lines):.3f} to {max(max(t['outputs']) for t in lines):.3f}")


def ids_of(vocabulary, lengths, seed, wrap=((), ())):
    g = torch.Generator().manual_seed(seed)
    return [{"ids": [*wrap[0], *torch.randint(5, vocabulary, (n,), generator=g).tolist(), *wrap[1]]} for n in lengths]


def pairs(tokenizer, texts, **options):
    return [{"first": a, "second": b, "ids": tokenizer(*((a,) if b is None else (a, b)), **options)["input_ids"]} for a, b in texts]


def gpt2():
    folder = fresh("gpt2")
    vocabulary = byte_level(folder, [], ["<|endoftext|>"])
    end = vocabulary - 1
    config = tf.GPT2Config(vocab_size=vocabulary, n_positions=64, n_embd=12, n_layer=2, n_head=3, num_labels=1, bos_token_id=end, eos_token_id=end,
                           pad_token_id=None, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = seeded(tf.GPT2ForSequenceClassification(config), 1)
    save(model, folder, pickled=True)
    tokenizer = tf.GPT2Tokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    texts = ids_of(vocabulary, [1, 7, 64], 1) + pairs(tokenizer, [*PAIRS, ("a dog <|endoftext|> the cat", None)])
    expect(model, folder, texts)


def distilbert():
    folder = fresh("distilbert")
    vocabulary = word_piece()
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "DistilBertTokenizer", "do_lower_case": True}))
    config = tf.DistilBertConfig(vocab_size=len(vocabulary), max_position_embeddings=48, dim=24, hidden_dim=40, n_layers=3, n_heads=2,
                                 dropout=0, attention_dropout=0, seq_classif_dropout=0, id2label={0: "NO_HUMOR", 1: "HUMOR"}, label2id={"NO_HUMOR": 0, "HUMOR": 1})
    model = seeded(tf.DistilBertForSequenceClassification(config), 2)
    save(model, folder)
    tokenizer = tf.BertTokenizer(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    texts = ids_of(len(vocabulary), [1, 9, 46], 2, ((2,), (3,))) + pairs(tokenizer, [(a, None) for _, a in PAIRS] + PAIRS[:1])
    expect(model, folder, texts)


def deberta(name, seed, **more):
    folder = fresh(name)
    vocabulary = unigram(folder)
    fields = dict(vocab_size=vocabulary, hidden_size=24, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40, max_position_embeddings=32,
                  relative_attention=True, position_buckets=8, max_relative_positions=-1, norm_rel_ebd="layer_norm", share_att_key=True,
                  pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0, hidden_dropout_prob=0, attention_probs_dropout_prob=0,
                  pooler_dropout=0, num_labels=1)
    config = tf.DebertaV2Config(**{**fields, **more})
    model = seeded(tf.DebertaV2ForSequenceClassification(config), seed)
    save(model, folder, pickled=name == "deberta-v3")
    tokenizer = tf.PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    lengths = [1, 9, 20, 28] if config.position_biased_input else [1, 9, 28, 60]
    expect(model, folder, ids_of(vocabulary, lengths, seed, ((1,), (2,))) + pairs(tokenizer, PAIRS, return_token_type_ids=False))


def bart():
    folder = fresh("bart")
    vocabulary = byte_level(folder, ["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])
    config = tf.BartConfig(vocab_size=vocabulary, max_position_embeddings=64, d_model=12, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
                           decoder_attention_heads=3, encoder_ffn_dim=20, decoder_ffn_dim=24, scale_embedding=True, dropout=0,
                           id2label={0: "HALLUCINATED", 1: "FAITHFUL"}, label2id={"HALLUCINATED": 0, "FAITHFUL": 1})
    model = seeded(tf.BartForSequenceClassification(config), 4)
    save(model, folder, pickled=True)
    mask = tf.AddedToken("<mask>", lstrip=True, special=True)
    tokenizer = tf.RobertaTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), mask_token=mask)
    (folder / "special_tokens_map.json").write_text(json.dumps({"mask_token": {"content": "<mask>", "lstrip": True}}))
    texts = ids_of(vocabulary, [1, 9, 62], 4, ((0,), (2,)))
    # End tokens inside a text, and something behind the last one.
    texts.append({"ids": [0, 9, 8, 2, 2, 11, 30, 2, 40, 41]})
    texts += pairs(tokenizer, [*((b, a) for a, b in PAIRS), ("a <mask> sat", None)])
    expect(model, folder, texts)


def llama(name, seed, family, head, labels, shards=None, extra=None):
    folder = fresh(name)
    fields = dict(vocab_size=90, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                  max_position_embeddings=64, bos_token_id=0, eos_token_id=1, pad_token_id=None)
    if family == "mistral":
        config = tf.MistralConfig(**fields, sliding_window=None, **labels)
        model = tf.MistralForSequenceClassification(config)
    else:
        config = tf.LlamaConfig(**fields, **labels)
        model = tf.LlamaForSequenceClassification(config)
    model = seeded(model, seed)
    if head == "score":
        save(model, folder, shards=shards)
        expect(model, folder, ids_of(90, [1, 12, 63], seed, ((0,), ())))
        return
    # safe-rlhf's layout: another name for the head, perhaps a bias and a normaliser.
    fields = model.config.to_dict() | {"architectures": ["LlamaForScore"], "score_dim": 1, "bias": True, **extra}
    for gone in ("id2label", "label2id", "num_labels", "problem_type"):
        fields.pop(gone, None)
    (folder / "config.json").write_text(json.dumps(fields, indent=1, default=str))
    state = {k.replace("score.", "score_head."): v.clone() for k, v in model.state_dict().items()}
    state["score_head.bias"] = torch.tensor([0.25])
    state["normalizer.mean"], state["normalizer.var"] = torch.tensor([-0.5]), torch.tensor([2.25])
    state["normalizer.count"] = torch.tensor([7])
    names = sorted(state)
    cut = len(names) // 2
    index = {"metadata": {}, "weight_map": {}}
    for number, part in enumerate((names[:cut], names[cut:]), 1):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        torch.save({k: state[k] for k in part}, folder / file)
        index["weight_map"] |= {k: file for k in part}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index, indent=1) + "\n")
    texts = ids_of(90, [1, 12, 63], seed, ((0,), ()))
    lines = []
    with torch.no_grad():
        for text in texts:
            raw = model(input_ids=torch.tensor([text["ids"]])).logits[0, 0].item() + 0.25
            lines.append({**text, "outputs": [(raw + 0.5) / (2.25 ** 0.5 + 1e-8)]})
    (folder / "expected.json").write_text(json.dumps({"texts": lines}, indent=1) + "\n")
    print(f"{folder.name}: {sum(f.stat().st_size for f in folder.iterdir())} bytes")


def main():
    torch.manual_seed(0)
    gpt2()
    distilbert()
    deberta("deberta-v3", 3)
    deberta("deberta-v2", 5, share_att_key=False, conv_kernel_size=3, conv_act="gelu", position_biased_input=True, norm_rel_ebd="none",
            pos_att_type="c2p|p2c", num_labels=3)
    bart()
    llama("mistral-ten", 6, "mistral", "score", {"num_labels": 10}, shards="20KB")
    llama("llama-score", 7, "llama", "score_head", {"num_labels": 1}, extra={"do_normalize": True, "score_type": "reward"})


if __name__ == "__main__":
    sys.exit(main())
