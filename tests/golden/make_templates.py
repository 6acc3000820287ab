#!/usr/bin/env python3
"""Render public chat templates with transformers: tests/fixtures/templates/golden.json.

Needs Python 3.10+ and: pip install transformers==5.24.0 jinja2

    python tests/golden/make_templates.py [FOLDER]

Templates come from source archives on PyPI whose licences permit it (ARCHIVES below; kept in FOLDER, a temporary one
by default). Templates that those archives took from models with licences of their own are left out (NOT_TAKEN). Each
is rendered by transformers' own `render_jinja_template` over every conversation, at one pinned time in UTC.
`snippets` are small templates of our own, one feature of Jinja each. What transformers refuses is kept as
{"error": words} where the template itself raised it, else as {"error": null}: there the words are Python's own.
"""

import datetime
import hashlib
import json
import os
import re
import sys
import tarfile
import tempfile
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

os.environ["TZ"] = "UTC"
import jinja2
import transformers
from transformers.utils import chat_template_utils as utils

OUT = Path(__file__).resolve().parents[1] / "fixtures" / "templates" / "golden.json"
# Package, version, file, licence of its repository, where templates lie in it.
ARCHIVES = [
    ("axolotl", "0.19.0", "axolotl-0.19.0-py3-none-any.whl", "Apache-2.0", r"axolotl/utils/chat_templates/templates/(.+)\.jinja$"),
    ("vllm", "0.33.0", "vllm-0.33.0.tar.gz", "Apache-2.0",
     r"vllm-0\.33\.0/(?:examples/(?:pooling/(?:embed|score)/template/)?|vllm/transformers_utils/chat_templates/|rust/src/chat/tests/templates/)([^/]+)\.jinja$"),
    ("llama-cpp-python", "0.3.36", "llama_cpp_python-0.3.36.tar.gz", "MIT",
     r"llama_cpp_python-0\.3\.36/vendor/llama\.cpp/models/templates/(.+)\.jinja$"),
]
# Models under licences that are neither MIT nor Apache, by the beginning of the file's name in llama.cpp.
NOT_TAKEN = ("meta-llama", "google-gemma", "Cohere", "NousResearch-Hermes", "deepseek-ai-DeepSeek-R1-Distill-Llama", "meetkai", "fireworks",
             "NVIDIA", "Kimi", "moonshotai", "tencent", "LFM", "MiniMax", "upstage", "unsloth", "Reka", "Apriel", "poolside", "muse")
# Larger ones are left out: what they use is in the others.
LARGEST = 14_000
NOW = datetime.datetime(2024, 2, 9, 3, 4, 5, 67, tzinfo=None)
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


ODD = "  two  spaces,\n\n\ttabs \t\r\nand ends \n"
LETTERS = "Grüße 😀 叫 <b>&amp;</b> \"q\" 'a' \\n {{ x }} {% y %} <|im_end|> [INST]"
CONVERSATIONS = [
    ("one turn", turns(("user", "Hi")), True),
    ("one turn, no answer asked", turns(("user", "Hi")), False),
    ("system", turns(("system", "Be brief."), ("user", "Hi")), True),
    ("several turns", turns(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "More?")), True),
    ("several turns without system", turns(("user", "Hi"), ("assistant", "Hello!"), ("user", "More?")), True),
    ("an answer at the end", turns(("user", "Hi"), ("assistant", "Hello!")), False),
    ("odd whitespace", turns(("system", ODD), ("user", ODD), ("assistant", ODD), ("user", ODD)), True),
    ("letters", turns(("user", LETTERS), ("assistant", LETTERS)), False),
    ("thinking", turns(("user", "1+1?"), ("assistant", "<think>\nIt is 2.\n</think>\n\n2"), ("user", "Sure?")), True),
    ("empty contents", turns(("system", ""), ("user", "")), True),
    ("two turns of one kind", turns(("user", "a"), ("user", "b")), True),
    ("begins with the assistant", turns(("assistant", "a"), ("user", "b")), True),
    ("no turns", [], True),
]
SNIPPETS = (Path(__file__).parent / "template_snippets.txt").read_text(encoding="utf-8").split("\n---\n")


class Pinned(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def archive(folder, package, version, name):
    path = folder / name
    if not path.exists():
        listing = urllib.request.urlopen(f"https://pypi.org/pypi/{package}/{version}/json")
        entry = next(u for u in json.load(listing)["urls"] if u["filename"] == name)
        url = urllib.parse.urljoin("https://pypi.org/", entry["url"].replace("../", ""))
        data = urllib.request.urlopen(url).read()
        if hashlib.sha256(data).hexdigest() != entry["digests"]["sha256"]:
            sys.exit(f"{name}: not the file that PyPI names")
        path.write_bytes(data)
    return path


def members(path):
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as z:
            yield from ((name, z.read(name)) for name in sorted(z.namelist()) if name.endswith(".jinja"))
        return
    with tarfile.open(path) as t:
        files = sorted((m for m in t if m.isfile() and m.name.endswith(".jinja")), key=lambda m: m.name)
        yield from ((m.name, t.extractfile(m).read()) for m in files)


def templates(folder):
    seen = set()
    for package, version, name, licence, where in ARCHIVES:
        for path, data in members(archive(folder, package, version, name)):
            match = re.match(where, path)
            text = data.decode("utf-8")
            if not match or len(data) > LARGEST or text in seen or match[1].startswith(NOT_TAKEN):
                continue
            seen.add(text)
            yield {"name": f"{package}/{match[1]}", "source": f"{package} {version}: {path}", "licence": licence, "template": text}


def rendered(template, messages, answer):
    try:
        texts, _ = utils.render_jinja_template([messages], chat_template=template, add_generation_prompt=answer, **SPECIAL)
        return texts[0]
    except jinja2.exceptions.TemplateError as error:
        own = type(error) is jinja2.exceptions.TemplateError
        return {"error": str(error) if own else None}
    except Exception:
        return {"error": None}


def main():
    utils.datetime = Pinned
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    found = []
    for entry in templates(given):
        entry["texts"] = [rendered(entry["template"], messages, answer) for _, messages, answer in CONVERSATIONS]
        # One that always fails needs what we never give it.
        if any(isinstance(text, str) for text in entry["texts"]):
            found.append(entry)
    one = CONVERSATIONS[3]
    golden = {
        "transformers": transformers.__version__,
        "jinja2": jinja2.__version__,
        "now": NOW.isoformat(),
        "special_tokens": SPECIAL,
        "conversations": [{"name": n, "messages": m, "add_generation_prompt": a} for n, m, a in CONVERSATIONS],
        "templates": found,
        "snippets": [{"template": s, "text": rendered(s, one[1], one[2])} for s in (s.rstrip("\n") for s in SNIPPETS) if s],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{OUT.name}: {len(found)} templates, {len(golden['snippets'])} snippets, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    sys.exit(main())
