"""A bundle as the peers read it: the base's folder, the LoRA experts, the router."""

import json
from pathlib import Path


class Bundle:
    def __init__(self, folder):
        folder = Path(folder)
        parsed = json.loads((folder / "bundle.json").read_text())
        of_kind = {"lora": [], "router": []}
        for expert in parsed["experts"]:
            of_kind[expert["kind"]].append(expert)
        self.folder, self.base = folder, folder / parsed["base"]
        self.config = json.loads((self.base / "config.json").read_text())
        self.experts = {e["name"]: folder / e["path"] for e in of_kind["lora"]}
        self.router = folder / of_kind["router"][0]["path"] if of_kind["router"] else None
        self.vocabulary, self.end = self.config["vocab_size"], self.config["eos_token_id"]

    def lora(self):
        """[(folder, adapter_config.json, alpha / r)] of the experts, in the bundle's order."""
        configs = [json.loads((f / "adapter_config.json").read_text()) for f in self.experts.values()]
        return [(f, c, c["lora_alpha"] / c["r"]) for f, c in zip(self.experts.values(), configs)]
