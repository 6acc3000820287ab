//! Linear modules that read the same input, with their experts, as tensors: the concatenation of ranks
//! of `mixture::MixedGroup`, in one product for the base weights of all modules, one for all first
//! factors and router rows, and one per module for its second factors.

use candle_core::{D, DType, Device, Result, Tensor};

use super::gates::{Pattern, Recorder, StepGates};
use crate::mixture::{Bank, TokenGates};
use crate::types::RouterActivation;
use crate::weights::{LoraFactor, RouterSite};

/// A linear module's own numbers, as read.
pub(super) struct LinearWeights {
    pub(super) path: String,
    /// Outputs and inputs.
    pub(super) shape: [usize; 2],
    /// `[out, in]`, row-major.
    pub(super) weight: Vec<f32>,
    /// `[out]`.
    pub(super) bias: Option<Vec<f32>>,
}

/// Where tensors go; the patterns that were met on the way.
pub(super) struct Placer {
    pub(super) device: Device,
    pub(super) dtype: DType,
    patterns: Vec<Vec<u32>>,
}

impl Placer {
    pub(super) fn new(device: &Device, dtype: DType) -> Self {
        Self {
            device: device.clone(),
            dtype,
            patterns: Vec::new(),
        }
    }

    /// Numbers on the device in the model's type; cast before they travel.
    pub(super) fn place(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        Tensor::from_vec(values, shape, &Device::Cpu)?
            .to_dtype(self.dtype)?
            .to_device(&self.device)
    }

    /// Numbers that stay f32.
    fn exact(&self, values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
        Tensor::from_vec(values, shape, &self.device)
    }

    fn pattern(&mut self, columns: Vec<u32>) -> Result<Pattern> {
        let tensor = Tensor::from_slice(&columns, columns.len(), &self.device)?;
        let known = self.patterns.iter().position(|known| *known == columns);
        let id = known.unwrap_or(self.patterns.len());
        if known.is_none() {
            self.patterns.push(columns);
        }
        Ok(Pattern {
            id,
            columns: tensor,
        })
    }
}

/// Experts beside the bank's on one group, laid out as a bank's are.
#[derive(Debug)]
struct SideGroup {
    /// First factors and router rows, `[columns, in]`.
    first: Option<Tensor>,
    /// One per module.
    modules: Vec<Option<ModuleMixture>>,
}

/// The experts of a side bank as tensors, see [`crate::mixture::SideBank`].
#[derive(Debug)]
pub struct TensorSide {
    groups: Vec<SideGroup>,
}

impl TensorSide {
    /// Lays out a bank for the groups of a model, in order.
    pub(super) fn new<'g>(
        groups: impl Iterator<Item = &'g TensorGroup>,
        bank: &mut Bank,
        placer: &mut Placer,
    ) -> Result<Self> {
        let mut laid = Vec::new();
        for group in groups {
            let inner = group.weight.dim(1)?;
            let mut first = Vec::new();
            let mut modules = Vec::with_capacity(group.modules.len());
            for module in &group.modules {
                modules.push(ModuleMixture::new(
                    &module.path,
                    module.out,
                    inner,
                    bank,
                    &mut first,
                    placer,
                )?);
            }
            let columns = first.len().checked_div(inner).unwrap_or(0);
            laid.push(SideGroup {
                first: (columns > 0)
                    .then(|| placer.place(first, &[columns, inner]))
                    .transpose()?,
                modules,
            });
        }
        Ok(Self { groups: laid })
    }

    /// Bytes of weights held.
    pub fn bytes(&self) -> usize {
        let group = |group: &SideGroup| {
            let seconds = group.modules.iter().flatten().map(|m| bytes(&m.second));
            seconds.sum::<usize>() + group.first.as_ref().map_or(0, bytes)
        };
        self.groups.iter().map(group).sum()
    }
}

/// The tokens of a step that carry one side bank, on the device.
pub(super) struct StepSide<'a> {
    bank: &'a TensorSide,
    /// Their places in the step, u32.
    tokens: Tensor,
    gates: StepGates,
}

impl<'a> StepSide<'a> {
    /// Of each side bank that a token of the step carries.
    pub(super) fn all(
        gates: &TokenGates<'a, TensorSide>,
        device: &Device,
        dtype: DType,
    ) -> Result<Vec<Self>> {
        let carried = gates.sides().iter().filter(|side| !side.tokens.is_empty());
        carried
            .map(|side| {
                let tokens: Vec<u32> = side.tokens.iter().map(|&token| token as u32).collect();
                let rows = TokenGates::new(side.gates.iter().map(|gates| (1, *gates)));
                Ok(Self {
                    bank: side.bank,
                    tokens: Tensor::from_vec(tokens, side.tokens.len(), device)?,
                    gates: StepGates::new(&rows, device, dtype)?,
                })
            })
            .collect()
    }

