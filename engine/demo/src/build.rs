//! The build: from the world to a finished bundle, stage by stage, resumable.

use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use super::bundle::{Parts, TOKENIZER, assemble, copy};
use super::dataset::{self, Example as TextExample, Pair as TextPair, Source};
use super::evaluate::{Evaluation, PLAIN, evaluate};
use super::levels::Objective;
use super::parts::{Apart, Sources, parts};
use super::recipe::{Recipe, TrainSettings};
use super::world::World;
use super::{card, tokenizer};
use paretoscope_engine::bundle::Manifest;
use paretoscope_engine::model::{LlamaConfig, RopeScaling, Variant};
use paretoscope_engine::output::{write_bytes, write_json};
use paretoscope_engine::recipe as general;
use paretoscope_engine::stage::{Done, Stages, digest};
use paretoscope_engine::train::{Example, Pair, Start, TrainReporter, reward, sft};
use paretoscope_engine::types::{
    Method, OptimiserConfig, RewardConfig, RunConfig, SftConfig, TrainConfig,
};
use paretoscope_engine::weights::file_digest;
use paretoscope_engine::{Error, Problem, Result};

/// What to build, from where, to where.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// Folder of the world, e.g. `assets/world`.
    pub world: PathBuf,
    /// Folder for everything between; a build goes on from what is there.
    pub work: PathBuf,
    /// The bundle's folder.
    pub out: PathBuf,
    /// All numbers.
    pub recipe: Recipe,
    /// Threads.
    pub workers: usize,
    /// Makes this alone, with what it needs, and no bundle: two processes can share a build.
    pub only: Option<Only>,
}

/// A part of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Data, tokenizer and base.
    Base,
    /// The reward models.
    Rewards,
}

/// Whom a build tells about its progress.
pub trait BuildReporter {
    /// A stage begins.
    fn stage(&mut self, name: &str);

    /// The listener for the training run of the stage.
    fn training(&mut self) -> &mut dyn TrainReporter;

    /// The listener for experts, router and value vectors.
    fn parts(&mut self) -> &mut dyn general::BuildReporter;
}

/// Runs every stage that is not done yet and returns what the evaluation measured; nothing where
/// only a part was asked for.
pub fn build(
    options: &BuildOptions,
    reporter: &mut dyn BuildReporter,
) -> Result<Option<Evaluation>> {
    let build = Build::open(options)?;
    let recipe = &options.recipe;
    reporter.stage("data");
    let data = build.data()?;
    reporter.stage("tokenizer");
    let tokens = build.tokenizer(&data.examples)?;
    reporter.stage("base");
    let base = build.base(&data.examples, &tokens, reporter)?;
    let made = Made { data, tokens, base };
    if options.only == Some(Only::Base) {
        return Ok(None);
    }
    let mut rewards = Vec::new();
    for objective in Objective::ALL {
        reporter.stage(&format!("reward {}", objective.name()));
        rewards.push(build.reward(objective, &made, reporter)?);
    }
    if options.only.is_some() {
        return Ok(None);
    }
    let [helpful, harmless, humor] = three(&rewards)?;
    let sources = Sources {
        base: &made.base.folder,
        rewards: [&helpful.folder, &harmless.folder, &humor.folder],
        pairs: &made.data.expert_pairs.folder,
        prompts: &made.data.questions.folder.join(QUESTIONS),
    };
    reporter.stage("experts, router, value vectors held apart");
    let apart = build.parts(&sources, Apart::Yes, reporter)?;
    reporter.stage("plain value vectors");
    let plain = build.parts(&sources, Apart::No, reporter)?;
    reporter.stage("bundle");
    let parts = Parts {
        base: sources.base,
        made: &apart,
        plain: &plain,
        rewards: sources.rewards,
        tokenizer: &made.tokens.folder,
    };
    assemble(&build.world, recipe, &parts, &options.out)?;
    reporter.stage("evaluation");
    let inputs = shipped(&options.out)?;
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let measured = build.stages.stage(
        "evaluation",
        &(recipe.evaluation_prompts, FORM),
        &inputs,
        |run| {
            let mut note = |what: &str| {
                tracing::info!(what, "measuring");
                if reporter.training().cancelled() {
                    return Err(Error::Cancelled);
                }
                Ok(())
            };
            let scratch = run.folder.join("without-router");
            let places = (options.out.as_path(), scratch.as_path());
            let figures = evaluate(places, &build.world, recipe, options.workers, &mut note)?;
            write_json(&run.folder.join("evaluation.json"), &figures)
        },
    )?;
    let path = measured.folder.join("evaluation.json");
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let figures: Evaluation = serde_json::from_str(&text)
        .map_err(|e| Error::file(&path, Problem::format("an evaluation", e)))?;
    let source = Source::new(&build.world, recipe.data.clone());
    let card = card::card(&build.world, source.split(), recipe, &figures);
    let path = options.out.join("MODEL_CARD.md");
    write_bytes(&path, card.as_bytes())?;
    Ok(Some(figures))
}

