//! Texts of any length as one matrix of tokens.

use candle_core::{Device, Result, Tensor};

use crate::reward::{Patience, RewardText};

/// All tokens of all texts, one text after the other.
#[derive(Debug)]
pub(in crate::reward) struct Batch<'a> {
    ids: Vec<u32>,
    lengths: Vec<usize>,
    patience: &'a Patience<'a>,
}

impl<'a> Batch<'a> {
    pub(in crate::reward) fn new(texts: &[RewardText], patience: &'a Patience<'a>) -> Self {
        Self {
            patience,
            ids: texts.iter().flat_map(|text| &text.ids).copied().collect(),
            lengths: texts.iter().map(|text| text.ids.len()).collect(),
        }
    }

    /// Fails, between two layers, where somebody waits.
    pub(in crate::reward) fn go_on(&self) -> Result<()> {
        self.patience.check()
    }

    /// Tokens of each text.
    pub(in crate::reward) fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// One token of each text.
    pub(in crate::reward) fn ones(&self) -> Vec<usize> {
        vec![1; self.lengths.len()]
    }

    /// `[tokens]`.
    pub(in crate::reward) fn ids(&self, device: &Device) -> Result<Tensor> {
        Tensor::from_slice(&self.ids, self.ids.len(), device)
    }

    /// Each token's place in its text, from `first` on, `[tokens]`.
    pub(in crate::reward) fn positions(&self, first: usize, device: &Device) -> Result<Tensor> {
        let places = self
            .lengths
            .iter()
            .flat_map(|&n| (first..first + n).map(|p| p as u32));
        Tensor::from_iter(places, device)
    }

    /// Rows of the first token of each text, `[texts]`.
    pub(in crate::reward) fn firsts(&self, device: &Device) -> Result<Tensor> {
        self.rows(device, |_, start, _| start)
    }

    /// Rows of the last token of each text, `[texts]`: by its own length, for the padding id may
    /// well occur inside a text.
    pub(in crate::reward) fn lasts(&self, device: &Device) -> Result<Tensor> {
        self.rows(device, |_, start, length| start + length - 1)
    }

    /// A row of each text, by its number, first row and length.
    pub(in crate::reward) fn rows(
        &self,
        device: &Device,
        row: impl Fn(usize, usize, usize) -> usize,
    ) -> Result<Tensor> {
        let mut start = 0;
        let rows: Vec<u32> = self
            .lengths
            .iter()
            .enumerate()
            .map(|(text, &length)| {
                start += length;
                row(text, start - length, length) as u32
            })
            .collect();
        Tensor::from_vec(rows, self.lengths.len(), device)
    }
}
