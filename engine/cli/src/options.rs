//! The options that every command takes, and lists of numbers.

use clap::Args;
use paretoscope_engine::device::{DeviceChoice, Precision};
use paretoscope_engine::types::Split;
use paretoscope_engine::{Error, Problem, Result};

/// Before or after the command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Where to compute: auto, cpu, cuda, cuda:N or metal
    #[arg(long, global = true, default_value_t)]
    pub(crate) device: DeviceChoice,
    /// Type of the weights in memory: auto, f32, f16 or bf16 (auto is the file's on a CPU, bf16 on an NVIDIA GPU)
    #[arg(long, global = true, default_value_t)]
    pub(crate) dtype: Precision,
    /// Do not round activations: quantised weights on a CPU as the numbers they stand for
    #[arg(long, global = true)]
    pub(crate) exact: bool,
    /// Seed of everything random
    #[arg(long, global = true, default_value_t = 0)]
    pub(crate) seed: u64,
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

/// The part of the prompts that a word names; `None` for all of them.
pub(crate) fn split_of(option: &str, word: &str) -> Result<Option<Split>> {
    if word == "all" {
        return Ok(None);
    }
    let named = Split::ALL.into_iter().find(|split| split.name() == word);
    let known = Split::ALL.into_iter().map(Split::name).chain(["all"]);
    named
        .map(Some)
        .ok_or_else(|| Error::option(option, Problem::unknown(word, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