/// The form of `evaluation.json`: a number that changes with it, so that another form is measured anew.
const FORM: u32 = 2;

/// The file of training questions.
const QUESTIONS: &str = "questions.jsonl";

/// Digests of all weights of a bundle that was put together.
fn shipped(out: &Path) -> Result<Vec<String>> {
    let mut digests = Vec::new();
    for folder in [out.to_path_buf(), out.join(PLAIN)] {
        let manifest = Manifest::load(&folder)?;
        let experts = manifest.experts.iter().map(|expert| &expert.path);
        let values = manifest.values.iter().map(|value| &value.path);
        let rewards = manifest.objectives.iter().filter_map(|o| o.reward.as_ref());
        let models = rewards.map(|reward| &reward.path).chain([&manifest.base]);
        for path in experts.chain(values).chain(models) {
            for name in [
                "model.safetensors",
                "adapter_model.safetensors",
                "router.safetensors",
            ] {
                let file = folder.join(path).join(name);
                if file.exists() {
                    digests.push(file_digest(&file)?);
                }
            }
        }
    }
    Ok(digests)
}

/// What is drawn from the world.
struct Data {
    examples: Done,
    pairs: Done,
    expert_pairs: Done,
    questions: Done,
}

/// What experts and rewards are made from.
struct Made {
    data: Data,
    tokens: Done,
    base: Done,
}

/// What the stages share.
struct Build<'a> {
    options: &'a BuildOptions,
    stages: Stages,
    world: World,
    world_digest: String,
}

impl<'a> Build<'a> {
    fn open(options: &'a BuildOptions) -> Result<Self> {
        let world = World::load(&options.world)?;
        // Topics are plain data, so their debug form holds all of them.
        let world_digest = digest([format!("{:?}", world.topics)].iter().map(String::as_str));
        Ok(Self {
            options,
            stages: Stages::new(&options.work)?,
            world,
            world_digest,
        })
    }

    /// Examples and pairs, apart, so that other pairs need no other base.
    fn data(&self) -> Result<Data> {
        let settings = &self.options.recipe.data;
        let source = Source::new(&self.world, settings.clone());
        let drawn = (
            settings.examples,
            settings.validation_examples,
            settings.seed,
        );
        let examples = self
            .stages
            .stage("examples", &drawn, &[&self.world_digest], |run| {
                dataset::write_examples(&source, run.folder)
            })?;
        let pairs = self
            .stages
            .stage("pairs", settings, &[&self.world_digest], |run| {
                dataset::write_pairs(&source, run.folder)
            })?;
        let extra = &self.options.recipe.expert.extra;
        let both = (settings, extra);
        let expert_pairs =
            self.stages
                .stage("expert-pairs", &both, &[&self.world_digest], |run| {
                    dataset::write_expert_pairs(&source, extra, run.folder)
                })?;
        let questions =
            self.stages
                .stage("questions", &settings.seed, &[&self.world_digest], |run| {
                    let path = run.folder.join(QUESTIONS);
                    dataset::write_lines(&path, &source.training_prompts())
                })?;
        Ok(Data {
            examples,
            pairs,
            expert_pairs,
            questions,
        })
    }

    fn tokenizer(&self, data: &Done) -> Result<Done> {
        let model = &self.options.recipe.model;
        self.stages.stage(
            "tokenizer",
            &(model.vocabulary, model.context),
            &[&data.digest],
            |run| {
                let mut examples: Vec<TextExample> = read_lines(&data.folder.join("sft.jsonl"))?;
                // More texts give the same counts' order and take longer.
                examples.truncate(20_000);
                let texts = examples
                    .iter()
                    .flat_map(|e| [e.prompt.as_str(), e.response.as_str()]);
                let trained = tokenizer::train(texts, model.vocabulary)?;
                tokenizer::save(&trained, run.folder, model.context)
            },
        )
    }

