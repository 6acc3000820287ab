//! `merge`: several task vectors, fine-tunes or adapters become one.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use paretoscope_engine::forge::merge::{
    Filter, MergeOutput, MergeSettings, Method, PcbVariant, merge,
};
use paretoscope_engine::types::shown;
use paretoscope_engine::{Error, Result, hub};
use serde_json::json;

use super::{Bar, Compression, on_cpu, precision, tell_figures};
use crate::options::{Global, numbers};
use crate::print::json_line;

/// Options of `merge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How they become one
    #[arg(long, value_enum)]
    method: MethodName,
    /// A safetensors file of task vectors, a PEFT folder, or (with --base) a fine-tuned model's folder; once
    /// per source
    #[arg(long, value_name = "A", required = true)]
    input: Vec<PathBuf>,
    /// One coefficient per source, at least 0, not normalised
    #[arg(long, value_name = "W", allow_hyphen_values = true)]
    weights: String,
    /// The share kept by ties (default 0.2), dare and pcb (default 0.1)
    #[arg(long, value_name = "D", allow_hyphen_values = true)]
    density: Option<f64>,
    /// What the result is multiplied by (default 1; pcb 1.2, fourier 0.8)
    #[arg(long, value_name = "C", allow_hyphen_values = true)]
    scale: Option<f64>,
    /// Which of the authors' scores pcb takes
    #[arg(long, value_enum, default_value_t = Pcb::C)]
    pcb: Pcb,
    /// fourier: frequencies below this are taken away, in cycles per entry
    #[arg(
        long,
        value_name = "F",
        allow_hyphen_values = true,
        conflicts_with = "authors_mask"
    )]
    cutoff: Option<f64>,
    /// fourier: the released mask, min:RATIO or max:RATIO of a matrix's sides, e.g. min:0.9
    #[arg(long, value_name = "SIDE:RATIO")]
    authors_mask: Option<String>,
    /// The base of fine-tunes and DoRA adapters
    #[arg(long, value_name = "DIR")]
    base: Option<PathBuf>,
    /// Write an adapter of this rank
    #[arg(long, value_name = "R")]
    rank: Option<usize>,
    #[command(flatten)]
    compression: Compression,
    /// F.safetensors for dense task vectors; else the PEFT folder to write
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum MethodName {
    /// The weighted sum; of adapters exact, by ranks side by side
    Linear,
    /// The average of adapters' factors, which is not the sum
    Soup,
    /// Trim, elect signs, disjoint mean
    Ties,
    /// Drop at random, rescale, sum
    DareLinear,
    /// Drop at random, rescale, elect signs
    DareTies,
    /// Competition of parameters
    Pcb,
    /// Low frequencies taken away
    Fourier,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Linear => Self::Linear,
            MethodName::Soup => Self::Soup,
            MethodName::Ties => Self::Ties,
            MethodName::DareLinear => Self::DareLinear,
            MethodName::DareTies => Self::DareTies,
            MethodName::Pcb => Self::Pcb,
            MethodName::Fourier => Self::Fourier,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Pcb {
    /// On raw magnitudes, as in the authors' language scripts
    A,
    /// As in their vision scripts
    B,
    /// Free of scale, as in their evolutionary search
    C,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    on_cpu(global)?;
    let settings = settings(args, global)?;
    let named = args.base.as_deref();
    let base = named
        .map(|base| hub::locate(Path::new(""), base))
        .transpose()?;
    let dense = args.out.extension().is_some_and(|e| e == "safetensors");
    let output = if dense {
        if args.rank.is_some() {
            let problem = "makes an adapter; name a folder in --out, not a .safetensors file";
            return Err(Error::option("--rank", problem));
        }
        MergeOutput::Vectors(args.out.clone())
    } else {
        let compress = match args.rank {
            Some(rank) => {
                let mut compress = args.compression.settings(rank, global)?;
                compress.base.clone_from(&base);
                Some(compress)
            }
            None => None,
        };
        MergeOutput::Adapter {
            folder: args.out.clone(),
            compress,
            precision: precision(global),
        }
    };
    let mut bar = Bar::new();
    let figures = merge(&args.input, base.as_deref(), &settings, &output, &mut |p| {
        bar.show(p)
    })?;
    bar.finish();
    if let Some(figures) = &figures {
        tell_figures(figures);
    }
    json_line(&json!({ "out": shown(&args.out), "settings": settings, "figures": figures }))
}

fn settings(args: &Args, global: &Global) -> Result<MergeSettings> {
    let mut settings = MergeSettings::new(args.method.into(), numbers("--weights", &args.weights)?);
    if let Some(density) = args.density {
        settings.density = density;
    }
    if let Some(scale) = args.scale {
        settings.scale = scale;
    }
    settings.seed = global.seed;
    settings.pcb = match args.pcb {
        Pcb::A => PcbVariant::A,
        Pcb::B => PcbVariant::B,
        Pcb::C => PcbVariant::C,
    };
    if let Some(cutoff) = args.cutoff {
        settings.filter = Filter::Physical(cutoff);
    }
    if let Some(text) = &args.authors_mask {
        let wrong = || {
            let problem = format!("is `{text}`; it is min:RATIO or max:RATIO, e.g. min:0.9");
            Error::option("--authors-mask", problem)
        };
        let (side, ratio) = text.split_once(':').ok_or_else(wrong)?;
        let ratio: f64 = ratio.parse().map_err(|_source| wrong())?;
        settings.filter = match side {
            "min" => Filter::AuthorsMin(ratio),
            "max" => Filter::AuthorsMax(ratio),
            _ => return Err(wrong()),
        };
    }
    Ok(settings)
}
