//! A judge at work: what it has not said yet is asked, and kept as it comes.

use std::time::{Duration, Instant};

use paretoscope_core::study::{Answered, Judge, JudgeItem, Judgement, Study};
use paretoscope_core::types::{JudgePlan, JudgeProgress};
use serde_json::Value;

use crate::ask::body;
use crate::client::{Client, Failure, Key};
use crate::cost::count;
use crate::pace::{Pace, sleep, wait};
use crate::preview::unjudged;
use crate::reply::content;
use crate::verdict::read;
use crate::{Error, Result};

/// Whom a run tells, and who may stop it.
pub trait Listener {
    /// A reply came, a verdict is kept, or a request failed.
    fn progress(&mut self, progress: &JudgeProgress);

    /// A request failed, and is sent again after a while.
    fn waits(&mut self, why: &str, wait: Duration);

    /// Asked often; `true` ends the run, and what is kept stays.
    fn cancelled(&self) -> bool;
}

/// Asks for every verdict that the study lacks and keeps each at once: killed at any moment, the same plan asks for the rest.
///
/// # Errors
/// [`Error::Refused`] where the endpoint says no, [`Error::GaveUp`] where it fails too often, [`Error::Spent`] where the
/// budget is reached.
pub fn judge(plan: &JudgePlan, listener: &mut dyn Listener) -> Result<JudgeProgress> {
    let study = Study::open(&plan.study)?;
    let items = unjudged(plan, &study)?;
    let key = Key::of_plan(plan)?;
    let mut run = Judging {
        plan,
        client: Client::new(&plan.endpoint, key.as_ref(), &plan.limits),
        pace: Pace::default(),
        progress: JudgeProgress {
            of: items.iter().map(|item| item.objectives.len()).sum(),
            ..JudgeProgress::default()
        },
        listener,
    };
    if items.is_empty() {
        return Ok(run.progress);
    }
    let judge = study.judge(&plan.of)?;
    let began = Instant::now();
    for item in &items {
        for objective in &item.objectives {
            run.check_budget()?;
            run.one(&study, &judge, item, objective)?;
            let progress = &mut run.progress;
            let pace = began.elapsed().as_secs_f64() / progress.done as f64;
            progress.eta_seconds = Some(pace * (progress.of - progress.done) as f64);
            run.listener.progress(&run.progress);
        }
    }
    Ok(run.progress)
}

struct Judging<'a> {
    plan: &'a JudgePlan,
    client: Client,
    pace: Pace,
    progress: JudgeProgress,
    listener: &'a mut dyn Listener,
}

impl Judging<'_> {
    fn check_budget(&self) -> Result<()> {
        match self.plan.limits.budget {
            Some(budget) if self.progress.spent.cost >= budget => Err(Error::Spent {
                spent: self.progress.spent.cost,
                budget,
                left: self.progress.of - self.progress.done,
            }),
            _ => Ok(()),
        }
    }

    /// One verdict, in both orders.
    fn one(
        &mut self,
        study: &Study,
        judge: &Judge,
        item: &JudgeItem,
        objective: &str,
    ) -> Result<()> {
        let began = Instant::now();
        let straight = self.answer(&body(&self.plan.of, item, objective, false))?;
        let turned = self.answer(&body(&self.plan.of, item, objective, true))?;
        let said = Judgement {
            straight,
            turned,
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        study.judge_votes(judge, item, objective, &said)?;
        let unreadable = |answered: &Answered| matches!(answered, Answered::Unreadable(_));
        let progress = &mut self.progress;
        progress.done += 1;
        if unreadable(&said.straight) || unreadable(&said.turned) {
            progress.unreadable += 1;
        } else {
            progress.disagree += usize::from(said.disagrees());
        }
        Ok(())
    }

    /// What is said to one request; asked again where it fails for a while.
    fn answer(&mut self, body: &Value) -> Result<Answered> {
        let mut failures = 0;
        loop {
            let listener = &*self.listener;
            self.pace
                .next(&self.plan.limits, &|| listener.cancelled())?;
            if self.listener.cancelled() {
                return Err(Error::Cancelled);
            }
            let (why, after) = match self.client.send(body) {
                Ok(reply) => {
                    count(&mut self.progress.spent, &reply, self.plan.prices);
                    self.listener.progress(&self.progress);
                    match content(&reply) {
                        Some(text) if is_cut(&reply, &text) => {
                            return Ok(Answered::Unreadable(text));
                        }
                        Some(text) => return Ok(read(&text)),
                        None => (
                            "the reply has no choices[0].message.content".to_owned(),
                            None,
                        ),
                    }
                }
                Err(Failure::Again(why, after)) => (why, after),
                Err(Failure::Never(error)) => return Err(error),
            };
            failures += 1;
            let wait = wait(&self.plan.limits, failures, after);
            let gave_up = |last: String| Error::GaveUp {
                endpoint: self.plan.endpoint.url().to_owned(),
                tries: failures,
                last,
                kept: self.progress.done,
            };
            match wait {
                None => {
                    let asked = after.unwrap_or_default().as_secs();
                    return Err(gave_up(format!("{why}; it asks to wait for {asked} s")));
                }
                Some(_) if failures >= self.plan.limits.tries => return Err(gave_up(why)),
                Some(wait) => {
                    self.progress.retries += 1;
                    self.listener.progress(&self.progress);
                    self.listener.waits(&why, wait);
                    let listener = &*self.listener;
                    sleep(wait, &|| listener.cancelled())?;
                }
            }
        }
    }
}
/// Whether a reply of several words ended for want of tokens: its last line is no verdict.
fn is_cut(reply: &Value, text: &str) -> bool {
    reply["choices"][0]["finish_reason"] == "length" && text.split_whitespace().count() > 1
}
