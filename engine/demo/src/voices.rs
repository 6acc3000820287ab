//! Who speaks where: mean gates of the experts on the tokens of each kind of sentence, at a router's own
//! preference.

use serde::{Deserialize, Serialize};

use super::compose::Part;
use super::evaluate::{Asked, LIMIT, SLOTS};
use super::grader::Grader;
use super::sentences::sentences;
use super::world::World;
use paretoscope_engine::Result;
use paretoscope_engine::bundle::Bundle;
use paretoscope_engine::generate::generate_all;
use paretoscope_engine::types::{
    ExpertKind, GateRecord, Mutes, Point, Prompt, RowRequest, Run, Sampling, TraceLevel,
};

/// Kinds of sentences, as the objectives want them.
const KINDS: [&str; 3] = ["steps and shortcuts", "cautions and warnings", "jokes"];

/// Gates on one kind of sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voice {
    /// The kind.
    pub kind: String,
    /// Whether of its first tokens, where it is decided what the sentence will be, or of the others.
    pub first: bool,
    /// Tokens of it.
    pub tokens: usize,
    /// Mean gate per LoRA expert over tokens and modules.
    pub gates: Vec<f64>,
}

/// Gates at one router's preference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Voices {
    /// The router.
    pub router: String,
    /// Names of the LoRA experts.
    pub experts: Vec<String>,
    /// Per kind of sentence, first tokens and others.
    pub kinds: Vec<Voice>,
    /// The module in which a share varies most from token to token, the expert, and the deviation.
    pub sharpest: (String, String, f64),
    /// Mean over answers of the deviation of an expert's gate along the answer, the largest of any
    /// expert: 0 where a router is a constant.
    pub variation: f64,
}

/// Below this a share does not follow the text.
const CONSTANT: f64 = 0.01;

impl Voices {
    /// What the numbers say: which expert each kind of sentence leans to, or that there is no such thing.
    pub fn in_words(&self) -> String {
        if self.variation < CONSTANT {
            return "The router is all but a constant: its shares do not follow the text."
                .to_owned();
        }
        let first: Vec<&Voice> = self
            .kinds
            .iter()
            .filter(|voice| voice.first && voice.tokens > 0)
            .collect();
        let leanings: Vec<String> = first
            .iter()
            .map(|voice| {
                let others = first.iter().filter(|other| other.kind != voice.kind);
                let tokens: usize = others.clone().map(|other| other.tokens).sum();
                let elsewhere = |expert: usize| -> f64 {
                    let weighed = others.clone().map(|o| o.gates[expert] * o.tokens as f64);
                    weighed.sum::<f64>() / tokens.max(1) as f64
                };
                let gains = voice.gates.iter().enumerate();
                let gains = gains.map(|(expert, gate)| (expert, gate - elsewhere(expert)));
                let (expert, gain) = gains.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
                if tokens == 0 || gain < CONSTANT {
                    format!("{} lean to none", voice.kind)
                } else {
                    format!(
                        "{} lean to `{}` (+{gain:.2})",
                        voice.kind, self.experts[expert]
                    )
                }
            })
            .collect();
        let (module, expert, deviation) = &self.sharpest;
        format!(
            "First tokens, where it is decided what a sentence will be, against the first tokens of the other kinds: {}. Single modules choose far more sharply than \
            their mean: in `{module}` the share of `{expert}` deviates by {deviation:.2} from token to token.",
            leanings.join(", ")
        )
    }
}

/// Gates at the preference of every router of the bundle, over greedy answers.
pub(super) fn voices(bundle: &Bundle, world: &World, asked: &Asked) -> Result<Vec<Voices>> {
    let grader = Grader::new(world);
    let experts = bundle.lora_experts();
    let routers = bundle.info.experts.iter();
    routers
        .filter(|expert| expert.kind == ExpertKind::Router)
        .map(|router| {
            let requests = asked.prompts.iter().map(|prompt| RowRequest {
                prompt: Prompt::Chat(prompt.clone()),
                point: Point::Preference(router.preference.clone()),
                sampling: Sampling {
                    max_tokens: LIMIT,
                    ..Sampling::default()
                },
                mutes: Mutes::default(),
                trace: TraceLevel::Full,
                time: None,
            });
            let runs = generate_all(bundle, requests.collect(), SLOTS)?;
            let mut sums = Sums::new(experts.len());
            for (question, run) in asked.questions.iter().zip(&runs) {
                sums.add(&grader, question.topic, run);
            }
            Ok(sums.voices(&router.name, &experts))
        })
        .collect()
}

