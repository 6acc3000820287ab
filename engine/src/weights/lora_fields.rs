//! Which fields of PEFT's `adapter_config.json` change what an adapter does, which do not, and which nobody
//! knows (PEFT 0.21, `LoraConfig`).

use serde_json::{Map, Value};

use paretoscope_core::nearest;

/// Initialisations that leave the base as it is, so that the saved factors are all there is.
const HARMLESS_STARTS: [&str; 3] = ["default", "gaussian", "orthogonal"];

/// Fields that make it another thing than a sum of products where they are set, and what each does.
const CHANGES: [(&str, &str); 17] = [
    ("alora_invocation_tokens", "acts only from these tokens on"),
    ("arrow_config", "routes between adapters token by token"),
    ("bias", "changes biases"),
    ("corda_config", "changes the base weights"),
    ("kasa_config", "truncates the base weights"),
    ("layer_replication", "repeats layers of the base"),
    ("lora_bias", "adds biases"),
    ("lora_ga_config", "changes the base weights"),
    ("megatron_config", "is sharded as Megatron does"),
    ("modules_to_save", "replaces whole modules"),
    ("monteclora_config", "samples its weights"),
    (
        "target_parameters",
        "adapts parameters that are no linear modules",
    ),
    ("trainable_token_indices", "changes rows of the embedding"),
    ("use_bdlora", "has block-diagonal factors"),
    ("use_qalora", "pools its inputs"),
    (
        "velora_config",
        "is trained with a backward pass of its own",
    ),
    ("lora_variant", "is a variant of LoRA"),
];

/// Fields that bear on training, on the choice of modules (the tensors say which they are) or on nothing.
const HARMLESS: [&str; 31] = [
    "alpha_pattern",
    "auto_mapping",
    "base_model_name_or_path",
    "ensure_weight_tying",
    "enable_lora",
    "eva_config",
    "exclude_modules",
    "fan_in_fan_out",
    "inference_mode",
    "init_lora_weights",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_alpha",
    "lora_dropout",
    "megatron_core",
    "merge_weights",
    "peft_type",
    "peft_version",
    "qalora_group_size",
    "r",
    "rank_pattern",
    "revision",
    "runtime_config",
    "target_modules",
    "task_type",
    "use_dora",
    "use_rslora",
    "unsloth_fixed",
    "parent_library",
    "model_type",
];

/// Whether a value says that a field is not used.
fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty() || text == "none",
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// What makes an adapter more than a sum of products, in words; else a warning per field that is not known.
pub(super) fn judge(config: &Map<String, Value>) -> Result<Vec<String>, String> {
    for (name, does) in CHANGES {
        if config.get(name).is_some_and(|value| !is_neutral(value)) {
            return Err(format!("it uses `{name}`, which {does}"));
        }
    }
    match config.get("init_lora_weights") {
        None | Some(Value::Null | Value::Bool(_)) => {}
        Some(Value::String(start)) if HARMLESS_STARTS.contains(&start.to_lowercase().as_str()) => {}
        // EVA redistributes the ranks after the scales are set, and may adjust these or not.
        Some(Value::String(start)) if start.eq_ignore_ascii_case("eva") => {
            return Err("it was initialised by `eva` (init_lora_weights), after which its scales depend on settings that PEFT does not always save".to_owned());
        }
        Some(other) => {
            let start = other.as_str().map_or(other.to_string(), str::to_lowercase);
            return Err(format!(
                "it was initialised by `{start}` (init_lora_weights), which changes the base weights"
            ));
        }
    }
    let known = || CHANGES.iter().map(|(name, _)| *name).chain(HARMLESS);
    Ok(config
        .iter()
        .filter(|(name, value)| !is_neutral(value) && known().all(|known| known != *name))
        .map(|(name, _)| {
            let names: Vec<&str> = known().collect();
            let guess = nearest(name, names).map(|guess| format!("; did it mean `{guess}`?"));
            format!(
                "field `{name}` of adapter_config.json is not known and was not read{}",
                guess.unwrap_or_default()
            )
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(config: &Value) -> Result<Vec<String>, String> {
        judge(config.as_object().unwrap())
    }

    #[test]
    fn what_changes_an_adapter_is_named_what_is_neutral_passes_and_the_unknown_is_said() {
        for changes in [
            json!({"alora_invocation_tokens": [5]}),
            json!({"kasa_config": {"beta": 1e-4}}),
            json!({"use_bdlora": {"nblocks": 2}}),
            json!({"bias": "all"}),
            json!({"init_lora_weights": "pissa_niter_4"}),
            json!({"init_lora_weights": "mica"}),
            json!({"init_lora_weights": "eva"}),
        ] {
            let name = changes.as_object().unwrap().keys().next().unwrap();
            assert!(verdict(&changes).unwrap_err().contains(name));
        }
        let neutral = json!({"alora_invocation_tokens": null, "modules_to_save": [], "bias": "none", "lora_bias": false,
            "loftq_config": {}, "megatron_core": "megatron.core", "init_lora_weights": "gaussian",
            "runtime_config": {"ephemeral_gpu_offload": false}, "something_new": false});
        assert_eq!(verdict(&neutral), Ok(Vec::new()));
        let unknown = verdict(&json!({"use_something_new": true})).unwrap();
        assert!(unknown[0].contains("`use_something_new`"));
    }
}
