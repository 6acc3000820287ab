//! The name of an answer: what the forward pass received, and nothing else.
//!
//! An answer whose key is in the study is never made again. Places, routing rules and value mappings are subsumed by the
//! gates, templates and dates by the prompt's ids. The device's kind of processor, the grid, titles and paths stay out.

use std::fmt;

use super::hash::Fields;
use crate::types::{RowGates, Sampling};

/// Changes whenever the encoding below does.
const FORMAT: &str = "paretoscope generation 1";

/// The name of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// What a row's forward passes receive.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// How it is computed: backend, precision, quantisation, revision of the kernels.
    pub numerics: &'a str,
    /// Digest of the base model's weights, its configuration and tokenizer.
    pub model: &'a str,
    /// Digests of all adapters and routers of the bank, in its order: silent ones count too, since the products over the
    /// whole bank round as one.
    pub bank: &'a [String],
    /// The prompt's ids, after template, date and truncation.
    pub prompt: &'a [u32],
    /// The gates, mutes applied.
    pub gates: &'a RowGates,
    /// How tokens are chosen, with the row's own seed.
    pub sampling: &'a Sampling,
    /// New tokens that there is room for, where that is less than asked.
    pub room: usize,
}

impl Received<'_> {
    /// The key. What a greedy row does not look at (nucleus, seed) does not count.
    pub fn key(&self) -> Key {
        let mut fields = Fields::new(FORMAT);
        fields.text(self.numerics);
        fields.text(self.model);
        fields.texts(self.bank);
        fields.ids(self.prompt);
        fields.singles(&self.gates.adapters);
        fields.singles(&self.gates.routers);
        fields.count(self.gates.muted.len());
        for &muted in &self.gates.muted {
            fields.count(muted);
        }
        let sampling = self.sampling;
        let greedy = sampling.temperature == 0.0;
        fields.number(sampling.temperature);
        fields.number(if greedy { 1.0 } else { sampling.top_p });
        fields.whole(if greedy { 0 } else { sampling.seed });
        fields.count(sampling.max_tokens.min(self.room));
        fields.texts(&sampling.stop);
        fields.count(usize::from(sampling.ignore_eos));
        Key(fields.digest())
    }
}
