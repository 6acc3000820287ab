#!/usr/bin/env python3
"""Make the small Parquet files under tests/fixtures/data, as pyarrow writes them and data sets are published.

Needs Python 3.10+ and: pip install pyarrow

    python tests/golden/make_parquet.py
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1] / "fixtures" / "data"
TURNS = pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))


def turns(*said):
    return [{"role": role, "content": content} for role, content in zip(["user", "assistant"] * len(said), said)]


def main():
    ROOT.mkdir(parents=True, exist_ok=True)
    pairs = {
        "prompt": ["Why?", "How?"],
        "chosen": [turns("Why?", "Because."), turns("How?", "So.")],
        "rejected": [turns("Why?", "No."), turns("How?", "Grün, 漢.")],
        "score_chosen": [8.5, 7.0],
    }
    schema = pa.schema([("prompt", pa.string()), ("chosen", TURNS), ("rejected", TURNS), ("score_chosen", pa.float64())])
    pq.write_table(pa.table(pairs, schema=schema), ROOT / "pairs.parquet")

    # Several row groups; columns that say nothing in some rows; the last row has no messages.
    examples = {
        "messages": [turns("Why?", "Because."), turns("A", "B", "C", "D"), None],
        "system": [None, "Be brief.", None],
        "tools": [None, None, None],
        "id": [1, 2, 3],
    }
    schema = pa.schema([("messages", TURNS), ("system", pa.string()), ("tools", pa.list_(pa.string())), ("id", pa.int64())])
    pq.write_table(pa.table(examples, schema=schema), ROOT / "messages.parquet", compression="zstd", row_group_size=2)


if __name__ == "__main__":
    main()
