//! Experts made without training: `extract`, `merge`, `dependence`, `export`, `bundle`.

pub(crate) mod bundle;
pub(crate) mod dependence;
pub(crate) mod export;
pub(crate) mod extract;
pub(crate) mod merge;
pub(crate) mod search;

use std::time::Duration;

pub(crate) use self::bundle::StepBar;
use indicatif::{ProgressBar, ProgressStyle};
use paretoscope_engine::device::{self, DeviceChoice};
use paretoscope_engine::forge::{
    CompressSettings, Figures, ModuleFigures, Precision, Progress, RangeFinder, Rescale,
};
use paretoscope_engine::{Error, Result};

use crate::interrupt::Interrupt;
use crate::options::Global;

/// A bar on standard error with the time that is left (nothing where that is no terminal), which also
/// hears of Ctrl-C.
pub(crate) struct Bar {
    shown: ProgressBar,
    stage: &'static str,
    interrupt: Interrupt,
}

impl Bar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0);
        let style =
            ProgressStyle::with_template("{msg} {bar:30} {percent}% {elapsed} so far, {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(500));
        Self {
            shown: bar,
            stage: "",
            interrupt: Interrupt::listen(),
        }
    }

    /// Shows how far a step is; [`Error::Cancelled`] where it should stop.
    pub(crate) fn show(&mut self, progress: Progress) -> Result<()> {
        if self.stage != progress.stage || progress.done == 0 {
            self.stage = progress.stage;
            self.shown.reset_eta();
            self.shown.set_message(progress.stage);
            self.shown.set_length(progress.total);
        }
        self.shown.set_position(progress.done);
        self.interrupt.check()
    }

    pub(crate) fn finish(&self) {
        self.shown.finish_and_clear();
    }
}

/// How an adapter is compressed.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Compression {
    /// Share of the smallest magnitudes, over all modules together, that is set to zero
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        allow_hyphen_values = true
    )]
    prune: f64,
    /// What the factors are multiplied by: a number, or norm (per module, to keep its norm)
    #[arg(
        long,
        value_name = "C",
        default_value = "1",
        allow_hyphen_values = true
    )]
    rescale: String,
    /// Directions beyond the rank in the randomised SVD
    #[arg(long, default_value_t = RangeFinder::default().oversampling)]
    oversampling: usize,
    /// Power iterations of the randomised SVD
    #[arg(long, default_value_t = RangeFinder::default().power_iterations)]
    power_iterations: usize,
}

impl Compression {
    pub(crate) fn settings(&self, rank: usize, global: &Global) -> Result<CompressSettings> {
        let rescale = match self.rescale.as_str() {
            "norm" => Rescale::Norm,
            text => Rescale::Factor(text.parse().map_err(|_source| {
                let problem = format!("is `{text}`; it is a number above 0, or norm");
                Error::option("--rescale", problem)
            })?),
        };
        Ok(CompressSettings {
            rank,
            prune: self.prune,
            rescale,
            finder: RangeFinder {
                oversampling: self.oversampling,
                power_iterations: self.power_iterations,
                seed: global.seed,
            },
            precision: precision(global),
            base: None,
        })
    }
}

/// The type of numbers on disk that `--dtype` asks for.
pub(crate) fn precision(global: &Global) -> Precision {
    match global.dtype {
        device::Precision::Auto | device::Precision::F32 => Precision::F32,
        device::Precision::F16 => Precision::F16,
        device::Precision::Bf16 => Precision::Bf16,
    }
}

/// The forge computes on the CPU; another device that was asked for by name is refused.
pub(crate) fn on_cpu(global: &Global) -> Result<()> {
    if matches!(global.device, DeviceChoice::Auto | DeviceChoice::Cpu) {
        return Ok(());
    }
    Err(Error::Device {
        device: global.device.to_string(),
        problem: "experts are extracted and merged on the CPU; use --device cpu or auto".to_owned(),
    })
}

/// What was kept, module by module and in all, on standard error.
pub(crate) fn tell_figures(figures: &Figures) {
    for ModuleFigures {
        module,
        rank,
        energy_kept,
        ..
    } in &figures.modules
    {
        crate::say::line(&format!(
            "{module}: rank {rank}, energy kept {energy_kept:.4}"
        ));
    }
    crate::say::line(&format!("energy kept in all: {:.4}", figures.energy_kept));
}
