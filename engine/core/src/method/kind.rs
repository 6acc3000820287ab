//! The systems, and what each takes.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::setting::{Setting, Wanted};
use crate::problem::{Bounds, Problem};
use crate::types::PointKind;

/// A system of the papers' comparisons, or one of the papers' own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MethodKind {
    /// Hierarchical mixture of experts (HoE): routed LoRA experts and routers.
    Hoe,
    /// Free weights on value vectors (MVA).
    Mva,
    /// The base model alone.
    Base,
    /// HoE by its Eqs. 9 and 10 as they stand: the nearest experts, cut off at 0.
    Nearest,
    /// Rewarded soups: single-objective experts averaged by the preference.
    Rs,
    /// Personalised soups: factors averaged, and the preference in the prompt.
    Soup,
    /// TIES merging of the single-objective experts.
    Ties,
    /// DARE merging.
    Dare,
    /// Parameter competition (PCB).
    Pcb,
    /// FREE-Merging's filter.
    Fourier,
    /// Multi-objective decoding: the experts' logits mixed at each token.
    Mod,
    /// Autoregressive reward models, one per objective, beside the base.
    Genarm,
    /// One autoregressive reward model that is told the preference.
    Parm,
    /// Reward-guided search: candidates of each token scored by the reward models.
    Args,
    /// Personalised decoding: what a prompted policy adds to the base, among its likeliest tokens.
    Pad,
    /// The preference written into the prompt.
    Prompting,
    /// Rewards in context: scores wanted, in the prompt of a model that was tuned on scored answers.
    Ric,
    /// Vectors added to hidden states.
    Steering,
    /// A second model corrects the base's answer.
    Aligner,
    /// A second model that is told the objectives corrects the base's answer.
    Metaaligner,
    /// Experts and routers trained together; one trade-off.
    Loramoe,
    /// The best of n answers of the base, by the weighted scores.
    BestOfN,
    /// Adapters trained with margins (MODPO), at the preferences that there are.
    Modpo,
    /// Adapters trained on weighted preference data (DPO-LW), at the preferences that there are.
    DpoLw,
    /// Adapters trained on one objective after the other (DPO-SeqT).
    DpoSeqt,
    /// Adapters trained on weighted rewards (MORLHF), at the preferences that there are.
    Morlhf,
}

/// What a system does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Acts {
    /// Its experts are mixed, one pass per token.
    Gates,
    /// The prompt is rewritten.
    Prompt,
    /// Several streams, whose logits are mixed at each token.
    Streams,
    /// Hidden states are moved.
    States,
    /// Candidates are scored at each token.
    Candidates,
    /// A second pass over an answer.
    Second,
    /// A choice among answers.
    Choice,
}

const fn number(name: &'static str, usual: f64, bounds: Bounds, says: &'static str) -> Setting {
    Setting {
        name,
        wanted: Wanted::Number { usual, bounds },
        says,
    }
}

const fn whole(name: &'static str, usual: u32, range: [u32; 2], says: &'static str) -> Setting {
    let [least, most] = range;
    Setting {
        name,
        wanted: Wanted::Whole { usual, least, most },
        says,
    }
}

