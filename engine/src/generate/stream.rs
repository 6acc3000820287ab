//! One sequence of a row while it runs.

use std::sync::Arc;

use crate::Result;
use crate::bundle::Bundle;
use crate::method::StreamPlan;
use crate::model::{RowCache, RowSide, Shift, SideExperts, StepRow, Wanted};
use crate::types::RowGates;

#[derive(Debug)]
pub(super) struct ActiveStream {
    pub(super) cache: RowCache,
    pub(super) gates: RowGates,
    side: Option<(Arc<SideExperts>, RowGates)>,
    shift: Option<Shift>,
    pub(super) prompt: Vec<u32>,
    /// Tokens of the prompt that are in the cache.
    fed: usize,
    /// Logits after its last token, while other streams of the row are not as far.
    pub(super) held: Option<Vec<f32>>,
}

impl ActiveStream {
    /// A stream at its beginning, whose experts are made where they are not there.
    pub(super) fn new(
        bundle: &Bundle,
        plan: StreamPlan,
        prompt: Vec<u32>,
        cache: RowCache,
    ) -> Result<Self> {
        let mut stream = Self {
            cache,
            gates: RowGates::base(0, 0),
            side: None,
            shift: None,
            prompt,
            fed: 0,
            held: None,
        };
        stream.go(bundle, plan)?;
        Ok(stream)
    }

    /// Goes on under another plan of the same prompt; what is cached was made under the old one.
    pub(super) fn go(&mut self, bundle: &Bundle, plan: StreamPlan) -> Result<()> {
        self.side = match &plan.side {
            Some(side) => Some((side.experts(bundle)?, side.gates.clone())),
            None => None,
        };
        // From the prompt's last token on, so that the first new one is chosen under it.
        let end = self.prompt.len().saturating_sub(1);
        self.shift = plan.shift.map(|shift| Shift {
            from: shift.from + end,
            ..shift
        });
        self.gates = plan.gates;
        Ok(())
    }

    /// Nothing of its prompt is in the cache, which the caller resets.
    pub(super) fn begin_again(&mut self) {
        self.fed = 0;
        self.held = None;
    }

    /// Tokens of the prompt that are in the cache.
    pub(super) fn read(&self) -> usize {
        self.fed
    }

    /// Tokens that the next step feeds, at most `budget` of the prompt, and whether logits are wanted then. Nothing
    /// while the stream waits for others.
    pub(super) fn next<'t>(&'t self, new: &'t [u32], budget: usize) -> Option<(&'t [u32], bool)> {
        if self.held.is_some() {
            return None;
        }
        Some(if self.fed < self.prompt.len() {
            let end = self.prompt.len().min(self.fed + budget.max(1));
            (&self.prompt[self.fed..end], end == self.prompt.len())
        } else {
            (&new[new.len().saturating_sub(1)..], true)
        })
    }

    /// Notes that `count` tokens went through the model.
    pub(super) fn fed(&mut self, count: usize) {
        self.fed = (self.fed + count).min(self.prompt.len());
    }

    /// Its share of a step.
    pub(super) fn step<'s>(&'s mut self, tokens: &'s [u32], samples: bool) -> StepRow<'s> {
        StepRow {
            tokens,
            cache: &mut self.cache,
            gates: &self.gates,
            side: self
                .side
                .as_ref()
                .map(|(bank, gates)| RowSide { bank, gates }),
            shift: self.shift.as_ref(),
            wanted: if samples {
                Wanted::Last
            } else {
                Wanted::Nothing
            },
        }
    }
}
