//! What would be sent where, before anything is.

use paretoscope_core::study::{JudgeItem, Study};
use serde::Serialize;
use serde_json::Value;

use crate::ask::{PLACES, body};
use crate::run::JudgePlan;
use crate::{Error, Result};

/// What a run would send.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// Where to.
    pub endpoint: String,
    /// Whether that is this machine.
    pub this_machine: bool,
    /// Which model.
    pub model: String,
    /// Whether a key goes with every request.
    pub key: bool,
    /// Items that are asked about.
    pub items: usize,
    /// Requests, each item in both orders by each objective; retries come on top.
    pub requests: usize,
    /// Characters of all of them together.
    pub characters: usize,
    /// By what they are judged.
    pub objectives: Vec<String>,
    /// The whole body of the first request; none where nothing is left to ask.
    pub first_request: Option<Value>,
}

impl Preview {
    /// In a sentence.
    pub fn words(&self) -> String {
        let place = if self.this_machine {
            "this machine"
        } else {
            "another machine"
        };
        format!(
            "{} requests ({} items by {}, in both orders; {} characters) go to {} on {place}, model {}, {} a key",
            self.requests,
            self.items,
            self.objectives.join(", "),
            self.characters,
            self.endpoint,
            self.model,
            if self.key { "with" } else { "without" },
        )
    }
}

/// What a plan would send. Nothing is sent, and nothing is written.
pub fn preview(plan: &JudgePlan) -> Result<Preview> {
    let study = Study::open(&plan.study)?;
    let items = unjudged(plan, &study)?;
    let mut first = None;
    let (mut requests, mut characters) = (0, 0);
    for item in &items {
        for objective in &item.objectives {
            for turned in [false, true] {
                let body = body(&plan.of, item, objective, turned);
                requests += 1;
                characters += body["messages"][0]["content"]
                    .as_str()
                    .map_or(0, |text| text.chars().count());
                first.get_or_insert(body);
            }
        }
    }
    Ok(Preview {
        endpoint: plan.endpoint.url().to_owned(),
        this_machine: plan.endpoint.is_loopback(),
        model: plan.of.model.clone(),
        key: plan.key.is_some(),
        items: items.len(),
        requests,
        characters,
        objectives: objectives(plan, &study)?,
        first_request: first,
    })
}

/// By what a plan judges: as given, else by all that its task asks.
fn objectives(plan: &JudgePlan, study: &Study) -> Result<Vec<String>> {
    if !plan.objectives.is_empty() {
        return Ok(plan.objectives.clone());
    }
    let task = study.task_named("--task", &plan.task)?;
    Ok(task.asks.objectives().to_vec())
}

/// What is left to ask.
pub(crate) fn unjudged(plan: &JudgePlan, study: &Study) -> Result<Vec<JudgeItem>> {
    plan.limits.check()?;
    let temperature = plan.of.temperature;
    if !temperature.is_finite() || temperature < 0.0 {
        return Err(Error::Option {
            name: "--temperature",
            problem: format!("is {temperature}; it must be a number of at least 0"),
        });
    }
    if let Some(place) = PLACES
        .iter()
        .find(|place| !plan.of.instructions.contains(**place))
    {
        return Err(Error::Option {
            name: "--instructions",
            problem: format!(
                "hold no {place}; all of {} must stand in them",
                PLACES.join(", ")
            ),
        });
    }
    let task = study.task_named("--task", &plan.task)?;
    let mut items = study.unjudged(&task, &plan.of, &objectives(plan, study)?)?;
    items.truncate(plan.most_items.unwrap_or(usize::MAX));
    Ok(items)
}