    fn base(
        &self,
        examples: &Done,
        tokens: &Done,
        reporter: &mut dyn BuildReporter,
    ) -> Result<Done> {
        let recipe = &self.options.recipe;
        let settings = (&recipe.model, &recipe.sft, recipe.seed);
        self.stages.stage(
            "base",
            &settings,
            &[&examples.digest, &tokens.digest],
            |run| {
                let tokenizer = load_tokenizer(tokens)?;
                let lines: Vec<TextExample> = read_lines(&examples.folder.join("sft.jsonl"))?;
                let examples: Vec<Example> = lines
                    .iter()
                    .map(|e| encode(&tokenizer, &e.prompt, &e.response))
                    .collect::<Result<_>>()?;
                let config = SftConfig {
                    train: self.train_config(&recipe.sft, run.resumes),
                    method: Method::Full,
                    train_on_prompts: false,
                    begin_with: None,
                };
                let start = Start::Random(self.shape(tokenizer.get_vocab_size(true)));
                sft(&config, &start, &examples, reporter.training(), run.folder)?;
                copy(&tokens.folder, run.folder, &TOKENIZER)
            },
        )
    }

    /// Experts, router and value vectors, by a recipe of their own.
    fn parts(
        &self,
        sources: &Sources<'_>,
        values: Apart,
        reporter: &mut dyn BuildReporter,
    ) -> Result<PathBuf> {
        let recipe = parts(&self.options.recipe, sources, values);
        let (work, name) = match values {
            Apart::Yes => ("parts", "parts-bundle"),
            Apart::No => ("parts", "plain-bundle"),
        };
        let out = self.options.work.join(name);
        // Put together anew from what is kept.
        if out.exists() {
            std::fs::remove_dir_all(&out).map_err(Error::io("clear", &out))?;
        }
        let options = general::BuildOptions {
            recipe: PathBuf::from("the demonstration's recipe"),
            out: out.clone(),
            work: self.options.work.join(work),
            workers: self.options.workers,
        };
        general::build(&recipe, &options, reporter.parts())?;
        Ok(out)
    }

    fn reward(
        &self,
        objective: Objective,
        made: &Made,
        reporter: &mut dyn BuildReporter,
    ) -> Result<Done> {
        let recipe = &self.options.recipe;
        let settings = (&recipe.reward, recipe.seed);
        self.stages.stage(
            &format!("rewards/{}", objective.name()),
            &settings,
            &[&made.base.digest, &made.data.pairs.digest],
            |run| {
                // A small pull towards zero keeps the three scales alike.
                let config = RewardConfig {
                    train: self.train_config(&recipe.reward, run.resumes),
                    center: 0.005,
                };
                let pairs = pairs(objective, &made.data.pairs, made)?;
                reward(
                    &config,
                    &Start::Folder(made.base.folder.clone()),
                    (&pairs, true),
                    reporter.training(),
                    run.folder,
                )
                .map(drop)
            },
        )
    }

    fn train_config(&self, settings: &TrainSettings, resume: bool) -> TrainConfig {
        TrainConfig {
            run: RunConfig {
                seed: self.options.recipe.seed,
                workers: self.options.workers,
                optimiser: OptimiserConfig {
                    learning_rate: settings.learning_rate,
                    final_rate: 0.02,
                    // Numbers of its own, so that what ships does not follow what is usual elsewhere.
                    warm_up: 0.03,
                    weight_decay: 0.01,
                    ..OptimiserConfig::default()
                },
                checkpoint_every: 100,
                resume,
                ..RunConfig::default()
            },
            epochs: settings.epochs,
            batch_tokens: settings.batch_tokens,
            max_length: self.options.recipe.model.context,
            steps: None,
        }
    }

    fn shape(&self, vocabulary: usize) -> LlamaConfig {
        let model = &self.options.recipe.model;
        LlamaConfig {
            vocabulary,
            hidden_size: model.hidden,
            intermediate_size: model.feed_forward,
            layers: model.layers,
            heads: model.heads,
            kv_heads: model.heads,
            head_dim: model.hidden / model.heads.max(1),
            rms_norm_eps: 1e-5,
            rope_theta: 10_000.0,
            context: model.context,
            positions: model.context,
            rope_scaling: RopeScaling::None,
            attention_bias: false,
            mlp_bias: false,
            variant: Variant::default(),
            tied_embeddings: true,
            eos_token_id: Some(tokenizer::END),
            bos_token_id: Some(tokenizer::BOS),
        }
    }
}

fn three(done: &[Done]) -> Result<[&Done; 3]> {
    match done {
        [a, b, c] => Ok([a, b, c]),
        _ => Err(Error::option(
            "objectives",
            format!("{} were built, 3 are needed", done.len()),
        )),
    }
}

fn encode(tokenizer: &Tokenizer, prompt: &str, response: &str) -> Result<Example> {
    Ok(Example {
        prompt: tokenizer::question(tokenizer, prompt)?,
        response: tokenizer::answer(tokenizer, response)?,
    })
}

fn read_lines<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::line(path, index + 1, e.to_string()))
    };
    text.lines().enumerate().map(parse).collect()
}

