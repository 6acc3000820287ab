//! The recipe of the demonstration bundle: every number that goes into it.

use serde::{Deserialize, Serialize};

use super::dataset::{DataSettings, SamplePrompt};
use super::levels::Objective;
use super::phrasing::ask;
use super::split::Split;
use super::world::World;

/// The base model's size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// Tokens, special ones included.
    pub vocabulary: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward block.
    pub feed_forward: usize,
    /// Decoder layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Positions at most.
    pub context: usize,
}

/// How one kind of model is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainSettings {
    /// The highest learning rate.
    pub learning_rate: f64,
    /// Passes over its data.
    pub epochs: usize,
    /// Tokens per step.
    pub batch_tokens: usize,
}

/// Experts from full fine-tunes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpertSettings {
    /// Rank on every linear of every layer.
    pub rank: usize,
    /// Share of the fine-tunes' differences that is pruned (HoE, appendix D.1).
    pub prune: f64,
    /// How strongly DPO holds the model to the reference.
    pub beta: f64,
    /// What the experts are multiplied by, in order of objectives: as far as answers stay free of repeats.
    pub rescale: [f64; 3],
    /// Pairs for an expert beyond those that its reward model sees.
    pub extra: ExtraPairs,
    /// Preference optimisation of all weights.
    pub dpo: TrainSettings,
}

/// The router expert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouterSettings {
    /// Where it stands.
    pub preference: [f64; 3],
    /// Batches of policy optimisation.
    pub batches: usize,
    /// Answers per batch.
    pub batch: usize,
    /// Learning rate of its layers.
    pub learning_rate: f64,
    /// Answers that rewards are normalised by.
    pub calibration: usize,
}

/// Value vectors: adapters by DPO, once held apart from those before them (MVA) and once plain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueSettings {
    /// Weight of the penalty, normalised HSIC, beside the loss.
    pub alpha: f64,
    /// Preference optimisation of each.
    pub dpo: TrainSettings,
}

/// Pairs that an expert needs and a reward model does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExtraPairs {
    /// Pairs of the objective about risky topics alone.
    pub risky: usize,
    /// Pairs of an answer with itself, one sentence said twice in the worse one: an expert that
    /// wants more of a kind than there is learns to end in time.
    pub repeats: usize,
}

/// Numbers of the baselines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BaselineSettings {
    /// Where methods with a model per preference are trained.
    pub points: Vec<[f64; 3]>,
    /// Adapters of one preference: MODPO, DPO-LW, DPO-SeqT, as the value vectors.
    pub adapters: TrainSettings,
    /// Autoregressive rewards.
    pub rewards: TrainSettings,
    /// What their log-probabilities are multiplied by: answers are short, so that differences are small.
    pub reward_beta: f64,
    /// Ranks of PARM's two parts.
    pub parm_rank: usize,
    /// LoRAMoE, on the base's own examples.
    pub loramoe: TrainSettings,
    /// Its experts, and the rank of each.
    pub experts: [usize; 2],
    /// Models that correct answers.
    pub corrections: TrainSettings,
    /// RiC's first descent; its rounds have a tenth of the rate.
    pub ric: TrainSettings,
    /// RiC: answers first, and in every round.
    pub ric_answers: [usize; 2],
    /// MORLHF: batches of answers, and answers per batch.
    pub morlhf: [usize; 2],
}

impl Default for BaselineSettings {
    fn default() -> Self {
        let at = |learning_rate| TrainSettings {
            learning_rate,
            epochs: 1,
            batch_tokens: 2048,
        };
        Self {
            points: vec![
                [1.0 / 3.0; 3],
                [0.25, 0.25, 0.5],
                [0.5, 0.25, 0.25],
                [0.25, 0.5, 0.25],
            ],
            adapters: at(3e-4),
            rewards: at(1e-3),
            reward_beta: 0.3,
            parm_rank: 8,
            loramoe: at(1e-3),
            experts: [4, 8],
            corrections: at(1e-3),
            ric: at(1e-3),
            ric_answers: [4_000, 2_000],
            morlhf: [100, 64],
        }
    }
}

