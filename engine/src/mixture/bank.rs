//! All experts that a model has loaded, before they are laid out module by module.

use std::collections::BTreeSet;

use crate::weights::{Adapter, RouterExpert};

/// A router expert in the bank.
#[derive(Debug, Clone)]
pub struct BankRouter {
    /// Its layers.
    pub expert: RouterExpert,
    /// Votes at modules that it has no layer for: the barycentric weights of its preference over
    /// the bank's adapters.
    pub fallback: Vec<f32>,
}

/// Adapters (LoRA experts first, then value vectors of their own) and routers.
#[derive(Debug, Clone, Default)]
pub struct Bank {
    /// Everything additive.
    pub adapters: Vec<Adapter>,
    /// How many of `adapters` are LoRA experts: the first ones.
    pub experts: usize,
    /// Everything that votes.
    pub routers: Vec<BankRouter>,
}

impl Bank {
    /// Drops the numbers of module `path`, which have been laid out elsewhere, so that memory never holds
    /// all experts twice. What modules there are, and of which ranks, stays known.
    pub fn release(&mut self, path: &str) {
        for adapter in &mut self.adapters {
            if let Some(factor) = adapter.factors.get_mut(path) {
                (factor.a, factor.b) = (Vec::new(), Vec::new());
            }
        }
        for router in &mut self.routers {
            if let Some(site) = router.expert.sites.get_mut(path) {
                site.weight = Vec::new();
            }
        }
    }

    /// Paths of the modules that any adapter touches, in the order of `linears`.
    pub fn sites(&self, linears: &[(String, [usize; 2])]) -> Vec<String> {
        let touched: BTreeSet<&String> = self
            .adapters
            .iter()
            .flat_map(|a| a.factors.keys())
            .collect();
        linears
            .iter()
            .map(|(path, _)| path)
            .filter(|path| touched.contains(path))
            .cloned()
            .collect()
    }
}
