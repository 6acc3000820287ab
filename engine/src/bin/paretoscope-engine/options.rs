//! The options that every command takes, and lists of numbers.

use clap::{Args, Parser, ValueEnum};
use paretoscope_engine::{Error, Result};

use crate::commands::Command;

/// Mixtures of LoRA experts, steered per row.
#[derive(Debug, Parser)]
#[command(name = "paretoscope-engine", version, propagate_version = true)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Before or after the command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Where to compute: auto, cpu, cuda, cuda:N or metal
    #[arg(long, global = true, default_value = "auto", value_parser = device)]
    pub(crate) device: String,
    /// Type of the weights in memory
    #[arg(long, global = true, value_enum, default_value_t = Dtype::Auto)]
    pub(crate) dtype: Dtype,
    /// Seed of everything random
    #[arg(long, global = true, default_value_t = 0)]
    pub(crate) seed: u64,
}

/// Type of the weights in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// As fits the device and the file.
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits.
    F16,
    /// 16 bits with the range of 32.
    Bf16,
}

/// Checks the spelling alone; whether the device is there is found out when it is needed.
fn device(text: &str) -> Result<String, String> {
    let known = matches!(text, "auto" | "cpu" | "cuda" | "metal")
        || text
            .strip_prefix("cuda:")
            .is_some_and(|n| n.parse::<usize>().is_ok());
    if known {
        Ok(text.to_owned())
    } else {
        Err("use auto, cpu, cuda, cuda:N or metal".to_owned())
    }
}

/// A comma-separated list of numbers; NaN and infinity are read and left to the caller to judge.
pub(crate) fn numbers(option: &str, text: &str) -> Result<Vec<f64>> {
    text.split(',')
        .enumerate()
        .map(|(i, part)| {
            part.trim().parse().map_err(|_source| {
                let problem = if text.trim().is_empty() {
                    "the list is empty; give comma-separated numbers, e.g. 0.2,0.3,0.5".to_owned()
                } else {
                    format!("`{part}` (number {} of `{text}`) is not a number", i + 1)
                };
                Error::option(option, problem)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(numbers("--reference", "-1.5, -2").unwrap(), [-1.5, -2.0]);
        assert!(numbers("--preference", "nan,inf").unwrap()[0].is_nan());
        for wrong in ["", "1,,2", "a,b", "1,2,"] {
            assert!(
                numbers("--preference", wrong).unwrap_err().is_input(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn devices_are_spelt_right() {
        assert!(
            ["auto", "cpu", "cuda", "cuda:1", "metal"]
                .iter()
                .all(|d| device(d).is_ok())
        );
        assert!(
            ["gpu", "cuda:", "cuda:x", ""]
                .iter()
                .all(|d| device(d).is_err())
        );
    }
}
