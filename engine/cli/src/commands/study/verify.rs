//! `study verify`: stored answers, made anew.

use std::path::PathBuf;

use paretoscope_engine::bundle::Bundle;
use paretoscope_engine::generate::{generate_all, key};
use paretoscope_engine::method::plan;
use paretoscope_engine::study::{Stored, bundle_uid};
use paretoscope_engine::types::{Mutes, RowRequest, TraceLevel};
use paretoscope_engine::{Error, Result};
use rand::SeedableRng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::super::place::load;
use super::file::existing;
use crate::options::Global;
use crate::print::json_line;

/// Options of `study verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The bundle that made the answers
    #[arg(long, value_name = "DIR")]
    bundle: PathBuf,
    /// How many answers, drawn by --seed
    #[arg(long, value_name = "N", default_value_t = 16)]
    sample: usize,
}

/// Rows in one batch.
const SLOTS: usize = 16;

#[derive(Serialize)]
struct Answer {
    checked: usize,
    equal: usize,
    /// Answers of this bundle that have no key, or whose key this bundle gives no more: its files or the program changed.
    #[serde(skip_serializing_if = "is_zero")]
    unverified: usize,
    diverged: Vec<Diverged>,
}

#[derive(Serialize)]
struct Diverged {
    uid: String,
    stored: String,
    now: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let study = existing(&args.file)?;
    let bundle = load(&args.bundle, global, true)?;
    let uid = bundle_uid(&bundle.info);
    let Some(number) = study.bundle_of(&uid)? else {
        let known = study.info()?.bundles.join(", ");
        let problem = format!(
            "no answer of {} is in {} as this bundle is now (its bundles: {known}); name the bundle that made them",
            args.bundle.display(),
            args.file.display()
        );
        return Err(Error::option("--bundle", problem));
    };
    let mut answers = Vec::new();
    study.each_answer(|answer| {
        if answer.bundle == Some(number) {
            answers.push(answer);
        }
        Ok(())
    })?;
    let all = answers.len();
    answers.retain(|answer| answer.key.is_some());
    let mut random = ChaCha8Rng::seed_from_u64(global.seed);
    let chosen: Vec<&Stored> = answers.choose_multiple(&mut random, args.sample).collect();
    let mut answer = Answer {
        checked: 0,
        equal: 0,
        unverified: all - answers.len(),
        diverged: Vec::new(),
    };
    let mut asked = Vec::new();
    for stored in chosen {
        match request(&bundle, stored, &study.asked_at(stored.id)?)? {
            Some(row) => asked.push((stored, row)),
            None => answer.unverified += 1,
        }
    }
    let rows = asked.iter().map(|(_, row)| row.clone()).collect();
    for ((stored, _), run) in asked.iter().zip(generate_all(&bundle, rows, SLOTS)?) {
        answer.checked += 1;
        if run.text == stored.text {
            answer.equal += 1;
        } else {
            answer.diverged.push(Diverged {
                uid: stored.uid.to_string(),
                stored: stored.text.clone(),
                now: run.text,
            });
        }
    }
    json_line(&answer)
}

/// The row that asks for the answer once more; `None` where this bundle gives it another key at any of these times.
pub(super) fn request(
    bundle: &Bundle,
    stored: &Stored,
    times: &[u64],
) -> Result<Option<RowRequest>> {
    let Some(point) = stored.point.clone() else {
        return Ok(None);
    };
    let method = stored.sampling.method.as_ref();
    let plan = plan(bundle, method, &point, &stored.prompt, &Mutes::default())?;
    for time in times.iter().copied().map(Some) {
        let tokenizer = bundle.tokenizer.at(time);
        let own = tokenizer.encode_prompt(&stored.prompt)?;
        let received = plan.received(&tokenizer, &own)?;
        let (ids, gates) = (&received.prompt, &received.gates);
        if Some(key(bundle, ids, gates, &stored.sampling, received.plan)) == stored.key {
            return Ok(Some(RowRequest {
                prompt: stored.prompt.clone(),
                point,
                mutes: Mutes::default(),
                sampling: stored.sampling.clone(),
                trace: TraceLevel::None,
                time,
            }));
        }
    }
    Ok(None)
}
