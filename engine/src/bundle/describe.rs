//! What is told of a bundle's adapters.

use crate::mixture::Bank;
use crate::types::{AdapterInfo, Expert, ExpertKind};

/// Below this change of any logit an adapter counts as without effect.
const NO_EFFECT: f32 = 1e-6;

/// Says what was loaded.
pub(super) struct Describe<'a> {
    pub(super) bank: &'a Bank,
    /// Modules that an adapter may touch, with their shapes.
    pub(super) linears: &'a [(String, [usize; 2])],
    /// What switching each adapter on changes; empty where it was not tried.
    pub(super) probed: &'a [f32],
}

impl Describe<'_> {
    /// One entry per adapter of the bank.
    pub(super) fn adapters(&self, names: &[String]) -> Vec<AdapterInfo> {
        let names = names.iter().enumerate();
        names.map(|(i, name)| self.adapter(i, name)).collect()
    }

    fn adapter(&self, index: usize, name: &str) -> AdapterInfo {
        let adapter = &self.bank.adapters[index];
        AdapterInfo {
            name: name.to_owned(),
            path: adapter.path.clone(),
            rank: adapter.rank(),
            matched: adapter.factors.len(),
            modules: self.linears.len() - 1, // the output layer is seldom adapted and does not count
            bytes: adapter.bytes,
            digest: adapter.digest.clone(),
            effect: self.probed.get(index).copied(),
        }
    }

    /// One entry per listed expert; those of LoRA experts are the bank's first adapters, in order.
    pub(super) fn experts(&self, listed: &[Expert], adapters: &[AdapterInfo]) -> Vec<AdapterInfo> {
        let (mut loras, mut routers) = (adapters.iter(), self.bank.routers.iter());
        listed
            .iter()
            .filter_map(|expert| match expert.kind {
                ExpertKind::Lora => loras.next().cloned(),
                ExpertKind::Router => routers.next().map(|router| AdapterInfo {
                    name: expert.name.clone(),
                    path: router.expert.path.clone(),
                    rank: 0,
                    matched: router.expert.sites.len(),
                    modules: self.linears.len() - 1,
                    bytes: router.expert.bytes,
                    digest: router.expert.digest.clone(),
                    effect: None,
                }),
            })
            .collect()
    }
}

/// What was found when each adapter was tried.
pub(super) fn effect_warnings(adapters: &[AdapterInfo]) -> Vec<String> {
    let mut warnings = Vec::new();
    for adapter in adapters {
        if adapter.effect.is_some_and(|effect| effect < NO_EFFECT) {
            warnings.push(format!(
                "adapter {} has no effect: no logit changes when it is switched on",
                adapter.name
            ));
        }
        if adapter.effect == Some(f32::INFINITY) {
            warnings.push(format!(
                "adapter {} makes logits that are not finite: its answers fail; use it below 1, or train it anew",
                adapter.name
            ));
        }
    }
    warnings
}
