//! The name of an answer: what the forward pass received, and nothing else.
//!
//! An answer whose key is in the study is never made again. Places, routing rules and value mappings are subsumed by the
//! gates, templates and dates by the prompt's ids. The device's kind of processor, the grid, titles and paths stay out.

use super::hash::Fields;
use crate::types::{BundleIdentity, Key, RowGates, Sampling};

/// Changes whenever the encoding below does.
const FORMAT: &str = "paretoscope generation 1";

/// What a row's forward passes receive.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Numerics, base model, and all adapters and routers of the bank: silent ones count too, since the products over the
    /// whole bank round as one.
    pub bundle: &'a BundleIdentity,
    /// The prompt's ids, after template, date and truncation.
    pub prompt: &'a [u32],
    /// The gates, mutes applied.
    pub gates: &'a RowGates,
    /// How tokens are chosen, with the row's own seed.
    pub sampling: &'a Sampling,
    /// Digest of what a method does beyond a plain row: other streams, experts beside the bank, how logits are mixed.
    pub plan: Option<[u8; 32]>,
    /// New tokens that there is room for, where that is less than asked.
    pub room: usize,
}

impl Received<'_> {
    /// The key. What a greedy row does not look at (nucleus, seed) does not count.
    pub fn key(&self) -> Key {
        let mut fields = Fields::new(FORMAT);
        fields.text(&self.bundle.numerics);
        fields.text(&self.bundle.model);
        fields.texts(&self.bundle.adapters);
        fields.ids(self.prompt);
        fields.gates(self.gates);
        let sampling = self.sampling;
        let greedy = sampling.temperature == 0.0;
        fields.number(sampling.temperature);
        fields.number(if greedy { 1.0 } else { sampling.top_p });
        fields.whole(if greedy { 0 } else { sampling.seed });
        fields.count(sampling.max_tokens.min(self.room));
        fields.texts(&sampling.stop);
        fields.count(usize::from(sampling.ignore_eos));
        if let Some(plan) = self.plan {
            fields.bytes(&plan);
        }
        Key(fields.digest())
    }
}
