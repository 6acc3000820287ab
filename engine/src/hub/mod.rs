//! Models by their names on a hub, found in the cache that Hugging Face's own programs keep.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | name | `org/name[/file.gguf][@revision]` → its parts, safe as parts of paths and addresses | `id` |
//! | place | the environment → the cache's folder | `cache` |
//! | look | a name → its snapshot here, or what of it is missing | `look` |
//! | locate | a path of a file → what lies there, or the model of that name | `locate` |
//! | list | the files of a repository → those that a model is loaded from | `needed` |
//! | bring | what is missing → the cache, by whoever speaks to a network | [`Fetch`] |
//!
//! Nothing here speaks to a network: `paretoscope-hub` does, and is handed in.
//! The layout is that of `huggingface_hub`: `models--ORG--NAME/{refs/REVISION, snapshots/COMMIT/FILE, blobs/ETAG}`.

mod cache;
mod fetch;
mod id;
mod locate;
mod look;
mod needed;

pub use cache::{Cache, is_offline};
pub use fetch::{Fetch, Fetched, Fetcher};
pub use id::{HubId, is_commit, is_path};
pub use locate::{locate, missing_id};
pub use look::Look;
pub use needed::needed;
