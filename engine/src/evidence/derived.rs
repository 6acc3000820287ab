//! Control arms that every bundle with routers has: the same bundle without them, and with routers that vote alike for
//! every token. The first says what routers bring; the second how much of it is another mixture, whatever the token.

use std::collections::BTreeMap;
use std::path::Path;

use crate::bundle::{ArmEntry, ArmOf, Bundle, Manifest};
use crate::forge::{ConstantVotes, write_constant_router};
use crate::generate::generate_all;
use crate::types::{
    ExpertKind, Mutes, Point, Preference, PromptSample, RowRequest, Sampling, TraceLevel,
};
use crate::{Error, Result};

/// The arm without routers.
pub(super) const NO_ROUTER: &str = "no-router";
/// The arm whose routers vote alike for every token.
pub(super) const CONSTANT: &str = "constant-votes";
/// Answers that the mean votes are of.
const ANSWERS: usize = 64;
/// Rows in one batch.
const SLOTS: usize = 32;

/// Writes the arms' bundles into `folder`, unless they are there; nothing for a bundle without routers. Mean votes are
/// those of greedy answers to `prompts` at each router's own preference.
pub(super) fn derived(
    bundle: &Bundle,
    prompts: &[PromptSample],
    max_tokens: usize,
    folder: &Path,
) -> Result<Vec<ArmEntry>> {
    let is_router = |kind: ExpertKind| kind == ExpertKind::Router;
    if !bundle
        .info
        .experts
        .iter()
        .any(|expert| is_router(expert.kind))
    {
        return Ok(Vec::new());
    }
    let of = &bundle.info.path;
    let own = Manifest::load(of)?.rooted(of)?;
    let arms = [NO_ROUTER, CONSTANT].map(|name| ArmEntry {
        name: name.to_owned(),
        path: folder.join(name),
        of: ArmOf::Hoe,
    });
    for arm in &arms {
        if arm.path.join("bundle.json").is_file() {
            continue;
        }
        let mut manifest = own.clone();
        manifest.name = format!("{}, {}", own.name, arm.name);
        manifest.methods.clear();
        manifest.arms.clear();
        if arm.name == NO_ROUTER {
            manifest.experts.retain(|expert| !is_router(expert.kind));
        } else {
            let routers = manifest.experts.iter_mut();
            for (at, router) in routers.filter(|expert| is_router(expert.kind)).enumerate() {
                let preference = Preference::new(router.preference.clone())
                    .map_err(Error::point("preference"))?;
                let votes = mean_votes(bundle, &preference, prompts, max_tokens)?;
                let place = arm.path.join(format!("router-{at}"));
                let experts = bundle.lora_experts();
                write_constant_router(&place, &router.preference, &experts, &votes)?;
                router.path = place;
            }
        }
        // Last, so that an arm that was broken off is made anew.
        manifest.save(&arm.path)?;
    }
    Ok(arms.to_vec())
}

/// Mean gates of every LoRA expert at every module, over all tokens of answers at a preference.
fn mean_votes(
    bundle: &Bundle,
    preference: &Preference,
    prompts: &[PromptSample],
    max_tokens: usize,
) -> Result<BTreeMap<String, ConstantVotes>> {
    let requests = prompts.iter().take(ANSWERS).map(|sample| RowRequest {
        prompt: sample.prompt.clone(),
        point: Point::Preference(preference.clone()),
        sampling: Sampling {
            max_tokens,
            ..Sampling::default()
        },
        mutes: Mutes::default(),
        trace: TraceLevel::Full,
        time: None,
    });
    let runs = generate_all(bundle, requests.collect(), SLOTS)?;
    let experts = bundle.lora_experts().len();
    let linears: BTreeMap<String, [usize; 2]> =
        bundle.model.config().linears().into_iter().collect();
    let mut sums: BTreeMap<String, (ConstantVotes, usize)> = BTreeMap::new();
    for record in runs.iter().filter_map(|run| run.record.as_ref()) {
        for token in 0..record.tokens() {
            for (at, site) in record.sites.iter().enumerate() {
                // Experts come first in the bank, value vectors after them.
                let gates = record.at(token, at).get(..experts).unwrap_or_default();
                let Some([_, inputs]) = linears.get(site) else {
                    continue;
                };
                let (votes, tokens) = sums.entry(site.clone()).or_insert_with(|| {
                    let votes = ConstantVotes {
                        inputs: *inputs,
                        gates: vec![0.0; gates.len()],
                    };
                    (votes, 0)
                });
                *tokens += 1;
                for (mean, gate) in votes.gates.iter_mut().zip(gates) {
                    *mean += (gate - *mean) / *tokens as f32;
                }
            }
        }
    }
    if sums.is_empty() {
        return Err(Error::internal(
            "no answer has a token to take mean votes from",
        ));
    }
    Ok(sums
        .into_iter()
        .map(|(site, (votes, _))| (site, votes))
        .collect())
}
