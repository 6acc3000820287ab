//! One objective of a sweep over the preferences.

use paretoscope_core::study::Study;
use paretoscope_core::types::Point;

use super::{Asked, Swept, facts, prompts_of, raw, swept, title, units};
use crate::error::{Error, Result};
use crate::plot::{Field, Sample};

/// The field of one objective, the first that is scored where none is named, over the preferences of one sweep. Points
/// that are no preference, e.g. the base model, have no place there.
pub fn field(study: &Study, asked: &Asked, objective: Option<&str>) -> Result<Field> {
    let all = swept(study, asked)?;
    let s = one(&all)?;
    let corners = s.sweep.axes();
    let names = &s.scores.objectives;
    let scored: Vec<&String> = names.iter().filter(|n| s.scored(n).is_some()).collect();
    let name = match objective {
        None => scored.first().map(|name| name.as_str()),
        Some(name) => scored.iter().map(|n| n.as_str()).find(|n| *n == name),
    };
    let Some((name, at)) = name.and_then(|name| Some((name, s.scored(name)?))) else {
        let known: Vec<&str> = scored.iter().map(|n| n.as_str()).collect();
        return Err(Error::Empty {
            what: format!(
                "{} is scored by no objective {}; {}",
                s.sweep.name,
                objective.unwrap_or("at all"),
                if known.is_empty() {
                    "its bundle has no reward model".to_owned()
                } else {
                    format!("its objectives: {}", known.join(", "))
                }
            ),
        });
    };
    let sample = |result: &paretoscope_core::study::SweepSummary| {
        let Point::Preference(preference) = &result.point else {
            return None;
        };
        Some(Sample {
            uid: s.dot_uid(result),
            preference: preference.clone(),
            score: result.scores[at]?,
        })
    };
    let color = names.iter().position(|n| n == name).unwrap_or(0);
    let mut objective = units(&[name.to_owned()], &s.scores).remove(0);
    objective.color = color;
    Ok(Field {
        title: format!("{}: {name} of {}", title(study), s.sweep.name),
        corners: raw(&corners),
        objective,
        samples: s.summary.iter().filter_map(sample).collect(),
        surface: true,
        prompts: prompts_of(s, asked.split),
        notes: vec![format!("Sweep: {}", s.sweep.name)],
        facts: facts(study, std::slice::from_ref(s), None),
    })
}

/// The one sweep over preferences.
fn one(all: &[Swept]) -> Result<&Swept> {
    let is_field = |s: &&Swept| {
        let points = s.summary.iter();
        let placed = points.filter(|result| matches!(result.point, Point::Preference(_)));
        placed.count() > 0 && (2..=3).contains(&s.sweep.axes().len())
    };
    let fields: Vec<&Swept> = all.iter().filter(is_field).collect();
    let listed = |sweeps: &[&Swept]| {
        let names = sweeps.iter();
        let names = names.map(|s| format!("{} ({})", s.sweep.id, s.sweep.name));
        names.collect::<Vec<_>>().join(", ")
    };
    match fields[..] {
        [one] => Ok(one),
        [] => Err(Error::Empty {
            what: format!(
                "a field is of a sweep over preferences of two or three objectives (sweep --grid simplex:STEP), which {} not",
                match all {
                    [one] => format!("{} is", listed(&[one])),
                    _ => format!("{} are", listed(&all.iter().collect::<Vec<_>>())),
                }
            ),
        }),
        _ => Err(Error::Empty {
            what: format!(
                "a field is of one sweep, and {} are over preferences; name one by its number",
                listed(&fields)
            ),
        }),
    }
}
