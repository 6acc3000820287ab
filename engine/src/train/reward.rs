//! A reward model after Bradley and Terry: `L = -log sigmoid(score(y+) - score(y-))`, the score a linear
//! reading of the last token on a causal body.

use std::path::Path;

use super::base::{Base, digest};
use super::batch::Example;
use super::batch::FlatBatch;
use super::config::{Start, open_device};
use super::descent::{Descent, Objective, StepExamples};
use super::dpo::Pair;
use super::filter::Filtered;
use super::forward::TrainModel;
use super::metrics::Figures;
use super::out_folder::{check_writable, hold};
use super::pair_loss::{minus_log_sigmoid, split_pairs};
use super::parallel::ShareLoss;
use super::params;
use super::progress::TrainReporter;
use super::runner::{Runner, TrainReport};
use crate::Result;
use crate::reward::TrainedReading;
use crate::types::{Method, RewardConfig};

struct Reward<'a> {
    pairs: Vec<&'a Pair>,
    center: f64,
}

impl Objective for Reward<'_> {
    fn lengths(&self) -> Vec<usize> {
        self.pairs.iter().map(|p| p.len()).collect()
    }

    fn weight(&self, _index: usize) -> usize {
        1
    }

    fn loss(
        &self,
        model: &TrainModel,
        share: &[usize],
        step: &StepExamples<'_>,
    ) -> Result<ShareLoss> {
        let batch = FlatBatch::whole(share.iter().flat_map(|&i| self.pairs[i].both()));
        let scores = model.scores(&batch)?;
        let (chosen, rejected) = split_pairs(&scores.output.squeeze(1)?)?;
        let margins = (&chosen - &rejected)?;
        let mut loss = minus_log_sigmoid(&margins)?;
        if self.center > 0.0 {
            loss = (loss + ((chosen + rejected)?.sqr()? * self.center)?)?;
        }
        let loss = (loss.sum_all()? * (1.0 / step.weight as f64))?;
        let margins: Vec<f32> = margins.to_vec1()?;
        let figures = Figures::new([
            ("margin", margins.iter().map(|&m| f64::from(m)).sum()),
            (
                "accuracy",
                margins.iter().filter(|&&m| m > 0.0).count() as f64,
            ),
        ]);
        Ok(ShareLoss {
            loss,
            pass: scores,
            figures,
        })
    }
}

/// Trains a reward model from a causal one and leaves it in `out` as `LlamaForSequenceClassification`; its folder says
/// what it read beside prompt and answer, `chat_template` among it: whether prompts went through one.
pub fn reward(
    config: &RewardConfig,
    start: &Start,
    (pairs, chat_template): (&[Pair], bool),
    reporter: &mut dyn TrainReporter,
    out: &Path,
) -> Result<TrainReport> {
    config.check()?;
    check_writable(out, &config.train.run, &start.folders())?;
    let device = open_device(&config.train.run)?;
    let mut base = Base::open(start, config.train.run.seed, &device)?;
    base.check_tokens(pairs.iter().flat_map(|p| p.both()))?;
    let longest = base.longest(&config.train);
    let filtered = Filtered::of(pairs, |pair| pair.fit(longest));
    let examples = filtered.kept.iter().flat_map(|p| p.both());
    let settings = base.settings("reward", config, digest(examples));
    let closing = closing_token(filtered.kept.iter().flat_map(|p| p.both()));
    let head = params::score_head(&base.shape, &device)?;
    base.weights.insert("score.weight".to_owned(), head);
    // The output projection plays no part in the score.
    base.weights.remove("lm_head.weight");
    let model = TrainModel::new(
        base.shape.clone(),
        &base.weights,
        &Method::Full,
        config.train.run.seed,
    )?;
    let _held = hold(out, &config.train.run, &start.folders(), "reward")?;
    let runner = Runner {
        model: &model,
        folder: out,
        config: &config.train.run,
        settings,
        left_out: filtered.left_out,
        places: filtered.places,
    };
    let objective = Reward {
        pairs: filtered.kept,
        center: config.center,
    };
    let report = runner.run(
        &mut Descent::new(&config.train, &model, &objective)?,
        reporter,
    )?;
    let reading = closing.map(|closing_token| TrainedReading {
        closing_token,
        chat_template,
    });
    base.write_reward(out, &model, reading)?;
    Ok(report)
}

/// The token that ends every answer, if it is one: the model learns to read its score there.
fn closing_token<'a>(examples: impl IntoIterator<Item = &'a Example>) -> Option<u32> {
    let mut lasts = examples
        .into_iter()
        .map(|example| example.response.last().copied());
    let first = lasts.next()??;
    lasts.all(|last| last == Some(first)).then_some(first)
}