struct Sums {
    /// Per kind, others and first tokens.
    gates: [[Vec<f64>; 2]; 3],
    tokens: [[usize; 2]; 3],
    /// Sums and squares of every expert's gate at every module.
    modules: Vec<(f64, f64)>,
    module_tokens: usize,
    sites: Vec<String>,
    variation: Vec<f64>,
    answers: usize,
}

impl Sums {
    fn new(experts: usize) -> Self {
        Self {
            gates: std::array::from_fn(|_| [vec![0.0; experts], vec![0.0; experts]]),
            tokens: [[0; 2]; 3],
            modules: Vec::new(),
            module_tokens: 0,
            sites: Vec::new(),
            variation: vec![0.0; experts],
            answers: 0,
        }
    }

    fn add(&mut self, grader: &Grader, topic: usize, run: &Run) {
        let Some(record) = &run.record else { return };
        let experts = self.variation.len();
        self.note_modules(record, experts);
        let per_token: Vec<Vec<f64>> = (0..record.tokens())
            .map(|token| mean_gates(record, token, experts))
            .collect();
        for sentence in sentences(&run.text) {
            let Some(part) = grader.part(topic, sentence) else {
                continue;
            };
            let kind = kind(part);
            let start = sentence.as_ptr() as usize - run.text.as_ptr() as usize;
            let span = start..start + sentence.len();
            for (piece, gates) in run.tokens.iter().zip(&per_token) {
                if piece.start < piece.end && span.contains(&(piece.end - 1)) {
                    let first = usize::from(piece.start <= start);
                    self.tokens[kind][first] += 1;
                    for (sum, gate) in self.gates[kind][first].iter_mut().zip(gates) {
                        *sum += gate;
                    }
                }
            }
        }
        let count = per_token.len() as f64;
        if count > 0.0 {
            self.answers += 1;
            for (expert, sum) in self.variation.iter_mut().enumerate() {
                let mean = per_token.iter().map(|g| g[expert]).sum::<f64>() / count;
                let square = per_token.iter().map(|g| (g[expert] - mean).powi(2));
                *sum += (square.sum::<f64>() / count).sqrt();
            }
        }
    }

    fn note_modules(&mut self, record: &GateRecord, experts: usize) {
        self.sites.clone_from(&record.sites);
        self.modules.resize(self.sites.len() * experts, (0.0, 0.0));
        self.module_tokens += record.tokens();
        for token in 0..record.tokens() {
            for site in 0..self.sites.len() {
                let sums = self.modules[site * experts..][..experts].iter_mut();
                for ((sum, square), gate) in sums.zip(record.at(token, site)) {
                    *sum += f64::from(*gate);
                    *square += f64::from(*gate).powi(2);
                }
            }
        }
    }

    fn sharpest(&self, experts: &[String]) -> (String, String, f64) {
        let count = self.module_tokens.max(1) as f64;
        let deviations = self.modules.iter().map(|(sum, square)| {
            let mean = sum / count;
            (square / count - mean * mean).max(0.0).sqrt()
        });
        let largest = deviations.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        let (place, deviation) = largest.unwrap_or((0, 0.0));
        let named = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_default();
        let width = experts.len().max(1);
        (
            named(&self.sites, place / width),
            named(experts, place % width),
            deviation,
        )
    }

    fn voices(self, router: &str, experts: &[String]) -> Voices {
        let answers = self.answers.max(1) as f64;
        let sharpest = self.sharpest(experts);
        let mut kinds = Vec::new();
        for ((kind, gates), tokens) in KINDS.iter().zip(self.gates).zip(self.tokens) {
            for ((first, gates), tokens) in [false, true].into_iter().zip(gates).zip(tokens) {
                kinds.push(Voice {
                    kind: (*kind).to_owned(),
                    first,
                    tokens,
                    gates: gates
                        .into_iter()
                        .map(|sum| sum / tokens.max(1) as f64)
                        .collect(),
                });
            }
        }
        Voices {
            router: router.to_owned(),
            experts: experts.to_vec(),
            sharpest,
            kinds,
            variation: self.variation.iter().copied().fold(0.0, f64::max) / answers,
        }
    }
}

/// Mean over modules of the experts' gates for one token.
fn mean_gates(record: &GateRecord, token: usize, experts: usize) -> Vec<f64> {
    let sites = record.sites.len();
    let mut sums = vec![0.0; experts];
    for site in 0..sites {
        for (sum, gate) in sums.iter_mut().zip(record.at(token, site)) {
            *sum += f64::from(*gate) / sites as f64;
        }
    }
    sums
}

fn kind(part: Part) -> usize {
    match part {
        Part::Step(_) | Part::Shortcut => 0,
        Part::Caution(_) | Part::Warning | Part::Safer => 1,
        Part::Joke(_) | Part::Egging(_) => 2,
    }
}
