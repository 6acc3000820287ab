//! What a GGUF file's tensors are called in Hugging Face's layout, and how their rows lie.

/// Rows of queries or keys that lie by pairs of rotary dimensions: row `h d + 2 j + t` is Hugging Face's `h d + t d/2 + j`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadRows {
    /// Heads in the tensor.
    pub heads: usize,
}

impl HeadRows {
    /// Puts rows of `width` bytes into Hugging Face's order; a number of rows that the heads do not divide stays as it is.
    pub fn in_order(self, bytes: &[u8], width: usize) -> Vec<u8> {
        let rows = bytes.len() / width.max(1);
        let size = rows / self.heads.max(1);
        if width == 0 || size * self.heads != rows || !size.is_multiple_of(2) {
            return bytes.to_vec();
        }
        let mut ordered = Vec::with_capacity(bytes.len());
        for row in 0..rows {
            let (head, within) = (row / size, row % size);
            let (turn, pair) = (within / (size / 2), within % (size / 2));
            let from = head * size + 2 * pair + turn;
            ordered.extend_from_slice(&bytes[from * width..(from + 1) * width]);
        }
        ordered
    }
}

/// A tensor under Hugging Face's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// E.g. `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    /// Whether its rows lie by pairs.
    pub rows: Option<HeadRows>,
    /// What is taken off each number: norms around one are held as `1 + w`.
    pub less: f32,
}

/// The tensor as Hugging Face's layout has it; `None` for one that is not known. Heads are those of queries and of keys.
pub fn named(architecture: &str, name: &str, [queries, keys]: [usize; 2]) -> Option<Named> {
    let gemma = architecture.starts_with("gemma");
    let paired = matches!(architecture, "llama" | "smollm3" | "granite");
    let (path, kind) = name.rsplit_once('.')?;
    if !matches!(kind, "weight" | "bias") {
        return None;
    }
    let plain = |path: &str| Named {
        name: format!("{path}.{kind}"),
        rows: None,
        less: 0.0,
    };
    let norm = |path: &str| Named {
        less: if gemma && kind == "weight" { 1.0 } else { 0.0 },
        ..plain(path)
    };
    match path {
        "token_embd" => return Some(plain("model.embed_tokens")),
        "output_norm" => return Some(norm("model.norm")),
        "output" => return Some(plain("lm_head")),
        _ => {}
    }
    let (layer, module) = path.strip_prefix("blk.")?.split_once('.')?;
    if layer.is_empty() || !layer.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let at = |module: &str| format!("model.layers.{layer}.{module}");
    let both = gemma || architecture == "olmo2";
    let by_pairs = |module: &str, heads: usize| Named {
        rows: paired.then_some(HeadRows { heads }),
        ..plain(&at(module))
    };
    Some(match module {
        "attn_q" => by_pairs("self_attn.q_proj", queries),
        "attn_k" => by_pairs("self_attn.k_proj", keys),
        "attn_v" => plain(&at("self_attn.v_proj")),
        "attn_qkv" => plain(&at("self_attn.qkv_proj")),
        "attn_output" => plain(&at("self_attn.o_proj")),
        "attn_q_norm" => norm(&at("self_attn.q_norm")),
        "attn_k_norm" => norm(&at("self_attn.k_norm")),
        "attn_norm" => norm(&at("input_layernorm")),
        "post_attention_norm" => norm(&at("post_attention_layernorm")),
        "ffn_norm" if both => norm(&at("pre_feedforward_layernorm")),
        "ffn_norm" => norm(&at("post_attention_layernorm")),
        "post_ffw_norm" => norm(&at("post_feedforward_layernorm")),
        "ffn_gate" => plain(&at("mlp.gate_proj")),
        "ffn_up" if architecture == "phi3" => plain(&at("mlp.gate_up_proj")),
        "ffn_up" => plain(&at("mlp.up_proj")),
        "ffn_down" => plain(&at("mlp.down_proj")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_by_pairs_become_halves() {
        // Two heads of four rows: pairs (0, 1), (2, 3) of a head are turned together.
        let gguf = [0u8, 2, 1, 3, 4, 6, 5, 7];
        let rows = HeadRows { heads: 2 };
        assert_eq!(rows.in_order(&gguf, 1), [0, 1, 2, 3, 4, 5, 6, 7]);
        let wide: Vec<u8> = gguf.iter().flat_map(|&row| [row, row + 100]).collect();
        assert_eq!(rows.in_order(&wide, 2)[2..4], [1, 101]);
    }

    #[test]
    fn names_are_those_of_each_architecture() {
        let name =
            |architecture: &str, name: &str| named(architecture, name, [4, 2]).map(|n| n.name);
        assert_eq!(
            name("llama", "blk.3.ffn_norm.weight").as_deref(),
            Some("model.layers.3.post_attention_layernorm.weight")
        );
        assert_eq!(
            name("gemma2", "blk.3.ffn_norm.weight").as_deref(),
            Some("model.layers.3.pre_feedforward_layernorm.weight")
        );
        assert_eq!(
            name("phi3", "blk.0.ffn_up.weight").as_deref(),
            Some("model.layers.0.mlp.gate_up_proj.weight")
        );
        assert_eq!(name("llama", "rope_freqs.weight"), None);
        assert_eq!(name("llama", "blk.x.attn_q.weight"), None);
        let key = named("llama", "blk.0.attn_k.weight", [4, 2]);
        assert_eq!(key.and_then(|key| key.rows), Some(HeadRows { heads: 2 }));
        assert_eq!(
            named("qwen2", "blk.0.attn_k.bias", [4, 2]).and_then(|key| key.rows),
            None
        );
        let norm = named("gemma3", "output_norm.weight", [4, 2]);
        assert_eq!(norm.map(|norm| norm.less), Some(1.0));
    }
}
