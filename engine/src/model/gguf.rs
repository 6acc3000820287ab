//! The fields of a GGUF file as the configuration that Hugging Face's layout would have.

use serde_json::{Map, Value, json};

use super::LlamaConfig;
use super::rope::RopeScaling;
use crate::weights::gguf::{Gguf, GgufValue};
use crate::weights::{Checkpoint, Digest};
use crate::{Error, Result};

/// `general.architecture` and the `model_type` of the same models.
const ARCHITECTURES: [(&str, &str); 9] = [
    ("llama", "llama"),
    ("qwen2", "qwen2"),
    ("qwen3", "qwen3"),
    ("smollm3", "smollm3"),
    ("granite", "granite"),
    ("phi3", "phi3"),
    ("olmo2", "olmo2"),
    ("gemma2", "gemma2"),
    ("gemma3", "gemma3_text"),
];

/// Layers of the one Gemma-2 that does not scale by its heads' width.
const GEMMA2_27B_LAYERS: u64 = 46;

/// Fields of one architecture.
struct Fields<'a> {
    gguf: &'a Gguf,
    architecture: &'a str,
}

impl Fields<'_> {
    fn get(&self, key: &str) -> Option<&GgufValue> {
        self.gguf
            .fields()
            .get(&format!("{}.{key}", self.architecture))
    }

    fn wrong<T>(&self, key: &str, value: &GgufValue, wanted: &str) -> Result<T> {
        let problem = format!(
            "field `{}.{key}` is {value:?}; {wanted} would be right",
            self.architecture
        );
        Err(Error::file(self.gguf.path(), problem))
    }

    fn whole(&self, key: &str) -> Result<Option<u64>> {
        match self.get(key) {
            None => Ok(None),
            Some(GgufValue::U64(number)) => Ok(Some(*number)),
            Some(GgufValue::I64(number)) if *number >= 0 => Ok(Some(number.unsigned_abs())),
            // One per layer: the same in all that are read.
            Some(GgufValue::Integers(all)) if all.windows(2).all(|w| w[0] == w[1]) => {
                Ok(all.first().map(|number| number.unsigned_abs()))
            }
            Some(other) => self.wrong(key, other, "a whole number"),
        }
    }

    fn needed(&self, key: &str) -> Result<u64> {
        self.whole(key)?.ok_or_else(|| {
            let problem = format!("lacks the field `{}.{key}`", self.architecture);
            Error::file(self.gguf.path(), problem)
        })
    }

    fn number(&self, key: &str) -> Result<Option<f64>> {
        match self.get(key) {
            None => Ok(None),
            Some(GgufValue::F64(number)) => Ok(Some(*number)),
            Some(other) => self.wrong(key, other, "a number"),
        }
    }

    fn id(&self, key: &str) -> Option<u64> {
        match self.gguf.fields().get(&format!("tokenizer.ggml.{key}")) {
            Some(GgufValue::U64(id)) => Some(*id),
            _ => None,
        }
    }

    /// Tokens: as said, else as listed, else rows of the embedding.
    fn vocabulary(&self) -> Result<u64> {
        let said = self.whole("vocab_size")?;
        let listed = match self.gguf.fields().get("tokenizer.ggml.tokens") {
            Some(GgufValue::Texts(tokens)) => Some(tokens.len() as u64),
            _ => None,
        };
        let rows = self
            .gguf
            .tensors()
            .iter()
            .find(|t| t.name == "token_embd.weight");
        let rows = rows.and_then(|t| t.shape.first().map(|rows| *rows as u64));
        // The embedding decides: others may count tokens that it has no rows for.
        rows.or(said).or(listed).ok_or_else(|| {
            Error::file(
                self.gguf.path(),
                "holds no tensor `token_embd.weight`: no model",
            )
        })
    }

    fn rope(&self, config: &mut Map<String, Value>) -> Result<()> {
        let theta = self.number("rope.freq_base")?.unwrap_or(10_000.0);
        config.insert("rope_theta".to_owned(), json!(theta));
        if self.architecture == "gemma3" {
            config.insert("rope_local_base_freq".to_owned(), json!(10_000.0));
        }
        let kind = match self.get("rope.scaling.type") {
            None => return Ok(()),
            Some(GgufValue::Text(kind)) => kind.as_str(),
            Some(other) => return self.wrong("rope.scaling.type", other, "a text"),
        };
        let factor = self.number("rope.scaling.factor")?.unwrap_or(1.0);
        match kind {
            "none" | "longrope" => {}
            _ => {
                let scaling = json!({"rope_type": kind, "factor": factor});
                config.insert("rope_scaling".to_owned(), scaling);
            }
        }
        Ok(())
    }

    /// Divisors of the frequencies, which a tensor holds.
    fn divisors(&self, name: &str) -> Result<Option<Vec<f64>>> {
        let Some(tensor) = self.gguf.tensors().iter().find(|t| t.name == name) else {
            return Ok(None);
        };
        let numbers = Checkpoint::of_tensor(self.gguf, tensor);
        let numbers = numbers.read(name, &tensor.shape, &mut Digest::default())?;
        if numbers.iter().any(|number| *number <= 0.0) {
            let problem = format!("tensor `{name}` holds a divisor of 0 or below");
            return Err(Error::file(self.gguf.path(), problem));
        }
        Ok(Some(numbers.into_iter().map(f64::from).collect()))
    }
}