fn pairs(objective: Objective, from: &Done, made: &Made) -> Result<Vec<Pair>> {
    let tokenizer = load_tokenizer(&made.tokens)?;
    let path = from
        .folder
        .join(format!("pairs-{}.jsonl", objective.name()));
    let lines: Vec<TextPair> = read_lines(&path)?;
    let pair = |line: &TextPair| {
        Ok(Pair {
            chosen: encode(&tokenizer, &line.prompt, &line.chosen)?,
            rejected: encode(&tokenizer, &line.prompt, &line.rejected)?,
        })
    };
    lines.iter().map(pair).collect()
}

fn load_tokenizer(tokens: &Done) -> Result<Tokenizer> {
    let path = tokens.folder.join("tokenizer.json");
    Tokenizer::from_file(&path).map_err(|e| Error::file(&path, Problem::format("a tokenizer", e)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baselines::{Places, jobs, write_data};
    use paretoscope_engine::train::{Silent, TrainReport, run_job};

    #[derive(Default)]
    struct Quiet {
        silent: Silent,
        stages: Vec<String>,
    }

    impl general::BuildReporter for Quiet {
        fn progress(&mut self, _progress: &general::BuildProgress) {}
    }

    impl BuildReporter for Quiet {
        fn stage(&mut self, name: &str) {
            self.stages.push(name.to_owned());
        }

        fn training(&mut self) -> &mut dyn TrainReporter {
            &mut self.silent
        }

        fn parts(&mut self) -> &mut dyn general::BuildReporter {
            self
        }
    }

    /// Twice: the second time everything is there.
    fn every_baseline_is_trained_on(options: &BuildOptions) {
        let places = Places {
            bundle: &options.out,
            data: &options.work.join("baselines-data"),
            out: &options.work.join("baselines"),
        };
        let world = World::load(&options.world).expect("a world");
        write_data(&world, &options.recipe, places.data).expect("writes");
        let reports = || -> Vec<TrainReport> {
            let jobs = jobs(&options.recipe, &places, 2);
            let made = jobs.iter().map(|job| {
                let report = run_job(job, &mut Silent);
                report.unwrap_or_else(|error| panic!("{}: {error}", job.out.display()))
            });
            made.collect()
        };
        let first = reports();
        assert!(
            first
                .iter()
                .all(|report| report.steps > 0 && report.final_loss.is_finite())
        );
        let steps = |reports: &[TrainReport]| -> Vec<usize> {
            reports.iter().map(|report| report.steps).collect()
        };
        let again = reports();
        assert_eq!(steps(&again), steps(&first));
        assert!(again.iter().all(|report| report.last.is_none()));
    }

    #[test]
    fn a_tiny_build_makes_a_whole_bundle_and_then_has_nothing_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = BuildOptions {
            world: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/world"),
            work: folder.path().join("work"),
            out: folder.path().join("demo"),
            recipe: Recipe::tiny(),
            workers: 2,
            only: None,
        };
        let mut reporter = Quiet::default();
        let figures = build(&options, &mut reporter)
            .expect("builds")
            .expect("measures");
        assert_eq!(figures.points.len(), 8);
        assert_eq!(figures.fronts.covers.len(), 4);
        assert_eq!(figures.voices.len(), 1);
        assert!(figures.perplexity.is_finite() && figures.perplexity > 1.0);
        assert_eq!(reporter.stages.first().map(String::as_str), Some("data"));
        for file in [
            "bundle.json",
            "MODEL_CARD.md",
            "prompts.jsonl",
            "prompts/test.jsonl",
            "base/model.safetensors",
            "base/tokenizer.json",
            "experts/centre/adapter_model.safetensors",
            "routers/1-1-2/router.safetensors",
            "values/humor/adapter_model.safetensors",
            "plain/bundle.json",
            "plain/values/plain-humor/adapter_model.safetensors",
            "rewards/humor/model.safetensors",
        ] {
            assert!(options.out.join(file).is_file(), "{file} is missing");
        }
        let made = [
            "base/model.safetensors",
            "parts/sources/helpful/model.safetensors",
            "parts/routers/1-1-2/result/router.safetensors",
            "parts/values/plain-humor/adapter_model.safetensors",
        ];
        let times = || {
            made.map(|file| {
                let data = std::fs::metadata(options.work.join(file));
                data.and_then(|m| m.modified()).expect("a time")
            })
        };
        let before = times();
        assert_eq!(
            build(&options, &mut Quiet::default()).expect("builds"),
            Some(figures)
        );
        assert_eq!(times(), before, "something was made again");
        every_baseline_is_trained_on(&options);
    }
}
