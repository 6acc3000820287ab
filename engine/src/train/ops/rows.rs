//! Rows of a table: the embedding of tokens, the rows that predict.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::storage::{floats, output, read, tensor};

/// `table[ids[row]]`: `table` `[any, width]`, result `[ids, width]`. A row may be taken more than once.
#[derive(Debug)]
pub struct Rows(pub Arc<Vec<u32>>);

impl CustomOp1 for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn cpu_fwd(&self, table: &CpuStorage, at: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, width) = at.shape().dims2()?;
        if let Some(id) = self.0.iter().find(|id| **id as usize >= rows) {
            bail!("row {id} of a table of {rows}");
        }
        let table = floats(table, at)?;
        let mut y = Vec::with_capacity(self.0.len() * width);
        for id in self.0.iter() {
            y.extend_from_slice(&table[*id as usize * width..][..width]);
        }
        Ok(output(y, (self.0.len(), width)))
    }

    fn bwd(&self, table: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let width = table.dim(1)?;
        let mut d_table = vec![0.0; table.elem_count()];
        read([dy], |[dy]| {
            for (id, dy) in self.0.iter().zip(dy.chunks_exact(width.max(1))) {
                let row = &mut d_table[*id as usize * width..][..width];
                for (d, dy) in row.iter_mut().zip(dy) {
                    *d += dy;
                }
            }
        })?;
        Ok(Some(tensor(d_table, table)?))
    }
}
