//! Experts of a row beside the bundle's bank: how they come about, and how much of each counts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::bundle::Bundle;
use crate::forge::merge::{self, MergeOutput, MergeSettings};
use crate::forge::{CompressSettings, Precision};
use crate::mixture::{Bank, BankRouter};
use crate::model::SideExperts;
use crate::study::{Fields, Uid};
use crate::types::RowGates;
use crate::weights::{Adapter, RouterExpert};
use crate::{Error, Result};

/// How the adapters of a side bank come about.
#[derive(Debug, Clone)]
pub enum Recipe {
    /// As they stand, in memory.
    Loaded(Vec<Arc<Adapter>>),
    /// Experts and a router over them, trained together, as they stand in memory.
    Routed(Vec<Arc<Adapter>>, Arc<RouterExpert>),
    /// A merge of adapters on disk.
    Merged {
        /// Their folders.
        sources: Vec<PathBuf>,
        /// Digests of their tensors.
        digests: Vec<String>,
        /// How.
        settings: MergeSettings,
        /// Rank of what is made; `None` keeps what a sum of factors has by itself.
        rank: Option<usize>,
    },
}

impl Recipe {
    /// Names what comes out: equal digests are equal experts.
    pub fn digest(&self) -> String {
        let mut fields = Fields::new("paretoscope side bank 1");
        match self {
            Self::Loaded(adapters) => {
                fields.text("loaded");
                for adapter in adapters {
                    fields.text(&adapter.digest);
                }
            }
            Self::Routed(adapters, router) => {
                fields.text("routed");
                for adapter in adapters {
                    fields.text(&adapter.digest);
                }
                fields.text(&router.digest);
            }
            Self::Merged {
                digests,
                settings,
                rank,
                ..
            } => {
                fields.text("merged");
                for digest in digests {
                    fields.text(digest);
                }
                // Settings are plain numbers and words; their JSON is one.
                fields.text(&serde_json::to_string(settings).unwrap_or_default());
                fields.count(rank.map_or(0, |rank| rank + 1));
            }
        }
        Uid(fields.digest().to_vec()).to_string()
    }

    /// The adapters, for a model with these linear modules.
    fn make(&self, linears: &[(String, [usize; 2])]) -> Result<Bank> {
        let adapters = self.adapters(linears)?;
        let routers = match self {
            Self::Routed(_, router) => vec![BankRouter {
                expert: router.as_ref().clone(),
                // Where it has no layer, all its experts speak alike.
                fallback: vec![1.0 / adapters.len().max(1) as f32; adapters.len()],
            }],
            Self::Loaded(_) | Self::Merged { .. } => Vec::new(),
        };
        Ok(Bank {
            experts: adapters.len(),
            adapters,
            routers,
        })
    }

    fn adapters(&self, linears: &[(String, [usize; 2])]) -> Result<Vec<Adapter>> {
        match self {
            Self::Loaded(adapters) | Self::Routed(adapters, _) => {
                Ok(adapters.iter().map(|a| a.as_ref().clone()).collect())
            }
            Self::Merged {
                sources,
                settings,
                rank,
                ..
            } => {
                let place = Path::new("the folder for temporary files");
                let scratch = tempfile::tempdir().map_err(Error::io("write to", place))?;
                let folder = scratch.path().join("merged");
                let output = MergeOutput::Adapter {
                    folder: folder.clone(),
                    compress: rank.map(|rank| CompressSettings {
                        rank,
                        ..CompressSettings::default()
                    }),
                    precision: Precision::F32,
                };
                merge::merge(sources, None, settings, &output, &mut |_progress| Ok(()))?;
                Ok(vec![Adapter::load(&folder, linears)?])
            }
        }
    }
}

/// Experts of a row beside the bank's.
#[derive(Debug, Clone)]
pub struct SidePlan {
    recipe: Arc<Recipe>,
    digest: String,
    /// One coefficient per adapter of the recipe.
    pub gates: RowGates,
}

impl SidePlan {
    /// Of a recipe, under these gates.
    pub fn new(recipe: Recipe, gates: RowGates) -> Self {
        Self {
            digest: recipe.digest(),
            recipe: Arc::new(recipe),
            gates,
        }
    }

    /// Names what the experts are, whoever made them.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The experts, laid out for the bundle's model; made where they are not there.
    pub fn experts(&self, bundle: &Bundle) -> Result<Arc<SideExperts>> {
        let make = || self.recipe.make(&bundle.model.config().linears());
        bundle.workshop.experts(&bundle.model, &self.digest, make)
    }
}
