//! What is known of a method's rows before they are made: whose experts speak, what a token costs, whether a row that
//! runs can go on at another point.

use super::given::Method;
use super::kind::{Acts, MethodKind};
use crate::types::PointKind;

/// Whose experts speak at a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaks {
    /// The bundle's, as its routing has it.
    Routed,
    /// The bundle's, by other shares than those of its routing.
    Mixed,
    /// None of the bundle's.
    Base,
    /// Those of several streams, whose logits are mixed.
    Streams,
    /// One that is merged for the point, beside the bundle's.
    Merged,
    /// Some that were trained for the method, beside the bundle's.
    Trained,
}

impl Speaks {
    /// Whether routing among the bundle's experts takes place, so that it is recorded with a row and found again later.
    pub fn is_traced(self) -> bool {
        matches!(self, Self::Routed | Self::Mixed)
    }

    /// In words.
    pub fn says(self) -> &'static str {
        match self {
            Self::Routed => "the bundle's experts speak, as its routing mixes them",
            Self::Mixed => "the bundle's experts speak, by other shares than those of its routing",
            Self::Base => "the base model answers, and none of the bundle's experts speaks",
            Self::Streams => {
                "the logits of several streams are mixed at each token, so that no one mixture of experts speaks"
            }
            Self::Merged => {
                "an expert speaks that is merged for the point, so that nothing is routed among the bundle's"
            }
            Self::Trained => {
                "experts speak that were trained for this method, so that nothing is routed among the bundle's"
            }
        }
    }
}

impl Acts {
    /// What is done, in words.
    pub fn says(self) -> &'static str {
        match self {
            Self::Gates => "mixes experts, one pass per token",
            Self::Prompt => "writes the preference into the prompt",
            Self::Streams => "mixes the logits of several streams at each token",
            Self::States => "moves hidden states",
            Self::Candidates => "weighs candidates of each token",
            Self::Second => "corrects an answer in a second pass",
            Self::Choice => "chooses among several answers",
        }
    }
}

impl MethodKind {
    /// Whether words in small letters are a part of its title or its name.
    pub fn is_like(self, words: &str) -> bool {
        self.title().to_lowercase().contains(words) || self.name().contains(words)
    }

    /// Whether the model is told the preference, so that a prompt must be text and another point is another prompt.
    pub fn tells(self) -> bool {
        matches!(self, Self::Soup | Self::Prompting | Self::Ric | Self::Pad)
    }

    /// Whether it needs an expert of each objective alone, at such points.
    pub fn needs_singles(self, points: PointKind) -> bool {
        match self {
            Self::Rs | Self::Soup | Self::Ties | Self::Dare | Self::Pcb | Self::Fourier => true,
            Self::Mod => points == PointKind::Preference,
            _ => false,
        }
    }
}

impl Method {
    /// Its title, and what is set of it: `MOD (c 1.5)`.
    pub fn words(&self) -> String {
        let title = self.kind().title();
        let set: Vec<String> = self
            .set()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if set.is_empty() {
            return title.to_owned();
        }
        format!("{title} ({})", set.join(", "))
    }

    /// Whose experts speak at a token.
    pub fn speaks(&self) -> Speaks {
        match self.kind() {
            MethodKind::Hoe | MethodKind::Mva => Speaks::Routed,
            MethodKind::Rs if self.is("average", "factor") => Speaks::Merged,
            MethodKind::Nearest | MethodKind::Rs => Speaks::Mixed,
            MethodKind::Base
            | MethodKind::Prompting
            | MethodKind::Args
            | MethodKind::Steering
            | MethodKind::BestOfN => Speaks::Base,
            MethodKind::Mod | MethodKind::Genarm | MethodKind::Parm | MethodKind::Pad => {
                Speaks::Streams
            }
            MethodKind::Soup
            | MethodKind::Ties
            | MethodKind::Dare
            | MethodKind::Pcb
            | MethodKind::Fourier => Speaks::Merged,
            MethodKind::Ric
            | MethodKind::Aligner
            | MethodKind::Metaaligner
            | MethodKind::Loramoe
            | MethodKind::Modpo
            | MethodKind::DpoLw
            | MethodKind::DpoSeqt
            | MethodKind::Morlhf => Speaks::Trained,
        }
    }

