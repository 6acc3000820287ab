//! Experts that methods made or were given for rows of their own, laid out once and kept while they are used.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Result;
use crate::mixture::Bank;
use crate::model::{Decoder, SideExperts};
use crate::weights::{Adapter, RouterExpert};

/// Side banks that are kept at most, the least used let go first. A row holds its own as long as it runs.
const KEPT: usize = 128;

/// What stands beside a bundle's bank.
#[derive(Debug, Default)]
pub struct Workshop {
    kept: Mutex<VecDeque<(String, Arc<SideExperts>)>>,
    /// Adapters of trained parts, as read.
    adapters: Mutex<HashMap<PathBuf, Arc<Adapter>>>,
    /// Routers of trained parts, as read.
    routers: Mutex<HashMap<PathBuf, Arc<RouterExpert>>>,
}

impl Workshop {
    /// The experts of this name, laid out for the bundle's model; made where they are not there.
    pub fn experts(
        &self,
        model: &Decoder,
        digest: &str,
        make: impl FnOnce() -> Result<Bank>,
    ) -> Result<Arc<SideExperts>> {
        if let Some(found) = self.find(digest) {
            return Ok(found);
        }
        // Outside the lock: a merge takes its time, and other rows go on.
        let mut bank = make()?;
        let made = Arc::new(model.side(&mut bank)?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Two rows may have made it at once; all carry the first one, and so run in one product.
        if let Some((_, found)) = kept.iter().find(|(known, _)| known == digest) {
            return Ok(Arc::clone(found));
        }
        kept.push_back((digest.to_owned(), Arc::clone(&made)));
        if kept.len() > KEPT {
            kept.pop_front();
        }
        Ok(made)
    }

    /// A trained part's adapter, read once while the bundle is loaded.
    pub fn adapter(&self, folder: &Path, linears: &[(String, [usize; 2])]) -> Result<Arc<Adapter>> {
        let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = adapters.get(folder) {
            return Ok(Arc::clone(found));
        }
        let adapter = Arc::new(Adapter::load(folder, linears)?);
        adapters.insert(folder.to_path_buf(), Arc::clone(&adapter));
        Ok(adapter)
    }

    /// A trained part's router over adapters of these names.
    pub fn router(
        &self,
        folder: &Path,
        linears: &[(String, [usize; 2])],
        names: &[String],
    ) -> Result<Arc<RouterExpert>> {
        let mut routers = self.routers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = routers.get(folder) {
            return Ok(Arc::clone(found));
        }
        let router = Arc::new(RouterExpert::load(folder, linears, names)?);
        routers.insert(folder.to_path_buf(), Arc::clone(&router));
        Ok(router)
    }

    fn find(&self, digest: &str) -> Option<Arc<SideExperts>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == digest)?;
        let found = kept.remove(at)?;
        let experts = Arc::clone(&found.1);
        kept.push_back(found);
        Some(experts)
    }
}
