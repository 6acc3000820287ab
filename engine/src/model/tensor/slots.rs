//! Keys and values of all rows, side by side on the device, so that one product serves every row.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Result, Tensor};

use crate::kernels::HeadLayout;

/// Positions are made room for in steps of this, so that rows of about the same length share a pool.
const POSITION_STEP: usize = 64;

/// Keys and values of one layer, `[slots, kv heads, positions, head dim]` each.
pub(super) type LayerSlots = (Tensor, Tensor);

/// The slots of a model. A row owns one for as long as it runs.
#[derive(Debug)]
pub(super) struct SlotPool {
    layers: Vec<LayerSlots>,
    taken: Vec<bool>,
    positions: usize,
    layout: HeadLayout,
    depth: usize,
    device: Device,
    dtype: DType,
}

impl SlotPool {
    /// Without a slot yet, for a model of `depth` layers.
    pub(super) fn new(layout: HeadLayout, depth: usize, device: &Device, dtype: DType) -> Self {
        Self {
            layers: Vec::new(),
            taken: Vec::new(),
            positions: 0,
            layout,
            depth,
            device: device.clone(),
            dtype,
        }
    }

    /// Keys and values of every layer; writing into them writes into the pool.
    pub(super) fn layers(&self) -> Vec<LayerSlots> {
        self.layers.clone()
    }

    /// Positions of every slot.
    pub(super) fn positions(&self) -> usize {
        self.positions
    }

    /// Takes the first free slot, emptied, with room for `positions`. The pool grows where it must.
    fn take(&mut self, positions: usize) -> Result<usize> {
        let positions = positions.next_multiple_of(POSITION_STEP);
        if !self.taken.contains(&true) && positions > self.positions {
            // Nobody's keys are in it: it need not be copied, and its memory is free before more is asked for.
            self.layers.clear();
            self.taken.clear();
        }
        let free = self.taken.iter().position(|taken| !taken);
        let slot = free.unwrap_or(self.taken.len());
        let slots = match free {
            Some(_) => self.taken.len(),
            None => (self.taken.len() * 2).max(1),
        };
        let positions = positions.max(self.positions);
        if self.layers.is_empty() || slots > self.taken.len() || positions > self.positions {
            self.grow(slots, positions)?;
        }
        self.clear(slot)?;
        self.taken[slot] = true;
        Ok(slot)
    }

    fn shape(&self, slots: usize, positions: usize) -> (usize, usize, usize, usize) {
        (slots, self.layout.kv_heads, positions, self.layout.head_dim)
    }

    fn grow(&mut self, slots: usize, positions: usize) -> Result<()> {
        let old = self.taken.len();
        let bigger = |from: Option<&Tensor>| -> Result<Tensor> {
            let to = Tensor::zeros(self.shape(slots, positions), self.dtype, &self.device)?;
            if let Some(from) = from {
                to.narrow(0, 0, old)?.slice_set(from, 2, 0)?;
            }
            Ok(to)
        };
        let layers = (0..self.depth)
            .map(|layer| {
                let from = self.layers.get(layer);
                Ok((bigger(from.map(|f| &f.0))?, bigger(from.map(|f| &f.1))?))
            })
            .collect::<Result<Vec<_>>>()?;
        self.layers = layers;
        self.taken.resize(slots, false);
        self.positions = positions;
        Ok(())
    }

    /// What a row left behind may be NaN where it diverged, and would go through the mask of the next.
    fn clear(&self, slot: usize) -> Result<()> {
        let zeros = Tensor::zeros(self.shape(1, self.positions), self.dtype, &self.device)?;
        for (keys, values) in &self.layers {
            keys.slice_set(&zeros, 0, slot)?;
            values.slice_set(&zeros, 0, slot)?;
        }
        Ok(())
    }
}

/// A row's right to a slot; given back when dropped.
#[derive(Debug)]
pub(in crate::model) struct SlotLease {
    pool: Arc<Mutex<SlotPool>>,
    slot: usize,
}

impl SlotLease {
    /// Takes a slot with room for `positions`.
    pub(super) fn new(pool: &Arc<Mutex<SlotPool>>, positions: usize) -> Result<Self> {
        let slot = lock(pool).take(positions)?;
        Ok(Self {
            pool: Arc::clone(pool),
            slot,
        })
    }

    /// The slot, if it is one of this pool.
    pub(super) fn slot(&self, pool: &Arc<Mutex<SlotPool>>) -> Option<usize> {
        Arc::ptr_eq(&self.pool, pool).then_some(self.slot)
    }
}

impl Drop for SlotLease {
    fn drop(&mut self) {
        if let Some(taken) = lock(&self.pool).taken.get_mut(self.slot) {
            *taken = false;
        }
    }
}

/// The pool is whole after a panic, too: it changes by whole tensors.
pub(super) fn lock(pool: &Mutex<SlotPool>) -> MutexGuard<'_, SlotPool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool() -> Arc<Mutex<SlotPool>> {
        let layout = HeadLayout {
            heads: 2,
            kv_heads: 1,
            head_dim: 4,
        };
        Arc::new(Mutex::new(SlotPool::new(
            layout,
            2,
            &Device::Cpu,
            DType::F32,
        )))
    }

    fn fill(pool: &Arc<Mutex<SlotPool>>, slot: usize, value: f32) {
        let pool = lock(pool);
        let ones = Tensor::full(value, (1, 1, pool.positions, 4), &Device::Cpu).unwrap();
        for (keys, values) in &pool.layers {
            keys.slice_set(&ones, 0, slot).unwrap();
            values.slice_set(&ones, 0, slot).unwrap();
        }
    }

    /// The first and last number of a slot's values in the last layer.
    fn ends(pool: &Arc<Mutex<SlotPool>>, slot: usize) -> (f32, f32) {
        let pool = lock(pool);
        let values: Vec<f32> = pool.layers[1]
            .1
            .get(slot)
            .unwrap()
            .flatten_all()
            .unwrap()
            .to_vec1()
            .unwrap();
        (values[0], values[values.len() - 1])
    }

    #[test]
    fn slots_are_lent_kept_while_the_pool_grows_and_emptied_for_the_next() {
        let pool = pool();
        let first = SlotLease::new(&pool, 10).unwrap();
        assert_eq!((first.slot(&pool), lock(&pool).positions()), (Some(0), 64));
        fill(&pool, 0, 7.0);
        let second = SlotLease::new(&pool, 65).unwrap();
        assert_eq!(
            (second.slot(&pool), lock(&pool).positions()),
            (Some(1), 128)
        );
        assert_eq!(ends(&pool, 0), (7.0, 0.0));
        fill(&pool, 1, f32::NAN);
        drop(second);
        let third = SlotLease::new(&pool, 1).unwrap();
        assert_eq!(third.slot(&pool), Some(1));
        assert_eq!(ends(&pool, 1), (0.0, 0.0));
        let fourth = SlotLease::new(&pool, 1).unwrap();
        assert_eq!((fourth.slot(&pool), lock(&pool).taken.len()), (Some(2), 4));
        assert_eq!(ends(&pool, 0), (7.0, 0.0));
        drop((first, third, fourth));
        // An empty pool starts anew at the size that is asked for.
        let long = SlotLease::new(&pool, 200).unwrap();
        assert_eq!((long.slot(&pool), lock(&pool).taken.len()), (Some(0), 1));
        assert_eq!(lock(&pool).positions(), 256);
        assert!(long.slot(&self::pool()).is_none());
    }
}
