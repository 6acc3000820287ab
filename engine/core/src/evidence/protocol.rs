//! The protocol: what was settled before anything was looked at. Its digest names every result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::plan::{ArmPlan, Budget, ContrastPlan};
use super::{EvidenceError, Frozen, Result};
use crate::stats::Draws;
use crate::study::Fields;
use crate::types::{Split, SplitRule};
use crate::{Bounds, Problem};

/// The version of the format.
const VERSION: u32 = 1;

/// What may be chosen, and on which part of the prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// Rate, stopping, checkpoint, strength of a penalty.
    Training,
    /// The largest weight, rescale, rank, merge and decoding.
    Setting,
    /// The points that are kept, and the single best model.
    Points,
    /// z-scores, z*, anchors, references.
    Scale,
    /// The prompts that a policy learns on.
    PolicyPrompts,
    /// The numbers that are told.
    Reported,
}

impl Matter {
    /// All, in order.
    pub const ALL: [Self; 6] = [
        Self::Training,
        Self::Setting,
        Self::Points,
        Self::Scale,
        Self::PolicyPrompts,
        Self::Reported,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "rate, stopping, checkpoint or strength of a penalty",
            Self::Setting => "a setting",
            Self::Points => "the choice of points",
            Self::Scale => "the scale of scores",
            Self::PolicyPrompts => "what a policy learns",
            Self::Reported => "what is reported",
        }
    }

    /// The parts that it may rest on, unless a protocol says less.
    fn usual(self) -> Vec<Split> {
        match self {
            Self::Training | Self::Setting | Self::Points => vec![Split::Validation],
            Self::Scale => vec![Split::Train, Split::Validation],
            Self::PolicyPrompts => vec![Split::Train],
            Self::Reported => vec![Split::Test],
        }
    }
}

fn usual_parts() -> BTreeMap<Matter, Vec<Split>> {
    Matter::ALL.map(|matter| (matter, matter.usual())).into()
}

fn usual_margins() -> Vec<f64> {
    vec![0.1, 0.5]
}

fn usual_least() -> usize {
    3
}

fn usual_delta() -> f64 {
    0.02
}

/// `protocol.json`: how arms are trained, chosen and compared by one scorer. Another scorer's results are those of another
/// protocol, so that a grader's and a reward model's never stand in one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// The version of the format, 1.
    pub protocol: u32,
    /// What it is about.
    pub name: String,
    /// The command that makes its results again.
    pub command: String,
    /// Who scores, e.g. `grader` or `reward models`.
    pub scorer: String,
    /// What is scored, larger is better.
    pub objectives: Vec<String>,
    /// The part of prompts whose lines name none. A line's own `split` goes before; prompts of one group (paraphrases, a
    /// dialogue) are in one part, and are drawn together.
    #[serde(default)]
    pub split: SplitRule,
    /// What may be chosen on which part.
    #[serde(default = "usual_parts")]
    pub parts: BTreeMap<Matter, Vec<Split>>,
    /// The scale, from the base and the single experts.
    pub frozen: Frozen,
    /// How far below the worst of the anchors volumes are measured from, in ranges. The first is what settings and points
    /// are chosen by; a claim needs one sign at all of them.
    #[serde(default = "usual_margins")]
    pub margins: Vec<f64>,
    /// Training seeds: initial factors, order of the data, rollouts. Arms are paired by them.
    pub seeds: Vec<u64>,
    /// Seeds that it takes to call something better.
    #[serde(default = "usual_least")]
    pub least_seeds: usize,
    /// What counts as no difference: this share of the rival's volume on validation.
    #[serde(default = "usual_delta")]
    pub delta: f64,
    /// Draws of groups of prompts.
    #[serde(default)]
    pub draws: Draws,
    /// What is compared.
    pub arms: Vec<ArmPlan>,
    /// Which pairs.
    pub contrasts: Vec<ContrastPlan>,
    /// Digests of what it rests on: bundles, prompts, scorers.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// What the test measures where that is less than it seems, e.g. `other phrasings of topics that were trained on`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub test_is: String,
    /// Whether it is cut short to try things out: its results are stamped.
    #[serde(default)]
    pub quick: bool,
}

