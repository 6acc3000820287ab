//! A path that a file or a person names → what lies there, or the hub's model of that name.

use std::path::{Path, PathBuf};

use super::cache::{Cache, is_offline};
use super::id::HubId;
use super::look::Look;
use crate::{Error, Result};

/// Where a path leads that stands in a file of `folder`, or on a command line with an empty `folder`: to what lies
/// there, or, where nothing does and it reads as a name, to the model of that name in the cache. A path that is neither is
/// left as it is, for its reader to say what is missing.
pub fn locate(folder: &Path, path: &Path) -> Result<PathBuf> {
    let here = folder.join(path);
    match missing_id(folder, path) {
        None => Ok(here),
        Some(id) => match Cache::of_env()?.look(&id)? {
            Look::Here(place) => Ok(place),
            Look::Missing(what) => Err(not_here(&here, &id, &what)),
        },
    }
}

/// The name that a path is where nothing lies at it.
pub fn missing_id(folder: &Path, path: &Path) -> Option<HubId> {
    let there = folder.join(path).symlink_metadata().is_ok();
    (!there).then(|| HubId::of_path(path)).flatten()
}

/// What is missing, and what brings it.
fn not_here(here: &Path, id: &HubId, what: &str) -> Error {
    let offline = if is_offline() {
        ", without HF_HUB_OFFLINE, which is set and keeps this program from the network"
    } else {
        ""
    };
    Error::file(
        here,
        format!(
            "there is no such path; as a hub id it is not whole in the local cache ({what}); `paretoscope-engine fetch {id}` brings it{offline}"
        ),
    )
}
