//! Why a statistic cannot be had.

/// The result of a statistic.
pub type Result<T, E = StatsError> = std::result::Result<T, E>;

/// What stands in the way, with the numbers and names that say why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// A person stopped it.
    #[error("cancelled")]
    Cancelled,
    /// What stands in the way of one of several.
    #[error("{name}: {source}")]
    Of {
        /// Which, e.g. an objective.
        name: String,
        /// What.
        source: Box<Self>,
    },
    /// There is not enough of something.
    #[error("{got} {of}, at least {needed} needed")]
    TooFew {
        /// Of what, e.g. `arms to compare`.
        of: &'static str,
        /// As given.
        got: usize,
        /// As it must be.
        needed: usize,
    },
    /// There is more of something than can be worked with.
    #[error("{got} {of}, at most {most} are allowed")]
    TooMany {
        /// Of what.
        of: &'static str,
        /// As given.
        got: usize,
        /// As it may be.
        most: usize,
    },
    /// A list has the wrong length.
    #[error("{name}: {got} {of}, {needed} needed")]
    Count {
        /// Whose, e.g. an arm's name or `the reference`.
        name: String,
        /// Of what.
        of: &'static str,
        /// As given.
        got: usize,
        /// As it must be.
        needed: usize,
    },
    /// A number is NaN or infinite where none may be.
    #[error("{name}: number {} is {value}; every number must be finite", index + 1)]
    NotFinite {
        /// Whose.
        name: String,
        /// Its place, from zero.
        index: usize,
        /// The number.
        value: f64,
    },
    /// Arms have nothing in common.
    #[error("no {of} is in all of {}", arms.join(", "))]
    NothingShared {
        /// Of what, e.g. `scored prompt`.
        of: &'static str,
        /// The arms.
        arms: Vec<String>,
    },
    /// A name that is nowhere.
    #[error("{name}: no {of} is called `{missing}`")]
    Missing {
        /// Where it was looked for.
        name: String,
        /// What it should name.
        of: &'static str,
        /// The name.
        missing: String,
    },
    /// A name that stands where one of its kind stands already.
    #[error("{name}: {what} stands there twice")]
    Twice {
        /// Where.
        name: String,
        /// What.
        what: String,
    },
    /// No arm holds the base model's answers, by which scores are standardised.
    #[error(
        "none of {} holds the base model's answers to these prompts, which z-scores are measured by; sweep it as well (--base)",
        arms.join(", ")
    )]
    NoBase {
        /// The arms.
        arms: Vec<String>,
    },
    /// The base model's scores do not differ.
    #[error(
        "{objective}: the base model's {answers} scores in {arm} are fewer than two or all alike; they give no scale for z-scores"
    )]
    NoScale {
        /// Whose scores.
        objective: String,
        /// Where its answers are.
        arm: String,
        /// How many finite scores there are.
        answers: usize,
    },
    /// The base and the single experts give no scale for volumes.
    #[error(
        "{arm}: the mean scores of {points} points are missing or all alike in an objective; they give no anchors"
    )]
    NoAnchors {
        /// Where their scores are.
        arm: String,
        /// How many models there are.
        points: usize,
    },
    /// Votes compare no member of one group with one of another.
    #[error(
        "the votes fall into {} groups that were never compared with each other: {}; strengths need votes that link them",
        groups.len(),
        grouped(groups)
    )]
    Disconnected {
        /// The groups.
        groups: Vec<Vec<String>>,
    },
    /// Some never lost to the rest: their strength has no upper end.
    #[error(
        "{} never lost to {}: how much stronger they are, these votes cannot say, and more votes between them can",
        above.join(", "),
        below.join(", ")
    )]
    Separated {
        /// Those that never lost.
        above: Vec<String>,
        /// The rest.
        below: Vec<String>,
    },
    /// Nobody preferred anything.
    #[error("all {votes} votes are ties; strengths need votes that decide")]
    AllTies {
        /// How many.
        votes: usize,
    },
}

fn grouped(groups: &[Vec<String>]) -> String {
    let words: Vec<String> = groups
        .iter()
        .map(|group| format!("{{{}}}", group.join(", ")))
        .collect();
    words.join(" and ")
}