    /// Adds what these experts say at group `place` to the outputs of its modules; `x` is what the group read.
    fn add(&mut self, place: usize, x: &Tensor, outputs: &mut [Tensor]) -> Result<()> {
        let group = self.bank.groups.get(place);
        let Some((group, first)) = group.and_then(|g| Some((g, g.first.as_ref()?))) else {
            return Ok(());
        };
        if !self.gates.any() {
            return Ok(());
        }
        let low = x.index_select(&self.tokens, 0)?.matmul(&first.t()?)?;
        for (mixture, output) in group.modules.iter().zip(outputs) {
            let Some(mixture) = mixture else { continue };
            let votes = |fixed: &Tensor, shares: &Tensor| mixture.votes(&low, fixed, shares);
            if let Some((spread, _)) = self.gates.spread(&mixture.pattern, votes)? {
                let z = (low.narrow(1, mixture.from, mixture.ranks)? * spread)?;
                let said = z.matmul(&mixture.second.t()?)?;
                *output = output.index_add(&self.tokens, &said, 0)?;
            }
        }
        Ok(())
    }
}

/// Modules with one input and all experts on them.
#[derive(Debug)]
pub(in crate::model) struct TensorGroup {
    /// Base weights, one module above the other, `[sum of outs, in]`.
    weight: Tensor,
    /// `[sum of outs]`, zero where a module has none.
    bias: Option<Tensor>,
    /// First factors and router rows of all modules, `[columns, in]`.
    first: Option<Tensor>,
    modules: Vec<Module>,
    /// Its place among the model's groups.
    place: usize,
}

#[derive(Debug)]
struct Module {
    path: String,
    out: usize,
    mixture: Option<ModuleMixture>,
}

/// The experts of one module.
#[derive(Debug)]
struct ModuleMixture {
    /// Second factors, scales folded in, `[out, ranks]`.
    second: Tensor,
    /// First of its rank columns in the product with `first`.
    from: usize,
    ranks: usize,
    pattern: Pattern,
    routers: Vec<RouterLayer>,
    /// Votes of routers that have no layer here, `[routers, adapters]`, f32; zero for those that have.
    fallback: Option<Tensor>,
}

/// One router's layer at one module.
#[derive(Debug)]
struct RouterLayer {
    router: usize,
    /// Its columns in the product with `first`.
    from: usize,
    count: usize,
    /// `[outputs]`, f32.
    bias: Tensor,
    activation: RouterActivation,
    /// One where an output votes for an adapter, `[outputs, adapters]`, f32.
    targets: Tensor,
}

impl TensorGroup {
    /// Lays out the bank's experts for the modules of a group.
    pub(super) fn new(
        specs: Vec<LinearWeights>,
        bank: &mut Bank,
        placer: &mut Placer,
        place: usize,
    ) -> Result<Self> {
        let inner = specs.first().map_or(0, |spec| spec.shape[1]);
        let outs: usize = specs.iter().map(|spec| spec.shape[0]).sum();
        let biased = specs.iter().any(|spec| spec.bias.is_some());
        let (mut weight, mut bias) = (Vec::new(), Vec::new());
        let (mut first, mut modules) = (Vec::new(), Vec::new());
        for spec in specs {
            let out = spec.shape[0];
            if weight.is_empty() {
                weight = spec.weight;
            } else {
                weight.extend_from_slice(&spec.weight);
            }
            bias.extend(spec.bias.unwrap_or_else(|| vec![0.0; out]));
            modules.push(Module {
                mixture: ModuleMixture::new(&spec.path, out, inner, bank, &mut first, placer)?,
                path: spec.path,
                out,
            });
        }
        let columns = first.len().checked_div(inner).unwrap_or(0);
        Ok(Self {
            weight: placer.place(weight, &[outs, inner])?,
            bias: biased.then(|| placer.place(bias, &[outs])).transpose()?,
            first: (columns > 0)
                .then(|| placer.place(first, &[columns, inner]))
                .transpose()?,
            modules,
            place,
        })
    }

