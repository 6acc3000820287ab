//! What would be sent where, before anything is.

use paretoscope_core::study::{JudgeItem, Study};
use paretoscope_core::types::{JUDGE_PLACES, JudgePlan, JudgePreview, about_tokens};

use crate::ask::body;
use crate::client::Key;
use crate::{Error, Result, pace};

/// What a plan would send. Nothing is sent, and nothing is written.
pub fn preview(plan: &JudgePlan) -> Result<JudgePreview> {
    let study = Study::open(&plan.study)?;
    let items = unjudged(plan, &study)?;
    let key = Key::of_plan(plan)?;
    let mut first = None;
    let (mut requests, mut characters, mut tokens) = (0, 0, 0);
    for item in &items {
        for objective in &item.objectives {
            for turned in [false, true] {
                let body = body(&plan.of, item, objective, turned);
                requests += 1;
                let text = body["messages"][0]["content"].as_str().unwrap_or("");
                characters += text.chars().count();
                tokens += about_tokens(text);
                first.get_or_insert(body);
            }
        }
    }
    let most_reply_tokens = (requests as u64).saturating_mul(plan.of.max_tokens as u64);
    let cost = |back| plan.prices.cost(tokens, back);
    Ok(JudgePreview {
        endpoint: plan.endpoint.url().to_owned(),
        this_machine: plan.endpoint.is_loopback(),
        model: plan.of.model.clone(),
        key: key.is_some(),
        items: items.len(),
        requests,
        characters,
        tokens,
        most_reply_tokens,
        cost: [cost(0), cost(most_reply_tokens)],
        objectives: objectives(plan, &study)?,
        first_request: first,
    })
}

/// By what a plan judges: as given, else by all that its task asks.
fn objectives(plan: &JudgePlan, study: &Study) -> Result<Vec<String>> {
    if !plan.objectives.is_empty() {
        return Ok(plan.objectives.clone());
    }
    let task = study.task_named("task", &plan.task)?;
    Ok(task.asks.objectives().to_vec())
}

/// What is left to ask.
pub(crate) fn unjudged(plan: &JudgePlan, study: &Study) -> Result<Vec<JudgeItem>> {
    pace::check(&plan.limits)?;
    let temperature = plan.of.temperature;
    if !temperature.is_finite() || temperature < 0.0 {
        return Err(Error::Option {
            name: "temperature",
            problem: format!("is {temperature}; it must be a number of at least 0"),
        });
    }
    if let Some(place) = JUDGE_PLACES
        .iter()
        .find(|place| !plan.of.instructions.contains(**place))
    {
        return Err(Error::Option {
            name: "instructions",
            problem: format!(
                "hold no {place}; all of {} must stand in them",
                JUDGE_PLACES.join(", ")
            ),
        });
    }
    let task = study.task_named("task", &plan.task)?;
    let mut items = study.unjudged(&task, &plan.of, &objectives(plan, study)?)?;
    items.truncate(plan.most_items.unwrap_or(usize::MAX));
    Ok(items)
}
