//! Brings models of a hub into the local cache that Hugging Face's own programs keep.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | settings | the environment → where to ask, and with which token | `endpoint` |
//! | ask | an address → a reply; redirections are followed here, and the token stays with its host | `client` |
//! | list | a name → the commit and its files; a file → its size and etag | `listing` |
//! | bring | a file → `blobs/ETAG`, through `.incomplete`, checked | `blob` |
//! | all | a name → every file that a model is loaded from, and the links to them | `downloader` |
//!
//! Without async: one request at a time. What it asks, with `E` for the endpoint: `GET E/api/models/ID/revision/REV`, then for
//! each file `HEAD` and `GET E/ID/resolve/COMMIT/FILE` with `Range`. What is read of a cache is the library's `hub`.
#![warn(missing_docs)]

mod blob;
mod client;
mod downloader;
mod endpoint;
mod listing;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

pub use downloader::Downloader;
pub use endpoint::{Endpoint, Token};
