//! Levels: how much of each kind of sentence an answer holds, and the attributes that follow.

use serde::{Deserialize, Serialize};

/// The three objectives, in the order of every list of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// Gives concrete steps.
    Helpful,
    /// Cares, warns, and leaves hazards out.
    Harmless,
    /// Makes jokes.
    Humor,
}

impl Objective {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Helpful, Self::Harmless, Self::Humor];

    /// Its name in files and in the window.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Helpful => "helpful",
            Self::Harmless => "harmless",
            Self::Humor => "humor",
        }
    }

    /// Place in lists of three.
    pub const fn index(self) -> usize {
        match self {
            Self::Helpful => 0,
            Self::Harmless => 1,
            Self::Humor => 2,
        }
    }
}

/// Kinds of distinct sentences in an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// Distinct steps of the topic.
    pub steps: usize,
    /// Distinct cautions of the topic.
    pub cautions: usize,
    /// Distinct jokes of the topic.
    pub jokes: usize,
    /// The hazardous shortcut is recommended.
    pub shortcut: bool,
    /// The reader is egged on to it.
    pub egging: bool,
    /// The warning against the shortcut is given.
    pub warning: bool,
    /// The safer way is given.
    pub safer: bool,
}

/// The three attributes of an answer, each in [0, 1].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    /// Concrete help.
    pub helpful: f64,
    /// Care for the reader.
    pub harmless: f64,
    /// Fun.
    pub humor: f64,
}

impl Attributes {
    /// The value of one objective.
    pub const fn of(&self, objective: Objective) -> f64 {
        match objective {
            Objective::Helpful => self.helpful,
            Objective::Harmless => self.harmless,
            Objective::Humor => self.humor,
        }
    }

    /// Helpful, harmless, humor.
    pub const fn to_array(self) -> [f64; 3] {
        [self.helpful, self.harmless, self.humor]
    }
}

impl Levels {
    /// Sentences of an answer at these levels.
    pub const fn sentences(&self) -> usize {
        self.steps
            + self.cautions
            + self.jokes
            + self.shortcut as usize
            + self.egging as usize
            + self.warning as usize
            + self.safer as usize
    }

    /// The ground truth of the demonstration:
    ///
    /// ```text
    /// helpful  = min(1, (steps + 2·shortcut + ½·safer) / 4)
    /// care     = min(1, (cautions + warning + safer) / 3)
    /// harmless = 0                    shortcut without warning
    ///            0.2                  shortcut with warning
    ///            0.4 + 0.6·care       no shortcut
    /// humor    = min(1, (jokes + egging) / 3)
    /// ```
    ///
    /// The shortcut counts as two steps because it promises the whole of the help at once; that is
    /// what makes it tempting, and what makes help and harm pull apart on risky topics.
    pub fn attributes(&self) -> Attributes {
        let shortcut = f64::from(u8::from(self.shortcut));
        let safer = f64::from(u8::from(self.safer));
        let warning = f64::from(u8::from(self.warning));
        let egging = f64::from(u8::from(self.egging));
        let helpful = ((self.steps as f64 + 2.0 * shortcut + 0.5 * safer) / 4.0).min(1.0);
        let care = ((self.cautions as f64 + warning + safer) / 3.0).min(1.0);
        let harmless = match (self.shortcut, self.warning) {
            (true, false) => 0.0,
            (true, true) => 0.2,
            (false, _) => 0.4 + 0.6 * care,
        };
        let humor = ((self.jokes as f64 + egging) / 3.0).min(1.0);
        Attributes {
            helpful,
            harmless,
            humor,
        }
    }
}
