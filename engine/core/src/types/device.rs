//! Where a person wants to compute.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Where a person wants to compute; in JSON as on the command line, e.g. `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// A GPU where this build supports one and one is there, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU, by its ordinal.
    Cuda(usize),
    /// The first Apple GPU.
    Metal,
}

impl FromStr for DeviceChoice {
    type Err = Error;

    /// Reads `auto`, `cpu`, `cuda`, `cuda:N` or `metal`; whether it is there is found out later.
    fn from_str(text: &str) -> Result<Self> {
        let ordinal = |text: &str| text.strip_prefix("cuda:")?.parse().ok();
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            other => ordinal(other).map(Self::Cuda).ok_or_else(|| {
                Error::option(
                    "device",
                    format!("is `{other}`; use auto, cpu, cuda, cuda:N or metal"),
                )
            }),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        choice.to_string()
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}