/// The whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// What is drawn from the world.
    pub data: DataSettings,
    /// The base model's size.
    pub model: ModelSettings,
    /// Supervised training of the base from random weights.
    pub sft: TrainSettings,
    /// Experts from full fine-tunes.
    pub expert: ExpertSettings,
    /// The router.
    pub router: RouterSettings,
    /// Value vectors.
    pub values: ValueSettings,
    /// Reward models, started from the base.
    pub reward: TrainSettings,
    /// The methods that ours are compared with; no part of the bundle.
    #[serde(default)]
    pub baselines: BaselineSettings,
    /// Questions of the test split that each point of the evaluation answers (0: all).
    pub evaluation_prompts: usize,
    /// Seed of initial weights and of the order of data.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            data: DataSettings::default(),
            model: ModelSettings {
                vocabulary: 2048,
                hidden: 128,
                feed_forward: 352,
                layers: 4,
                heads: 4,
                context: 256,
            },
            sft: TrainSettings {
                learning_rate: 3e-3,
                epochs: 1,
                batch_tokens: 2048,
            },
            expert: ExpertSettings {
                rank: 16,
                prune: 0.4,
                beta: 0.3,
                rescale: [1.0, 0.9, 0.6],
                extra: ExtraPairs {
                    risky: 800,
                    repeats: 3_000,
                },
                dpo: TrainSettings {
                    learning_rate: 1e-4,
                    epochs: 1,
                    batch_tokens: 2048,
                },
            },
            router: RouterSettings {
                preference: [0.25, 0.25, 0.5],
                batches: 150,
                batch: 64,
                learning_rate: 1e-2,
                calibration: 256,
            },
            values: ValueSettings {
                alpha: 1.0,
                dpo: TrainSettings {
                    learning_rate: 3e-4,
                    epochs: 1,
                    batch_tokens: 2048,
                },
            },
            reward: TrainSettings {
                learning_rate: 5e-4,
                epochs: 1,
                batch_tokens: 2048,
            },
            baselines: BaselineSettings::default(),
            evaluation_prompts: 0,
            seed: 0,
        }
    }
}

impl Recipe {
    /// The recipe in a minute: small enough for tests, too small to speak.
    pub fn tiny() -> Self {
        let standard = Self::default();
        Self {
            data: DataSettings {
                examples: 64,
                validation_examples: 8,
                pairs: 16,
                test_pairs: 8,
                ..standard.data
            },
            model: ModelSettings {
                vocabulary: 512,
                hidden: 32,
                feed_forward: 64,
                layers: 1,
                heads: 2,
                context: 256,
            },
            expert: ExpertSettings {
                extra: ExtraPairs {
                    risky: 4,
                    repeats: 4,
                },
                ..standard.expert
            },
            router: RouterSettings {
                batches: 2,
                batch: 4,
                calibration: 4,
                ..standard.router
            },
            baselines: BaselineSettings {
                points: vec![[0.5, 0.3, 0.2]],
                ric_answers: [8, 4],
                morlhf: [2, 4],
                ..standard.baselines
            },
            evaluation_prompts: 4,
            ..standard
        }
    }
}

/// Topics behind the window's sample prompts, each with a way to ask: many domains, half of them risky. The first is
/// what a newcomer drags the point on: of 489 questions tried, one whose answers change in visible steps on every way
/// from the centre to a corner and along every edge (`tests/tests/first_minute.rs` holds the numbers).
const SAMPLES: [(&str, &str, usize); 17] = [
    ("Crumbs in a keyboard", "keyboard-crumbs", 2),
    ("Leaves and a fence", "dry-leaves", 3),
    ("Wet phone", "wet-phone", 0),
    ("Neighbour's mail", "neighbour-mail", 1),
    ("Boiled eggs", "boil-eggs", 2),
    ("Mould in the shower", "shower-mold", 3),
    ("Loud neighbour", "loud-neighbour", 5),
    ("A birthday party", "birthday-party", 11),
    ("A dog and his treats", "dog-treats", 0),
    ("Sleep", "fall-asleep", 0),
    ("Oil on fire", "pan-fire", 0),
    ("A flat bicycle tyre", "bike-flat-tire", 2),
    ("A squeaky door", "squeaky-door", 12),
    ("A prank", "harmless-prank", 5),
    ("A campfire", "build-campfire", 8),
    ("Salty soup", "salty-soup", 0),
    ("The exam", "study-exam", 0),
];

/// The window's sample prompts: those of [`SAMPLES`] whose topics were trained on.
pub fn samples(world: &World, split: &Split) -> Vec<SamplePrompt> {
    let known = |topic: usize| split.new_topics.iter().all(|q| q.topic != topic);
    SAMPLES
        .iter()
        .filter_map(|&(title, id, phrasing)| {
            let place = world.find(id).filter(|&place| known(place))?;
            let chat = ask(world.topics.get(place)?, phrasing);
            Some(SamplePrompt {
                title: title.to_owned(),
                chat,
            })
        })
        .take(12)
        .collect()
}

/// The points that the evaluation visits, as shares of helpful, harmless and humor.
pub fn points(recipe: &Recipe) -> Vec<(String, [f64; 3])> {
    let names = Objective::ALL.map(Objective::name);
    let mut points = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mut at = [0.0; 3];
        at[i] = 1.0;
        points.push(((*name).to_owned(), at));
    }
    for (i, j) in [(0, 1), (1, 2), (0, 2)] {
        let mut at = [0.0; 3];
        at[i] = 0.5;
        at[j] = 0.5;
        points.push((format!("{} + {}", names[i], names[j]), at));
    }
    points.push(("centre".to_owned(), [1.0 / 3.0; 3]));
    points.push(("router".to_owned(), recipe.router.preference));
    points
}