impl LlamaConfig {
    /// The shape of the model in a GGUF file. An architecture that is not read is refused by name.
    pub fn of_gguf(gguf: &Gguf) -> Result<Self> {
        let architecture = gguf.architecture()?;
        let found = ARCHITECTURES.iter().find(|(name, _)| *name == architecture);
        let Some((_, model_type)) = found else {
            let names: Vec<&str> = ARCHITECTURES.iter().map(|(name, _)| *name).collect();
            let problem = format!(
                "holds a model of architecture `{architecture}`; {} are read",
                names.join(", ")
            );
            return Err(Error::file(gguf.path(), problem));
        };
        let fields = Fields { gguf, architecture };
        if fields
            .whole("expert_count")?
            .is_some_and(|experts| experts > 0)
        {
            let problem =
                "holds a mixture of experts of its own, which is not read; take a dense model";
            return Err(Error::file(gguf.path(), problem));
        }
        let config = fields.config(model_type)?;
        let mut config = Self::from_json(&config, gguf.path())?;
        let short = match fields.divisors("rope_freqs.weight")? {
            Some(divisors) => Some(divisors),
            None => fields.divisors("rope_factors_short.weight")?,
        };
        if let Some(short_factor) = short {
            if short_factor.len() != config.variant.rotary_dim.unwrap_or(config.head_dim) / 2 {
                let problem = format!(
                    "holds {} divisors of rotary frequencies for heads of {}",
                    short_factor.len(),
                    config.head_dim
                );
                return Err(Error::file(gguf.path(), problem));
            }
            let original = fields.whole("rope.scaling.original_context_length")?;
            if let Some(original) = original.filter(|_| architecture == "phi3") {
                let original = usize::try_from(original).unwrap_or(config.context);
                config.context = config.context.min(original);
            }
            let attention_factor = fields.number("rope.scaling.attn_factor")?.unwrap_or(1.0);
            config.rope_scaling = RopeScaling::Long {
                short_factor,
                attention_factor,
            };
        }
        Ok(config)
    }
}

impl Fields<'_> {
    fn config(&self, model_type: &str) -> Result<Value> {
        let (hidden, heads) = (
            self.needed("embedding_length")?,
            self.needed("attention.head_count")?,
        );
        let layers = self.needed("block_count")?;
        let tied = !self
            .gguf
            .tensors()
            .iter()
            .any(|t| t.name == "output.weight");
        let mut config = json!({
            "model_type": model_type,
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": self.whole("attention.head_count_kv")?.unwrap_or(heads),
            "intermediate_size": self.needed("feed_forward_length")?,
            "max_position_embeddings": self.needed("context_length")?,
            "vocab_size": self.vocabulary()?,
            "rms_norm_eps": self.number("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-5),
            "tie_word_embeddings": tied,
        });
        let Some(map) = config.as_object_mut() else {
            return Err(Error::internal("a map is one"));
        };
        self.rope(map)?;
        let mut set = |key: &str, value: Value| {
            map.insert(key.to_owned(), value);
        };
        let head = self.whole("attention.key_length")?;
        if let Some(width) = head {
            set("head_dim", json!(width));
        }
        let width = head.or(hidden.checked_div(heads)).unwrap_or(0);
        if let Some(turned) = self.whole("rope.dimension_count")?
            && turned != width
            && width > 0
        {
            set("partial_rotary_factor", json!(turned as f64 / width as f64));
        }
        for (key, id) in [
            ("bos_token_id", "bos_token_id"),
            ("eos_token_id", "eos_token_id"),
        ] {
            if let Some(id) = self.id(id) {
                set(key, json!(id));
            }
        }
        let windowed = matches!(self.architecture, "phi3" | "gemma2" | "gemma3");
        if let Some(window) = self
            .whole("attention.sliding_window")?
            .filter(|w| windowed && *w > 0)
        {
            set("sliding_window", json!(window));
        }
        for (key, field) in [
            ("attn_logit_softcapping", "attn_logit_softcapping"),
            ("final_logit_softcapping", "final_logit_softcapping"),
            ("embedding_multiplier", "embedding_scale"),
            ("residual_multiplier", "residual_scale"),
            ("attention_multiplier", "attention.scale"),
            ("logits_scaling", "logit_scale"),
        ] {
            if let Some(number) = self.number(field)? {
                set(key, json!(number));
            }
        }
        if self.architecture.starts_with("gemma") {
            set("hidden_activation", json!("gelu_pytorch_tanh"));
            let by_width = self.architecture == "gemma2" && layers == GEMMA2_27B_LAYERS;
            let scale = if by_width {
                hidden.checked_div(heads).unwrap_or(width)
            } else {
                width
            };
            set("query_pre_attn_scalar", json!(scale));
        }
        Ok(config)
    }
}