    /// A group of one module whose weight is on the device already: the output layer that is the embedding.
    pub(super) fn tied(
        path: &str,
        weight: &Tensor,
        bias: Option<Vec<f32>>,
        bank: &mut Bank,
        placer: &mut Placer,
        place: usize,
    ) -> Result<Self> {
        let (out, inner) = weight.dims2()?;
        let mut first = Vec::new();
        let mixture = ModuleMixture::new(path, out, inner, bank, &mut first, placer)?;
        let columns = first.len() / inner;
        Ok(Self {
            weight: weight.clone(),
            bias: bias.map(|bias| placer.place(bias, &[out])).transpose()?,
            first: (columns > 0)
                .then(|| placer.place(first, &[columns, inner]))
                .transpose()?,
            modules: vec![Module {
                path: path.to_owned(),
                out,
                mixture,
            }],
            place,
        })
    }

    /// As `mixture::MixedGroup::set_router`.
    pub(in crate::model) fn set_router(
        &mut self,
        router: usize,
        path: &str,
        site: &RouterSite,
    ) -> Result<bool> {
        let mixture = self.modules.iter_mut().find(|m| m.path == path);
        let Some(mixture) = mixture.and_then(|m| m.mixture.as_mut()) else {
            return Ok(false);
        };
        let layer = mixture.routers.iter_mut().find(|l| l.router == router);
        let (Some(layer), Some(first)) = (layer, self.first.as_mut()) else {
            return Ok(false);
        };
        let inner = first.dim(1)?;
        if layer.count != site.bias.len() || site.weight.len() != layer.count * inner {
            return Ok(false);
        }
        let weight = like(first, &site.weight, &[layer.count, inner])?;
        *first = first.slice_scatter0(&weight, layer.from)?;
        layer.bias = Tensor::from_slice(&site.bias, layer.count, first.device())?;
        Ok(true)
    }

    /// As `mixture::MixedGroup::set_adapter`.
    pub(in crate::model) fn set_adapter(
        &mut self,
        adapter: usize,
        path: &str,
        factor: &LoraFactor,
    ) -> Result<bool> {
        let mixture = self.modules.iter_mut().find(|m| m.path == path);
        let (Some(mixture), Some(first)) = (
            mixture.and_then(|m| m.mixture.as_mut()),
            self.first.as_mut(),
        ) else {
            return Ok(false);
        };
        let columns: Vec<u32> = mixture.pattern.columns.to_vec1()?;
        let is_its = |&&column: &&u32| column as usize == adapter;
        let rank = columns.iter().filter(is_its).count();
        let Some(column) = columns.iter().position(|column| is_its(&column)) else {
            return Ok(false);
        };
        let (inner, out) = (first.dim(1)?, mixture.second.dim(0)?);
        if factor.rank != rank || factor.a.len() != rank * inner || factor.b.len() != out * rank {
            return Ok(false);
        }
        let a = like(first, &factor.a, &[rank, inner])?;
        *first = first.slice_scatter0(&a, mixture.from + column)?;
        let scaled: Vec<f32> = factor.b.iter().map(|b| b * factor.scale).collect();
        let b = like(&mixture.second, &scaled, &[out, rank])?;
        // Rows of the transpose are columns.
        let second = mixture.second.t()?.contiguous()?;
        let second = second.slice_scatter0(&b.t()?.contiguous()?, column)?;
        mixture.second = second.t()?.contiguous()?;
        Ok(true)
    }

    /// Bytes of the experts' weights, and of all.
    pub(super) fn bytes(&self) -> usize {
        let seconds = self.modules.iter().filter_map(|m| m.mixture.as_ref());
        let experts = seconds.map(|m| bytes(&m.second)).sum::<usize>();
        let parts = [Some(&self.weight), self.bias.as_ref(), self.first.as_ref()];
        experts + parts.into_iter().flatten().map(bytes).sum::<usize>()
    }

