//! `fetch`: a model of a hub, into the local cache; and the same on the way of loading one.

use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use paretoscope_engine::bundle::wanted_of_hub;
use paretoscope_engine::hub::{Cache, Fetch as _, Fetched, Fetcher, HubId, Look, is_offline};
use paretoscope_engine::types::shown;
use paretoscope_engine::{Error, Result};
use paretoscope_hub::Downloader;
use serde_json::json;

use crate::interrupt::Interrupt;
use crate::print::json_line;

/// Options of `fetch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// org/name, org/name@revision, or org/name/file.gguf where there are several
    #[arg(value_name = "ORG/NAME")]
    id: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let id: HubId = args.id.parse()?;
    let cache = Cache::of_env()?;
    bring(&id, &cache)?;
    match cache.look(&id)? {
        Look::Here(place) => json_line(&json!({ "id": id.to_string(), "path": shown(&place) })),
        Look::Missing(what) => Err(Error::option(id.to_string(), what)),
    }
}

/// What brings models where a command loads some.
pub(crate) fn fetcher() -> Fetcher {
    Arc::new(Downloader::of_env())
}

/// Brings what opening `place` needs of a hub and what is not here; nothing while the network is forbidden.
pub(crate) fn bring_for(place: &std::path::Path, rewards: bool) -> Result<()> {
    if is_offline() {
        return Ok(());
    }
    let wanted = wanted_of_hub(place, rewards)?;
    wanted
        .iter()
        .try_for_each(|id| bring(id, &Cache::of_env()?))
}

fn bring(id: &HubId, cache: &Cache) -> Result<()> {
    let mut bar = FetchBar::new(&id.to_string());
    Downloader::of_env().fetch(id, cache, &mut |fetched| bar.show(fetched))
}

/// How far a fetch is, with the time that is left; Ctrl-C stops it where it goes on later.
pub(crate) struct FetchBar {
    shown: ProgressBar,
    interrupt: Interrupt,
}

impl FetchBar {
    pub(crate) fn new(what: &str) -> Self {
        let shown = ProgressBar::new(0);
        let form = "{msg} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style = ProgressStyle::with_template(form);
        shown.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        shown.set_message(format!("Fetching {what}"));
        shown.enable_steady_tick(Duration::from_millis(200));
        Self {
            shown,
            interrupt: Interrupt::listen(),
        }
    }

    pub(crate) fn show(&mut self, fetched: Fetched) -> Result<()> {
        if fetched.of > 0 {
            self.shown.set_length(fetched.of);
            self.shown.set_position(fetched.bytes);
        }
        self.interrupt.check()
    }
}

impl Drop for FetchBar {
    fn drop(&mut self) {
        self.shown.finish_and_clear();
    }
}
