//! Puts the trained parts together into a bundle folder, in half precision.

use std::path::Path;

use serde_json::{Value, json};

use super::adapter::{self, Adapter};
use super::card::demonstration;
use super::dataset::{Source, write_lines};
use super::levels::Objective;
use super::recipe::{Recipe, samples};
use super::tokenizer::END;
use super::world::World;
use super::{dataset, tokenizer};
use crate::{Error, Result};

/// Where the trained parts are.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Hugging Face folder of the base.
    pub base: &'a Path,
    /// PEFT folders in order of objectives.
    pub experts: [&'a Path; 3],
    /// Folders of reward models in order of objectives.
    pub rewards: [&'a Path; 3],
    /// The tokenizer's folder.
    pub tokenizer: &'a Path,
}

/// Writes the bundle into `out`: base, three experts and their balanced merge, rewards, prompts and
/// `bundle.json`.
pub fn assemble(world: &World, recipe: &Recipe, parts: &Parts<'_>, out: &Path) -> Result<()> {
    model(
        parts.base,
        parts.tokenizer,
        &out.join("base"),
        recipe.model.context,
    )?;
    let experts: Vec<Adapter> = parts
        .experts
        .iter()
        .map(|folder| adapter::merge(&[(&adapter::read(folder)?, recipe.expert.strength)]))
        .collect::<Result<_>>()?;
    for (objective, expert) in Objective::ALL.iter().zip(&experts) {
        adapter::write(expert, &out.join("experts").join(objective.name()))?;
    }
    let third: Vec<(&Adapter, f64)> = experts.iter().map(|e| (e, 1.0 / 3.0)).collect();
    adapter::write(
        &adapter::merge(&third)?,
        &out.join("experts").join("balanced"),
    )?;
    for (objective, folder) in Objective::ALL.iter().zip(parts.rewards) {
        model(
            folder,
            parts.tokenizer,
            &out.join("rewards").join(objective.name()),
            recipe.model.context,
        )?;
    }
    prompts(world, recipe, out)?;
    write_json(&manifest(world), &out.join("bundle.json"))
}

/// Copies a model's folder with its weights in f16, its tokenizer and its end token.
fn model(from: &Path, tokenizer: &Path, to: &Path, context: usize) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io("create", to))?;
    adapter::halve(
        &from.join("model.safetensors"),
        &to.join("model.safetensors"),
    )?;
    let source = from.join("config.json");
    let text = std::fs::read_to_string(&source).map_err(Error::io("read", &source))?;
    let mut config: Value = serde_json::from_str(&text)
        .map_err(|e| Error::file(&source, format!("is not JSON: {e}")))?;
    if let Some(fields) = config.as_object_mut() {
        fields.insert("torch_dtype".to_owned(), json!("float16"));
        fields.insert("pad_token_id".to_owned(), json!(tokenizer::PAD));
        fields.insert("max_position_embeddings".to_owned(), json!(context));
    }
    write_json(&config, &to.join("config.json"))?;
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        let (source, target) = (tokenizer.join(name), to.join(name));
        std::fs::copy(&source, &target).map_err(Error::io("copy", &source))?;
    }
    let generation = json!({
        "bos_token_id": tokenizer::BOS, "eos_token_id": END, "pad_token_id": tokenizer::PAD, "do_sample": false,
    });
    write_json(&generation, &to.join("generation_config.json"))
}

fn prompts(world: &World, recipe: &Recipe, out: &Path) -> Result<()> {
    let source = Source::new(world, recipe.data.clone());
    let split = source.split();
    write_lines(&out.join("prompts.jsonl"), &samples(world, split))?;
    for (name, questions) in [
        ("validation", &split.validation),
        ("test", &split.test),
        ("new-topics", &split.new_topics),
    ] {
        let lines: Vec<dataset::TopicPrompt> = source.prompts(questions);
        write_lines(&out.join("prompts").join(format!("{name}.jsonl")), &lines)?;
    }
    Ok(())
}

fn manifest(world: &World) -> Value {
    let objectives: Vec<Value> = Objective::ALL
        .iter()
        .map(|o| json!({"name": o.name(), "reward": {"path": format!("rewards/{}", o.name())}}))
        .collect();
    let mut experts: Vec<Value> = Objective::ALL
        .iter()
        .map(|o| {
            let mut at = [0, 0, 0];
            if let Some(place) = at.get_mut(o.index()) {
                *place = 1;
            }
            json!({"kind": "lora", "name": o.name(), "path": format!("experts/{}", o.name()), "preference": at})
        })
        .collect();
    experts.push(json!({"kind": "lora", "name": "balanced", "path": "experts/balanced", "preference": [1, 1, 1]}));
    json!({
        "format": 1,
        "name": "demo",
        "base": "base",
        "objectives": objectives,
        "experts": experts,
        "prompts": "prompts.jsonl",
        "demonstration": demonstration(world),
    })
}

fn write_json(value: &Value, path: &Path) -> Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, format!("{value:#}\n")).map_err(Error::io("write", &part))?;
    std::fs::rename(&part, path).map_err(Error::io("write", path))
}