impl Protocol {
    /// What is usual, for a scorer of these objectives on a scale: seeds, arms and contrasts are still to be named.
    pub fn new(name: &str, scorer: &str, objectives: &[String], frozen: Frozen) -> Self {
        Self {
            protocol: VERSION,
            name: name.to_owned(),
            command: "paretoscope-engine evidence".to_owned(),
            scorer: scorer.to_owned(),
            objectives: objectives.to_vec(),
            split: SplitRule::default(),
            parts: usual_parts(),
            frozen,
            margins: usual_margins(),
            seeds: Vec::new(),
            least_seeds: usual_least(),
            delta: usual_delta(),
            draws: Draws::default(),
            arms: Vec::new(),
            contrasts: Vec::new(),
            inputs: BTreeMap::new(),
            test_is: String::new(),
            quick: false,
        }
    }

    /// Reads a protocol and checks it.
    pub fn parse(text: &str) -> Result<Self> {
        let found: Self = serde_json::from_str(text).map_err(|error| {
            EvidenceError::field("protocol", Problem::format("a protocol", error))
        })?;
        found.check()?;
        Ok(found)
    }

    /// The protocol as a file holds it.
    pub fn to_json(&self) -> String {
        super::json(self)
    }

    /// SHA-256 of all that it says, however its file is laid out.
    pub fn digest(&self) -> String {
        let mut fields = Fields::new("paretoscope evidence protocol 1");
        fields.text(&self.to_json());
        fields.uid().to_string()
    }

