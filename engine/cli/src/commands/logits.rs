//! `logits`: the logits after every token of a prompt, and the gates that were applied.

use std::collections::HashMap;
use std::path::PathBuf;

use paretoscope_engine::mixture::Tap;
use paretoscope_engine::model::{RowCache, StepRow, Wanted};
use paretoscope_engine::output::write_bytes;
use paretoscope_engine::types::shown;
use paretoscope_engine::{Error, Result};
use safetensors::tensor::{Dtype, TensorView};

use super::place::{BundlePoint, PromptArgs};
use crate::options::Global;
use crate::print::json_line;

/// Options of `logits`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: BundlePoint,
    #[command(flatten)]
    prompt: PromptArgs,
    /// The safetensors file to write: `logits` [T, vocabulary]
    #[arg(long, value_name = "F.safetensors")]
    out: PathBuf,
    /// Also write `gates` [T, sites, LoRA experts]
    #[arg(long)]
    record: bool,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let bundle = args.place.place.load(global, false)?;
    let gates = bundle.plan.gates(&args.place.point(&bundle)?)?;
    let ids = bundle.tokenizer.encode_prompt(&args.prompt.prompt()?)?;
    let config = bundle.model.config();
    if ids.len() > config.context {
        return Err(Error::PromptTooLong {
            tokens: ids.len(),
            context: config.context,
        });
    }
    let experts = bundle.lora_experts();
    let sites = &bundle.info.sites;
    let mut cache = RowCache::default();
    bundle.model.reset(&mut cache, ids.len())?;
    let mut tap = args
        .record
        .then(|| Tap::new(sites, experts.len(), ids.len()));
    let row = StepRow {
        tokens: &ids,
        cache: &mut cache,
        gates: &gates,
        side: None,
        shift: None,
        wanted: Wanted::All,
    };
    let logits = bundle.model.forward(&mut [row], tap.as_mut())?;

    let bytes =
        |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|v| v.to_le_bytes()).collect() };
    let logits = bytes(&logits);
    let gates: Vec<f32> = tap
        .iter()
        .flat_map(|tap| (0..ids.len()).flat_map(|t| tap.token(t)).copied())
        .collect();
    let gates = bytes(&gates);
    let view = |shape: Vec<usize>, data| {
        TensorView::new(Dtype::F32, shape, data).map_err(|e| Error::internal(e.to_string()))
    };
    let mut tensors = vec![("logits", view(vec![ids.len(), config.vocabulary], &logits)?)];
    let mut metadata = HashMap::new();
    if args.record {
        tensors.push((
            "gates",
            view(vec![ids.len(), sites.len(), experts.len()], &gates)?,
        ));
        let json = |names: &[String]| serde_json::Value::from(names.to_vec()).to_string();
        metadata.insert("sites".to_owned(), json(sites));
        metadata.insert("experts".to_owned(), json(&experts));
    }
    let file = safetensors::serialize(tensors, Some(metadata))
        .map_err(|e| Error::internal(e.to_string()))?;
    write_bytes(&args.out, &file)?;
    json_line(&serde_json::json!({ "out": shown(&args.out), "tokens": ids.len() }))
}