const fn word(name: &'static str, words: &'static [&'static str], says: &'static str) -> Setting {
    Setting {
        name,
        wanted: Wanted::Word(words),
        says,
    }
}

const RANK: Setting = whole(
    "rank",
    0,
    [0, 1024],
    "rank of what is made for a point; 0 takes the ranks of the experts together",
);
const STRENGTH: Setting = number(
    "c",
    1.0,
    Bounds::at_least(0.0),
    "how strongly it steers; 0 is the base",
);
const CANDIDATES: Setting = whole(
    "k",
    10,
    [1, 100],
    "likeliest tokens among which is chosen; 1 is greedy",
);

const fn density(usual: f64) -> Setting {
    number(
        "density",
        usual,
        Bounds::above(0.0).at_most(1.0),
        "share of numbers kept",
    )
}

const fn scale(usual: f64) -> Setting {
    number(
        "scale",
        usual,
        Bounds::above(0.0),
        "what the merged vector is multiplied by",
    )
}

impl FromStr for MethodKind {
    type Err = Problem;

    fn from_str(name: &str) -> Result<Self, Problem> {
        let mut kinds = Self::ALL.into_iter();
        let unknown = || Problem::unknown(name, Self::ALL.map(Self::name));
        kinds.find(|kind| kind.name() == name).ok_or_else(unknown)
    }
}

impl TryFrom<String> for MethodKind {
    type Error = Problem;

    fn try_from(name: String) -> Result<Self, Problem> {
        name.parse()
    }
}

impl From<MethodKind> for String {
    fn from(kind: MethodKind) -> Self {
        kind.name().to_owned()
    }
}

impl MethodKind {
    /// All of them, the papers' own first.
    pub const ALL: [Self; 26] = [
        Self::Hoe,
        Self::Mva,
        Self::Base,
        Self::Nearest,
        Self::Rs,
        Self::Soup,
        Self::Ties,
        Self::Dare,
        Self::Pcb,
        Self::Fourier,
        Self::Mod,
        Self::Genarm,
        Self::Parm,
        Self::Args,
        Self::Pad,
        Self::Prompting,
        Self::Ric,
        Self::Steering,
        Self::Aligner,
        Self::Metaaligner,
        Self::Loramoe,
        Self::BestOfN,
        Self::Modpo,
        Self::DpoLw,
        Self::DpoSeqt,
        Self::Morlhf,
    ];

    /// Its name on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hoe => "hoe",
            Self::Mva => "mva",
            Self::Base => "base",
            Self::Nearest => "nearest",
            Self::Rs => "rs",
            Self::Soup => "soup",
            Self::Ties => "ties",
            Self::Dare => "dare",
            Self::Pcb => "pcb",
            Self::Fourier => "fourier",
            Self::Mod => "mod",
            Self::Genarm => "genarm",
            Self::Parm => "parm",
            Self::Args => "args",
            Self::Pad => "pad",
            Self::Prompting => "prompting",
            Self::Ric => "ric",
            Self::Steering => "steering",
            Self::Aligner => "aligner",
            Self::Metaaligner => "metaaligner",
            Self::Loramoe => "loramoe",
            Self::BestOfN => "best-of-n",
            Self::Modpo => "modpo",
            Self::DpoLw => "dpo-lw",
            Self::DpoSeqt => "dpo-seqt",
            Self::Morlhf => "morlhf",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Hoe => "HoE",
            Self::Mva => "MVA",
            Self::Base => "Base model",
            Self::Nearest => "HoE, nearest experts",
            Self::Rs => "Rewarded soups",
            Self::Soup => "Personalised soups",
            Self::Ties => "TIES",
            Self::Dare => "DARE",
            Self::Pcb => "PCB",
            Self::Fourier => "FREE-Merging",
            Self::Mod => "MOD",
            Self::Genarm => "GenARM",
            Self::Parm => "PARM",
            Self::Args => "ARGS",
            Self::Pad => "PAD",
            Self::Prompting => "Preference prompting",
            Self::Ric => "Rewards in context",
            Self::Steering => "Steering",
            Self::Aligner => "Aligner",
            Self::Metaaligner => "MetaAligner",
            Self::Loramoe => "LoRAMoE",
            Self::BestOfN => "Best of n",
            Self::Modpo => "MODPO",
            Self::DpoLw => "DPO-LW",
            Self::DpoSeqt => "DPO-SeqT",
            Self::Morlhf => "MORLHF",
        }
    }

    /// What it does to rows.
    pub fn acts(self) -> Acts {
        match self {
            Self::Hoe
            | Self::Mva
            | Self::Base
            | Self::Nearest
            | Self::Rs
            | Self::Ties
            | Self::Dare
            | Self::Pcb
            | Self::Fourier
            | Self::Loramoe
            | Self::Modpo
            | Self::DpoLw
            | Self::DpoSeqt
            | Self::Morlhf => Acts::Gates,
            Self::Soup | Self::Prompting | Self::Ric => Acts::Prompt,
            Self::Mod | Self::Genarm | Self::Parm => Acts::Streams,
            Self::Steering => Acts::States,
            Self::Args | Self::Pad => Acts::Candidates,
            Self::Aligner | Self::Metaaligner => Acts::Second,
            Self::BestOfN => Acts::Choice,
        }
    }

    /// The points that it answers at.
    pub fn points(self) -> &'static [PointKind] {
        match self {
            Self::Mva => &[PointKind::Weights],
            Self::Mod | Self::Base => &[PointKind::Preference, PointKind::Weights],
            _ => &[PointKind::Preference],
        }
    }

    /// What can be set of it.
    pub fn settings(self) -> &'static [Setting] {
        const RS: [Setting; 1] = [word(
            "average",
            &["exact", "factor"],
            "exact sums the products B A; factor averages A and B apart, as some peers do, and has cross terms",
        )];
        const TIES: [Setting; 3] = [density(0.2), scale(1.0), RANK];
        const DARE: [Setting; 5] = [
            density(0.1),
            scale(1.0),
            word(
                "elect",
                &["none", "signs"],
                "whether signs are elected as in TIES",
            ),
            whole("seed", 0, [0, u32::MAX], "of the masks"),
            RANK,
        ];
        const PCB: [Setting; 3] = [density(0.1), scale(1.2), RANK];
        const FOURIER: [Setting; 2] = [scale(0.8), RANK];
        const STREAMS: [Setting; 1] = [STRENGTH];
        const ARGS: [Setting; 2] = [STRENGTH, CANDIDATES];
        const PAD: [Setting; 2] = [
            number(
                "c",
                0.8,
                Bounds::at_least(0.0),
                "how strongly it steers; 0 is the base",
            ),
            CANDIDATES,
        ];
        const STEERING: [Setting; 1] = [STRENGTH];
        const BEST: [Setting; 2] = [
            whole("n", 16, [1, 1024], "answers among which is chosen"),
            number(
                "temperature",
                1.0,
                Bounds::above(0.0),
                "at which the answers are drawn",
            ),
        ];
        const SEQUENCE: [Setting; 1] = [word(
            "order",
            &["forward", "backward"],
            "objectives as listed, or the last one first",
        )];
        match self {
            Self::Rs => &RS,
            Self::Ties => &TIES,
            Self::Dare => &DARE,
            Self::Pcb => &PCB,
            Self::Fourier => &FOURIER,
            Self::Mod | Self::Genarm | Self::Parm => &STREAMS,
            Self::Args => &ARGS,
            Self::Pad => &PAD,
            Self::Steering => &STEERING,
            Self::BestOfN => &BEST,
            Self::DpoSeqt => &SEQUENCE,
            _ => &[],
        }
    }

    /// Whether a bundle must bring parts that were trained for it, beside experts and value vectors.
    pub fn needs_parts(self) -> bool {
        matches!(
            self,
            Self::Genarm
                | Self::Parm
                | Self::Ric
                | Self::Steering
                | Self::Aligner
                | Self::Metaaligner
                | Self::Loramoe
                | Self::Modpo
                | Self::DpoLw
                | Self::DpoSeqt
                | Self::Morlhf
        )
    }
}
