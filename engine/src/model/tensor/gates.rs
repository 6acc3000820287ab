//! The gates of a step's tokens as tensors, and what is recorded of them.

use std::collections::HashMap;

use candle_core::{D, DType, Device, Result, Tensor};

use crate::mixture::{Tap, TokenGates};

/// The gates of every token of a step, before routers have seen its tokens.
pub(super) struct StepGates {
    adapters: usize,
    dtype: DType,
    /// Static coefficients `[tokens, adapters]`, as the rows carry them.
    host: Vec<f32>,
    /// `None` where no expert speaks: the base model alone runs.
    mixed: Option<Mixed>,
}

struct Mixed {
    /// `host` on the device, f32.
    fixed: Tensor,
    /// Shares of the routers, `[tokens, routers]`, f32; `None` where no row has any.
    shares: Option<Tensor>,
    /// Zero for muted adapters and one for the others, `[tokens, adapters]`, f32; `None` where none is.
    heard: Option<Tensor>,
    /// `fixed` per rank column, by pattern: most modules of a model have the same one.
    spread: HashMap<usize, Tensor>,
}

/// Which adapter each rank column of a module belongs to.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// Equal patterns have equal ids.
    pub(super) id: usize,
    /// Adapter per column, u32.
    pub(super) columns: Tensor,
}

impl StepGates {
    pub(super) fn new<B>(gates: &TokenGates<'_, B>, device: &Device, dtype: DType) -> Result<Self> {
        let rows: Vec<_> = gates.tokens().collect();
        let (adapters, routers) = rows
            .first()
            .map_or((0, 0), |row| (row.adapters.len(), row.routers.len()));
        let host: Vec<f32> = rows.iter().flat_map(|row| &row.adapters).copied().collect();
        let mixed = if gates.any() && adapters > 0 && !rows.is_empty() {
            let shares: Vec<f32> = rows.iter().flat_map(|row| &row.routers).copied().collect();
            let routed = shares.iter().any(|&share| share != 0.0);
            let muted = routed && rows.iter().any(|row| !row.muted.is_empty());
            let heard = || {
                let mut heard = vec![1.0_f32; rows.len() * adapters];
                for (row, heard) in rows.iter().zip(heard.chunks_exact_mut(adapters)) {
                    row.silence(heard);
                }
                Tensor::from_vec(heard, (rows.len(), adapters), device)
            };
            Some(Mixed {
                fixed: Tensor::from_slice(&host, (rows.len(), adapters), device)?,
                shares: routed
                    .then(|| Tensor::from_vec(shares, (rows.len(), routers), device))
                    .transpose()?,
                heard: muted.then(heard).transpose()?,
                spread: HashMap::new(),
            })
        } else {
            None
        };
        Ok(Self {
            adapters,
            dtype,
            host,
            mixed,
        })
    }

    /// Whether any expert speaks.
    pub(super) fn any(&self) -> bool {
        self.mixed.is_some()
    }

    /// The gates of a module's rank columns, `[tokens, ranks]`, and, where routers had a say, the gates
    /// that were applied, `[tokens, adapters]` in f32. `votes` adds what the routers say.
    pub(super) fn spread(
        &mut self,
        pattern: &Pattern,
        votes: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>,
    ) -> Result<Option<(Tensor, Option<Tensor>)>> {
        let dtype = self.dtype;
        let Some(mixed) = &mut self.mixed else {
            return Ok(None);
        };
        let columns = |gates: &Tensor| gates.index_select(&pattern.columns, 1)?.to_dtype(dtype);
        if let Some(shares) = &mixed.shares {
            let mut applied = votes(&mixed.fixed, shares)?;
            if let Some(heard) = &mixed.heard {
                applied = (applied * heard)?;
            }
            return Ok(Some((columns(&applied)?, Some(applied))));
        }
        if let Some(spread) = mixed.spread.get(&pattern.id) {
            return Ok(Some((spread.clone(), None)));
        }
        let spread = columns(&mixed.fixed)?;
        mixed.spread.insert(pattern.id, spread.clone());
        Ok(Some((spread, None)))
    }
}

/// Collects the gates of a step; what only the device knows is fetched once, at the end.
pub(super) struct Recorder<'a> {
    tap: &'a mut Tap,
    /// Tokens of the tap, one per token of the gates.
    tokens: Vec<usize>,
    routed: Vec<(String, Tensor)>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(tap: &'a mut Tap, tokens: Vec<usize>) -> Self {
        Self {
            tap,
            tokens,
            routed: Vec::new(),
        }
    }

    /// Notes the gates of a module: those of the rows, or what came out of the routers.
    pub(super) fn note(&mut self, path: &str, gates: &StepGates, applied: Option<Tensor>) {
        match applied {
            Some(applied) => self.routed.push((path.to_owned(), applied)),
            None => self.write(path, &gates.host, gates.adapters),
        }
    }

    fn write(&mut self, path: &str, values: &[f32], adapters: usize) {
        for (&token, gates) in self.tokens.iter().zip(values.chunks_exact(adapters.max(1))) {
            self.tap.record(path, token, gates);
        }
    }

    /// Fetches what routers said.
    pub(super) fn finish(mut self) -> Result<()> {
        let routed = std::mem::take(&mut self.routed);
        let (paths, tensors): (Vec<String>, Vec<Tensor>) = routed.into_iter().unzip();
        let Some(first) = tensors.first() else {
            return Ok(());
        };
        let (adapters, size) = (first.dim(D::Minus1)?, first.elem_count());
        let values: Vec<f32> = Tensor::stack(&tensors, 0)?.flatten_all()?.to_vec1()?;
        for (path, values) in paths.iter().zip(values.chunks_exact(size)) {
            self.write(path, values, adapters);
        }
        Ok(())
    }
}
