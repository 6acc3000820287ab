//! Puts the trained parts together into a bundle folder, in half precision.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::card::demonstration;
use super::dataset::{Source, write_lines};
use super::evaluate::PLAIN;
use super::levels::Objective;
use super::recipe::{Recipe, samples};
use super::tokenizer::END;
use super::world::World;
use super::{dataset, half, tokenizer};
use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::output::write_json;
use paretoscope_engine::types::ExpertKind;
use paretoscope_engine::{Error, Problem, Result};

/// Where the trained parts are.
#[derive(Debug)]
pub struct Parts<'a> {
    /// Hugging Face folder of the base.
    pub base: &'a Path,
    /// Bundle of experts, router and value vectors held apart.
    pub made: &'a Path,
    /// The bundle with plain value vectors.
    pub plain: &'a Path,
    /// Folders of reward models in order of objectives.
    pub rewards: [&'a Path; 3],
    /// The tokenizer's folder.
    pub tokenizer: &'a Path,
}

/// Writes the bundle in place of `out`: base, experts, router, value vectors, rewards, prompts and
/// `bundle.json`; and inside it, sharing all but the value vectors, the bundle with plain ones.
pub fn assemble(world: &World, recipe: &Recipe, parts: &Parts<'_>, out: &Path) -> Result<()> {
    let fresh = out.with_extension("new");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).map_err(Error::io("clear", &fresh))?;
    }
    fill(world, recipe, parts, &fresh)?;
    if out.exists() {
        std::fs::remove_dir_all(out).map_err(Error::io("clear", out))?;
    }
    std::fs::rename(&fresh, out).map_err(Error::io("rename", &fresh))
}

fn fill(world: &World, recipe: &Recipe, parts: &Parts<'_>, out: &Path) -> Result<()> {
    model(
        parts.base,
        parts.tokenizer,
        &out.join("base"),
        recipe.model.context,
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
    let mut manifest = Manifest::load(parts.made)?;
    let source = Source::new(world, recipe.data.clone());
    manifest.demonstration = Some(demonstration(world, source.split()));
    manifest.base = "base".into();
    manifest.prompts = Some("prompts.jsonl".into());
    for objective in &mut manifest.objectives {
        if let Some(reward) = &mut objective.reward {
            reward.path = Path::new("rewards").join(&objective.name);
        }
    }
    for expert in &manifest.experts {
        let (from, to) = (parts.made.join(&expert.path), out.join(&expert.path));
        match expert.kind {
            ExpertKind::Lora => half::adapter(&from, &to, "../../base")?,
            ExpertKind::Router => copy(&from, &to, &["router_config.json", "router.safetensors"])?,
        }
    }
    for value in &manifest.values {
        let (from, to) = (parts.made.join(&value.path), out.join(&value.path));
        half::adapter(&from, &to, "../../base")?;
    }
    manifest.save(out)?;

    let plain = out.join(PLAIN);
    let mut beside = manifest;
    beside.name += ", plain value vectors";
    let up = |path: &mut PathBuf| *path = Path::new("..").join(&*path);
    up(&mut beside.base);
    beside.prompts.iter_mut().for_each(up);
    let rewards = beside
        .objectives
        .iter_mut()
        .filter_map(|o| o.reward.as_mut());
    rewards.for_each(|reward| up(&mut reward.path));
    beside
        .experts
        .iter_mut()
        .for_each(|expert| up(&mut expert.path));
    beside.values = Manifest::load(parts.plain)?.values;
    for value in &beside.values {
        let (from, to) = (parts.plain.join(&value.path), plain.join(&value.path));
        half::adapter(&from, &to, "../../../base")?;
    }
    beside.save(&plain)
}

pub(super) fn copy(from: &Path, to: &Path, names: &[&str]) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for name in names {
        let (source, target) = (from.join(name), to.join(name));
        std::fs::copy(&source, &target).map_err(Error::io("copy", &source))?;
    }
    Ok(())
}

/// Files of the tokenizer.
pub(super) const TOKENIZER: [&str; 2] = ["tokenizer.json", "tokenizer_config.json"];

/// Copies a model's folder with its weights in f16, its tokenizer and its end token.
fn model(from: &Path, tokenizer: &Path, to: &Path, context: usize) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io("create", to))?;
    half::tensors(
        &from.join("model.safetensors"),
        &to.join("model.safetensors"),
    )?;
    let source = from.join("config.json");
    let text = std::fs::read_to_string(&source).map_err(Error::io("read", &source))?;
    let mut config: Value = serde_json::from_str(&text)
        .map_err(|e| Error::file(&source, Problem::format("JSON", e)))?;
    if let Some(fields) = config.as_object_mut() {
        fields.insert("torch_dtype".to_owned(), json!("float16"));
        fields.insert("pad_token_id".to_owned(), json!(tokenizer::PAD));
        fields.insert("max_position_embeddings".to_owned(), json!(context));
    }
    write_json(&to.join("config.json"), &config)?;
    copy(tokenizer, to, &TOKENIZER)?;
    let generation = json!({
        "bos_token_id": tokenizer::BOS, "eos_token_id": END, "pad_token_id": tokenizer::PAD, "do_sample": false,
    });
    write_json(&to.join("generation_config.json"), &generation)
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
