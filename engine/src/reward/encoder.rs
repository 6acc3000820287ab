//! The post-norm encoder block that DistilBERT, BART and DeBERTa share.

use candle_core::{Device, Result as CandleResult, Tensor};

use super::loader::Loader;
use super::ops::{Activation, Attention, Batch, Linear, Norm};
use crate::Result;

/// How an architecture names the parts of its block.
pub(super) struct EncoderNames {
    pub(super) qkv: [&'static str; 3],
    pub(super) attention_out: &'static str,
    pub(super) attention_norm: &'static str,
    pub(super) mlp_in: &'static str,
    pub(super) mlp_out: &'static str,
    pub(super) mlp_norm: &'static str,
}

/// How queries, keys and values of all tokens become what each query attends to.
pub(super) trait Attend {
    /// `queries` and `keys` are tokens per text.
    fn attend(&self, qkv: [&Tensor; 3], queries: &[usize], keys: &[usize]) -> CandleResult<Tensor>;
}

impl Attend for Attention {
    fn attend(&self, qkv: [&Tensor; 3], queries: &[usize], keys: &[usize]) -> CandleResult<Tensor> {
        self.forward(qkv, queries, keys)
    }
}

/// Attention, then an MLP, each added to its input and then normed.
#[derive(Debug)]
pub(super) struct EncoderBlock<A = Attention> {
    qkv: [Linear; 3],
    attention: A,
    attention_out: Linear,
    attention_norm: Norm,
    mlp: Mlp,
}

impl<A: Attend> EncoderBlock<A> {
    /// Reads the block `at`, which is `[width, inner]` wide; `attention` may look at the projections of
    /// queries, keys and values.
    pub(super) fn load(
        loader: &Loader<'_>,
        at: &str,
        names: &EncoderNames,
        [width, inner]: [usize; 2],
        (eps, activation): (f64, Activation),
        attention: impl FnOnce(&[Linear; 3]) -> Result<A>,
    ) -> Result<Self> {
        let square = |name: &str| loader.linear(&format!("{at}.{name}"), [width, width]);
        let [q, k, v] = names.qkv;
        let qkv = [square(q)?, square(k)?, square(v)?];
        Ok(Self {
            attention: attention(&qkv)?,
            qkv,
            attention_out: square(names.attention_out)?,
            attention_norm: loader.norm(&format!("{at}.{}", names.attention_norm), width, eps)?,
            mlp: Mlp::load(loader, at, names, [width, inner], (eps, activation))?,
        })
    }

    /// What mixes the tokens.
    pub(super) fn attention(&self) -> &A {
        &self.attention
    }

    /// Width inside the MLP.
    pub(super) fn inner(&self) -> usize {
        self.mlp.inner()
    }

    /// All tokens `[tokens, width]`; with `wanted`, one per text, only these come out.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        batch: &Batch<'_>,
        wanted: Option<&Tensor>,
    ) -> CandleResult<Tensor> {
        let [query, key, value] = &self.qkv;
        let (x, q, k, v, queries) = match wanted {
            None => {
                let [q, k, v] = Linear::forward_all([query, key, value], x)?;
                (x.clone(), q, k, v, batch.lengths().to_vec())
            }
            Some(wanted) => {
                let [k, v] = Linear::forward_all([key, value], x)?;
                let x = x.index_select(wanted, 0)?;
                let q = query.forward(&x)?;
                (x, q, k, v, batch.ones())
            }
        };
        let mixed = self
            .attention
            .attend([&q, &k, &v], &queries, batch.lengths())?;
        let x = self
            .attention_norm
            .of_sum(&x, &self.attention_out.forward(&mixed)?)?;
        self.mlp.forward(&x)
    }

    /// All blocks; the first token of each text comes out, `[texts, width]`.
    pub(super) fn run(
        blocks: &[Self],
        mut x: Tensor,
        batch: &Batch<'_>,
        device: &Device,
    ) -> CandleResult<Tensor> {
        let firsts = batch.firsts(device)?;
        for (layer, block) in blocks.iter().enumerate() {
            batch.go_on()?;
            // After the last layer nothing but each text's first token is read.
            let wanted = (layer + 1 == blocks.len()).then_some(&firsts);
            x = block.forward(&x, batch, wanted)?;
        }
        Ok(x)
    }
}

/// Two linear layers with an activation between, added to their input and then normed.
#[derive(Debug)]
pub(super) struct Mlp {
    input: Linear,
    output: Linear,
    activation: Activation,
    norm: Norm,
}

impl Mlp {
    pub(super) fn load(
        loader: &Loader<'_>,
        at: &str,
        names: &EncoderNames,
        [width, inner]: [usize; 2],
        (eps, activation): (f64, Activation),
    ) -> Result<Self> {
        Ok(Self {
            input: loader.linear(&format!("{at}.{}", names.mlp_in), [inner, width])?,
            output: loader.linear(&format!("{at}.{}", names.mlp_out), [width, inner])?,
            activation,
            norm: loader.norm(&format!("{at}.{}", names.mlp_norm), width, eps)?,
        })
    }

    pub(super) fn inner(&self) -> usize {
        self.input.outputs()
    }

    pub(super) fn forward(&self, x: &Tensor) -> CandleResult<Tensor> {
        let inner = self.input.activated(x, self.activation)?;
        self.norm.of_sum(x, &self.output.forward(&inner)?)
    }
}