    /// Sequences that run side by side for one row; `axes` are the objectives of a preference, or the weights.
    /// ```
    /// use paretoscope_core::method::Method;
    /// use paretoscope_core::types::PointKind;
    ///
    /// let method: Method = "mod".parse()?;
    /// assert_eq!(method.streams(PointKind::Preference, 3), 3);
    /// // Free weights need not sum to 1: the base takes the rest.
    /// assert_eq!(method.streams(PointKind::Weights, 3), 4);
    /// # Ok::<(), paretoscope_core::method::MethodError>(())
    /// ```
    pub fn streams(&self, points: PointKind, axes: usize) -> usize {
        match self.kind() {
            MethodKind::Mod => {
                let of_base = points == PointKind::Weights || self.number("c") != 1.0;
                axes + usize::from(of_base)
            }
            MethodKind::Genarm => 1 + axes,
            MethodKind::Parm | MethodKind::Pad => 2,
            _ => 1,
        }
    }

    /// What a token costs, in words.
    pub fn cost(&self, points: PointKind, axes: usize) -> String {
        match (self.kind(), self.streams(points, axes)) {
            (MethodKind::Args, _) => format!(
                "1 stream per token, and {} candidates of each that every reward model reads",
                self.whole("k")
            ),
            (MethodKind::Aligner | MethodKind::Metaaligner, _) => {
                "1 stream per token, for an answer and again for its correction".to_owned()
            }
            (MethodKind::BestOfN, _) => format!(
                "{} answers to each prompt, once for all points",
                self.whole("n")
            ),
            (_, 1) => "1 stream per token".to_owned(),
            (_, streams) => format!("{streams} streams per token"),
        }
    }

    /// Why a row that runs does not go on at another point, and is asked anew there; `None` where it goes on.
    pub fn settled(&self) -> Option<&'static str> {
        let kind = self.kind();
        match kind {
            _ if kind.tells() => Some("the model is told the preference before it answers"),
            _ if self.speaks() == Speaks::Merged => Some("experts are merged anew for each point"),
            MethodKind::Modpo | MethodKind::DpoLw | MethodKind::Morlhf => {
                Some("there is one model per preference")
            }
            MethodKind::Aligner | MethodKind::Metaaligner => {
                Some("an answer is corrected once it is whole")
            }
            MethodKind::BestOfN => Some("an answer is chosen once all are whole"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_beside_the_title() {
        let words = |text: &str| text.parse::<Method>().unwrap().words();
        assert_eq!(words("mod"), "MOD");
        assert_eq!(words("args:k=5,c=2"), "ARGS (c 2, k 5)");
        assert_eq!(
            words("rs:average=factor"),
            "Rewarded soups (average factor)"
        );
    }

    #[test]
    fn costs_are_streams_and_what_comes_beside_them() {
        let cost = |text: &str| {
            let method: Method = text.parse().unwrap();
            method.cost(PointKind::Preference, 3)
        };
        assert_eq!(cost("hoe"), "1 stream per token");
        assert_eq!(cost("mod"), "3 streams per token");
        assert_eq!(cost("mod:c=2"), "4 streams per token");
        assert_eq!(cost("genarm"), "4 streams per token");
        assert!(
            cost("args:k=7").contains("7 candidates"),
            "{}",
            cost("args:k=7")
        );
        assert!(cost("best-of-n").starts_with("16 answers"));
    }

    #[test]
    fn what_is_told_or_merged_is_asked_anew_and_what_is_mixed_goes_on() {
        let settled = |text: &str| text.parse::<Method>().unwrap().settled().is_some();
        for anew in [
            "soup",
            "prompting",
            "pad",
            "pcb",
            "rs:average=factor",
            "modpo",
        ] {
            assert!(settled(anew), "{anew}");
        }
        for goes_on in [
            "hoe", "mva", "rs", "mod", "genarm", "args", "base", "steering",
        ] {
            assert!(!settled(goes_on), "{goes_on}");
        }
    }
}