    /// Refuses what rests on a part of the prompts that it may not rest on.
    pub fn allows(&self, what: Matter, on: Split) -> Result<()> {
        let parts = self.parts.get(&what).map_or(&[][..], Vec::as_slice);
        if parts.contains(&on) {
            return Ok(());
        }
        let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
        Err(EvidenceError::NotAllowed {
            what: what.name(),
            on,
            allowed: if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" or ")
            },
        })
    }

    /// The arm of a name.
    pub fn arm(&self, name: &str) -> Option<&ArmPlan> {
        self.arms.iter().find(|arm| arm.name == name)
    }

    /// Refuses what contradicts itself, with the field.
    pub fn check(&self) -> Result<()> {
        if self.protocol != VERSION {
            let problem = format!("is {}; {VERSION} is known", self.protocol);
            return Err(EvidenceError::field("protocol", problem));
        }
        self.check_parts()?;
        self.check_scale()?;
        self.check_numbers()?;
        self.check_arms()?;
        for at in 0..self.contrasts.len() {
            self.check_contrast(at)?;
        }
        Ok(())
    }

    fn check_parts(&self) -> Result<()> {
        for (matter, parts) in &self.parts {
            let usual = matter.usual();
            if let Some(wrong) = parts.iter().find(|part| !usual.contains(part)) {
                let names: Vec<&str> = usual.iter().map(|part| part.name()).collect();
                let problem = format!(
                    "{} rests on {}; never on {}",
                    matter.name(),
                    names.join(" or "),
                    wrong.name()
                );
                return Err(EvidenceError::field("parts", problem));
            }
        }
        let (train, validation) = (self.split.train_below, self.split.validation_below);
        if train > validation || validation > 100 {
            let problem = format!(
                "trains below {train} and chooses below {validation} of 100; they must rise, to 100 at most"
            );
            return Err(EvidenceError::field("split", problem));
        }
        self.allows(Matter::Scale, self.frozen.on)
    }

    fn check_scale(&self) -> Result<()> {
        let count = self.objectives.len();
        distinct("objectives", &self.objectives)?;
        if !(self.frozen.anchors.spans() && self.frozen.anchors.ideal.len() == count) {
            let problem = format!(
                "must hold {count} finite numbers each, one per objective, the ideal above the nadir"
            );
            return Err(EvidenceError::field("frozen.anchors", problem));
        }
        let scales = self.frozen.z.len() == count
            && self.frozen.z.iter().all(|scale| {
                scale.mean.is_finite() && scale.deviation.is_finite() && scale.deviation > 0.0
            });
        if !scales {
            let problem = format!("must hold {count} means with deviations above 0");
            return Err(EvidenceError::field("frozen.z", problem));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        let bounded = |field: &str, bounds: Bounds, value: f64| {
            let checked = bounds.check(value);
            checked.map_err(|problem| EvidenceError::field(field, problem))
        };
        for (at, margin) in self.margins.iter().enumerate() {
            bounded(&format!("margins[{at}]"), Bounds::of(0.0, 10.0), *margin)?;
            if self.margins[..at].contains(margin) {
                let problem = format!("{margin} stands there twice");
                return Err(EvidenceError::field("margins", problem));
            }
        }
        let several = [
            ("margins", self.margins.len()),
            ("seeds", self.seeds.len()),
            ("least_seeds", self.least_seeds),
        ];
        for (field, count) in several {
            bounded(field, Bounds::at_least(1.0), count as f64)?;
        }
        for (at, seed) in self.seeds.iter().enumerate() {
            if self.seeds[..at].contains(seed) {
                let problem = format!("{seed} stands there twice");
                return Err(EvidenceError::field("seeds", problem));
            }
        }
        bounded("delta", Bounds::above(0.0).below(1.0), self.delta)?;
        bounded(
            "draws.draws",
            Bounds::at_least(2.0),
            self.draws.draws as f64,
        )
    }

    fn check_arms(&self) -> Result<()> {
        let names: Vec<String> = self.arms.iter().map(|arm| arm.name.clone()).collect();
        distinct("arms", &names)?;
        for (at, arm) in self.arms.iter().enumerate() {
            let field = format!("arms[{at}].settings");
            let names: Vec<String> = arm.settings.iter().map(|s| s.name.clone()).collect();
            distinct(&field, &names)?;
            if let Some(wrong) = arm.settings.iter().find(|s| !s.size.is_finite()) {
                let problem = format!("the size of {} is not finite", wrong.name);
                return Err(EvidenceError::field(field, problem));
            }
        }
        Ok(())
    }

    fn check_contrast(&self, at: usize) -> Result<()> {
        let contrast = &self.contrasts[at];
        let names = || self.arms.iter().map(|arm| arm.name.as_str());
        let wrong = |field: &str, problem: Problem| {
            Err(EvidenceError::field(
                format!("contrasts[{at}].{field}"),
                problem,
            ))
        };
        let controls = contrast.controls.iter().map(|name| ("controls", name));
        let named = [("a", &contrast.a), ("b", &contrast.b)].into_iter();
        for (field, name) in named.chain(controls.clone()) {
            if self.arm(name).is_none() {
                return wrong(field, Problem::unknown(name.as_str(), names()));
            }
        }
        if contrast.a == contrast.b {
            return wrong("b", format!("{} against itself", contrast.a).into());
        }
        let again = self.contrasts[..at].iter().any(|other| {
            let same = |x: &str, y: &str| other.a == x && other.b == y;
            let (a, b) = (contrast.a.as_str(), contrast.b.as_str());
            other.table == contrast.table && (same(a, b) || same(b, a))
        });
        if again {
            let problem = format!(
                "{} and {} are compared in {} already",
                contrast.a, contrast.b, contrast.table
            );
            return wrong("b", problem.into());
        }
        for (_, control) in controls {
            let held = self.contrasts.iter().any(|other| {
                let pair = other.a == contrast.a && other.b == *control;
                pair && other.primary && other.table == contrast.table
            });
            if !held {
                let problem = format!(
                    "{control} is a control, and no primary contrast of {} compares {} with it",
                    contrast.table, contrast.a
                );
                return wrong("controls", problem.into());
            }
        }
        let items = contrast.differs_in.iter();
        for item in items {
            if !Budget::ITEMS.contains(&item.as_str()) {
                return wrong("differs_in", Problem::unknown(item.as_str(), Budget::ITEMS));
            }
        }
        Ok(())
    }
}