    /// Applies every module of the group to `x`, `[tokens, in]`; one contiguous `[tokens, out]` each.
    pub(super) fn forward(
        &self,
        x: &Tensor,
        gates: &mut StepGates,
        sides: &mut [StepSide<'_>],
        mut recorder: Option<&mut Recorder<'_>>,
    ) -> Result<Vec<Tensor>> {
        let mut base = x.matmul(&self.weight.t()?)?;
        if let Some(bias) = &self.bias {
            base = base.broadcast_add(bias)?;
        }
        let low = match &self.first {
            Some(first) if gates.any() => Some(x.matmul(&first.t()?)?),
            _ => None,
        };
        let mut outputs = Vec::with_capacity(self.modules.len());
        let mut at = 0;
        for module in &self.modules {
            let mut output = base.narrow(1, at, module.out)?;
            at += module.out;
            if let (Some(low), Some(mixture)) = (&low, &module.mixture) {
                let votes = |fixed: &Tensor, shares: &Tensor| mixture.votes(low, fixed, shares);
                if let Some((spread, applied)) = gates.spread(&mixture.pattern, votes)? {
                    let z = (low.narrow(1, mixture.from, mixture.ranks)? * spread)?;
                    output = (output + z.matmul(&mixture.second.t()?)?)?;
                    if let Some(recorder) = recorder.as_deref_mut() {
                        recorder.note(&module.path, gates, applied);
                    }
                }
            }
            outputs.push(output.contiguous()?);
        }
        for side in sides {
            side.add(self.place, x, &mut outputs)?;
        }
        Ok(outputs)
    }
}

impl ModuleMixture {
    /// Appends the module's first factors and router rows to `first`. `None` where no adapter is on it.
    fn new(
        path: &str,
        out: usize,
        inner: usize,
        bank: &mut Bank,
        first: &mut Vec<f32>,
        placer: &mut Placer,
    ) -> Result<Option<Self>> {
        let factors: Vec<(usize, &LoraFactor)> = bank
            .adapters
            .iter()
            .enumerate()
            .filter_map(|(index, adapter)| adapter.factors.get(path).map(|f| (index, f)))
            .collect();
        let ranks: usize = factors.iter().map(|(_, factor)| factor.rank).sum();
        if ranks == 0 {
            return Ok(None);
        }
        let from = first.len() / inner;
        let mut second = vec![0.0; out * ranks];
        let (mut columns, mut at) = (Vec::with_capacity(ranks), 0);
        for (index, factor) in factors {
            first.extend_from_slice(&factor.a);
            let rows = second.chunks_exact_mut(ranks);
            for (row, b) in rows.zip(factor.b.chunks_exact(factor.rank)) {
                for (target, value) in row[at..].iter_mut().zip(b) {
                    *target = factor.scale * value;
                }
            }
            columns.extend(std::iter::repeat_n(index as u32, factor.rank));
            at += factor.rank;
        }
        let (adapters, routers) = (bank.adapters.len(), bank.routers.len());
        let mut layers = Vec::new();
        let mut fallback = vec![0.0; routers * adapters];
        for (index, router) in bank.routers.iter().enumerate() {
            let Some(site) = router.expert.sites.get(path) else {
                let votes = &mut fallback[index * adapters..][..adapters];
                for (to, from) in votes.iter_mut().zip(&router.fallback) {
                    *to = *from;
                }
                continue;
            };
            let outputs = &router.expert.outputs;
            let mut targets = vec![0.0; outputs.len() * adapters];
            for (row, &adapter) in targets.chunks_exact_mut(adapters).zip(outputs) {
                row[adapter] = 1.0;
            }
            layers.push(RouterLayer {
                router: index,
                from: first.len() / inner,
                count: outputs.len(),
                bias: placer.exact(site.bias.clone(), &[outputs.len()])?,
                activation: router.expert.activation,
                targets: placer.exact(targets, &[outputs.len(), adapters])?,
            });
            first.extend_from_slice(&site.weight);
        }
        bank.release(path);
        Ok(Some(Self {
            second: placer.place(second, &[out, ranks])?,
            from,
            ranks,
            pattern: placer.pattern(columns)?,
            fallback: (layers.len() < routers)
                .then(|| placer.exact(fallback, &[routers, adapters]))
                .transpose()?,
            routers: layers,
        }))
    }

    /// `fixed` plus every router's share of its votes, `[tokens, adapters]`; `low` is the product with the
    /// group's first factors.
    fn votes(&self, low: &Tensor, fixed: &Tensor, shares: &Tensor) -> Result<Tensor> {
        let mut gates = fixed.clone();
        if let Some(fallback) = &self.fallback {
            gates = (gates + shares.matmul(fallback)?)?;
        }
        for layer in &self.routers {
            let scores = low
                .narrow(1, layer.from, layer.count)?
                .to_dtype(DType::F32)?
                .broadcast_add(&layer.bias)?;
            let votes = match layer.activation {
                RouterActivation::Softmax => candle_nn::ops::softmax(&scores, D::Minus1)?,
                RouterActivation::None => scores,
            };
            let share = shares.narrow(1, layer.router, 1)?;
            gates = (gates + votes.matmul(&layer.targets)?.broadcast_mul(&share)?)?;
        }
        Ok(gates)
    }
}

/// Numbers as a tensor of another's type and device.
fn like(other: &Tensor, values: &[f32], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(values, shape, &Device::Cpu)?
        .to_dtype(other.dtype())?
        .to_device(other.device())
}

/// Bytes that a tensor holds.
pub(super) fn bytes(tensor: &Tensor) -> usize {
    tensor.elem_count() * tensor.dtype().size_in_bytes()
}
