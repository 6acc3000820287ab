//! The quantised types that weights may have, and how much a block of each holds.

/// A type of quantised blocks. Its numbers are made of quants of a few bits, scales, and minima.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    non_camel_case_types,
    reason = "these are the names that files and their programs have for them"
)]
pub enum BlockKind {
    /// `d (q - 8)`, 4 bits.
    Q4_0,
    /// `d q + m`, 4 bits.
    Q4_1,
    /// `d (q - 16)`, 5 bits.
    Q5_0,
    /// `d q + m`, 5 bits.
    Q5_1,
    /// `d q`, 8 bits.
    Q8_0,
    /// `d s q - dmin m`, 4 bits; `s` and `m` of 6 bits per 32.
    Q4_K,
    /// As Q4_K, 5 bits.
    Q5_K,
    /// `d s (q - 32)`, 6 bits; `s` of 8 bits per 16.
    Q6_K,
    /// `d v`, where 4 bits number one of sixteen values `v`.
    Iq4Nl,
}

impl BlockKind {
    /// Numbers in a block.
    pub fn values(self) -> usize {
        match self {
            Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 | Self::Iq4Nl => 32,
        }
    }

    /// Bytes of a block.
    pub fn bytes(self) -> usize {
        match self {
            Self::Q4_0 | Self::Iq4Nl => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q4_K => "Q4_K",
            Self::Q5_K => "Q5_K",
            Self::Q6_K => "Q6_K",
            Self::Iq4Nl => "IQ4_NL",
        }
    }
}