/// Refuses an empty list, and a name that stands there twice or is empty.
fn distinct(field: &str, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Err(EvidenceError::field(
            field,
            "there is none; at least one is needed",
        ));
    }
    for (at, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(EvidenceError::field(
                field,
                format!("name {} is empty", at + 1),
            ));
        }
        if names[..at].contains(name) {
            return Err(EvidenceError::field(
                field,
                format!("`{name}` stands there twice"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::world::protocol;
    use super::*;

    #[test]
    fn what_is_written_is_read_and_its_digest_follows_from_what_it_says() {
        let one = protocol();
        let text = one.to_json();
        let read = Protocol::parse(&text).unwrap();
        assert_eq!(read, one);
        assert_eq!(read.digest(), one.digest());
        assert_eq!(one.digest().len(), 64);
        // Laid out otherwise it says the same.
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            Protocol::parse(&value.to_string()).unwrap().digest(),
            one.digest()
        );
        let mut other = one.clone();
        other.delta = 0.03;
        assert_ne!(other.digest(), one.digest());
        // What is usual may be left out.
        let mut value = value;
        let fields = value.as_object_mut().unwrap();
        for field in ["split", "parts", "margins", "delta", "draws", "least_seeds"] {
            fields.remove(field).unwrap();
        }
        let usual = Protocol::parse(&value.to_string()).unwrap();
        assert_eq!((usual.margins, usual.delta), (vec![0.1, 0.5], 0.02));
        assert_eq!(usual.draws, Draws::default());
    }

    #[test]
    fn the_test_chooses_nothing() {
        let one = protocol();
        assert!(one.allows(Matter::Setting, Split::Validation).is_ok());
        assert!(one.allows(Matter::Reported, Split::Test).is_ok());
        let words = one.allows(Matter::Points, Split::Test).unwrap_err();
        assert_eq!(
            words.to_string(),
            "the choice of points would rest on test prompts; the protocol says validation"
        );
        let mut loose = one.clone();
        loose
            .parts
            .insert(Matter::Setting, vec![Split::Validation, Split::Test]);
        let words = loose.check().unwrap_err().to_string();
        assert_eq!(words, "parts: a setting rests on validation; never on test");
        let mut stricter = one.clone();
        stricter.parts.insert(Matter::Scale, Vec::new());
        let words = stricter.check().unwrap_err().to_string();
        assert!(words.ends_with("the protocol says none"), "{words}");
        let mut late = one;
        late.frozen.on = Split::Test;
        assert!(late.check().is_err());
    }

    #[test]
    fn contradictions_are_named_with_their_field() {
        type Change = fn(&mut Protocol);
        let cases: [(Change, &str); 16] = [
            (|p| p.protocol = 2, "protocol: is 2; 1 is known"),
            (|p| p.objectives.clear(), "objectives: there is none"),
            (
                |p| p.objectives[1] = p.objectives[0].clone(),
                "objectives: `helpful` stands there twice",
            ),
            (
                |p| p.frozen.anchors.ideal[0] = -9.0,
                "frozen.anchors: must hold 2 finite numbers",
            ),
            (
                |p| p.frozen.z[0].deviation = 0.0,
                "frozen.z: must hold 2 means",
            ),
            (
                |p| p.margins.clear(),
                "margins: is 0; it must be at least 1",
            ),
            (
                |p| p.margins[1] = p.margins[0],
                "margins: 0.1 stands there twice",
            ),
            (
                |p| p.margins[0] = f64::NAN,
                "margins[0]: is NaN; it must be 0 to 10",
            ),
            (|p| p.seeds.push(0), "seeds: 0 stands there twice"),
            (
                |p| p.delta = 0.0,
                "delta: is 0; it must be above 0 and below 1",
            ),
            (
                |p| p.draws.draws = 1,
                "draws.draws: is 1; it must be at least 2",
            ),
            (
                |p| p.split.train_below = 90,
                "split: trains below 90 and chooses below 85",
            ),
            (
                |p| p.arms[0].settings.clear(),
                "arms[0].settings: there is none",
            ),
            (
                |p| p.contrasts[0].b = "plane".to_owned(),
                "contrasts[0].b: `plane` is not known; did you mean `plain`?",
            ),
            (
                |p| p.contrasts[0].b = "mva".to_owned(),
                "contrasts[0].b: mva against itself",
            ),
            (
                |p| p.contrasts[0].differs_in.push("tokens".to_owned()),
                "contrasts[0].differs_in: `tokens` is not known",
            ),
        ];
        for (change, want) in cases {
            let mut wrong = protocol();
            change(&mut wrong);
            let words = wrong.check().unwrap_err().to_string();
            assert!(words.starts_with(want), "{want}: {words}");
        }
        let mut controls = protocol();
        controls.contrasts.retain(|contrast| contrast.b != "decay");
        let words = controls.check().unwrap_err().to_string();
        assert!(
            words.contains("decay is a control, and no primary contrast"),
            "{words}"
        );
        let words = Protocol::parse("{\"protocol\": 1, \"nam\": \"x\"}")
            .unwrap_err()
            .to_string();
        assert!(
            words.starts_with("protocol: is not a protocol: unknown field `nam`"),
            "{words}"
        );
    }
}
