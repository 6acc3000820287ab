//! Opens the window on the engine, on what brings models of a hub, and on what asks judges.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use paretoscope::app::{App, NAME, StartOptions};
use paretoscope::start_clock::StartClock;
use paretoscope::{locate, window};
use paretoscope_engine::device::{DeviceChoice, Precision};
use paretoscope_engine::protocol::Waker;
use paretoscope_engine::runtime::{EngineOptions, spawn};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// See and steer the trade-offs of a language model.
#[derive(Debug, Parser)]
#[command(name = "paretoscope", version)]
struct Options {
    /// A bundle's folder, or a base model alone: its folder, a .gguf file or a hub id, org/name (else the last one used, else
    /// the demonstration bundle); and a study (.study; else the last one opened, else one in the data folder), in any order
    #[arg(value_name = "BUNDLE|BASE|STUDY", num_args = 0..=2)]
    open: Vec<PathBuf>,
    /// Where to compute: auto, cpu, cuda, cuda:N or metal
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Type of the weights in memory: auto, f32, f16 or bf16 (auto is the file's on a CPU, bf16 on an NVIDIA GPU)
    #[arg(long, default_value_t)]
    dtype: Precision,
    /// Rows of a sweep that run together
    #[arg(long, default_value_t = EngineOptions::default().slots)]
    slots: usize,
    /// Print the seconds to the first frame and to the bundle in use, then close
    #[arg(long)]
    time_start: bool,
}

fn main() -> anyhow::Result<()> {
    let begun = Instant::now();
    let options = Options::parse();
    let filter =
        EnvFilter::try_from_env("PARETOSCOPE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();

    let engine = EngineOptions {
        device: options.device,
        dtype: options.dtype,
        slots: options.slots,
        #[cfg(feature = "hub")]
        fetch: Some(Arc::new(paretoscope_hub::Downloader::of_env())),
        #[cfg(not(feature = "hub"))]
        fetch: None,
    };
    let is_study = |path: &PathBuf| {
        let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        matches!(
            ending.as_deref(),
            Some("study" | "db" | "sqlite" | "sqlite3")
        )
    };
    let (studies, bundles): (Vec<PathBuf>, Vec<PathBuf>) =
        options.open.into_iter().partition(is_study);
    if studies.len() > 1 || bundles.len() > 1 {
        anyhow::bail!("one bundle and one study at most; a study ends on .study or .db");
    }
    let study = studies.into_iter().next();
    let bundle = bundles.first().map(|path| locate::bundle_folder(path));
    window::open(NAME, move |creation| {
        let context = creation.egui_ctx.clone();
        let wake: Waker = Arc::new(move || context.request_repaint());
        let handle = spawn(engine, Arc::clone(&wake))?;
        let mut start = StartOptions::new(bundle, study);
        #[cfg(feature = "judge")]
        {
            start.judge = Some(paretoscope_judge::spawn(wake)?);
        }
        start.clock = options.time_start.then(|| StartClock::new(begun));
        Ok(App::new(creation, handle, start))
    })
    .map_err(|error| anyhow::anyhow!("the window could not be opened: {error}"))
}
