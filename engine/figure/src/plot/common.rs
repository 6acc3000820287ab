//! What several plots are told.

use paretoscope_core::types::Summary;
use serde::{Deserialize, Serialize};

use crate::color::{Rgb, category};

/// An objective: one axis, one corner of the triangle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Its name.
    pub name: String,
    /// What its scores are in, e.g. `raw reward` or `SD from base model`.
    pub unit: String,
    /// Its category of colour, by [`CATEGORIES`](crate::color::CATEGORIES).
    pub color: usize,
}

impl Objective {
    /// Titles of its axis, the longest first.
    pub(super) fn titles(&self) -> Vec<String> {
        vec![
            format!("{} ({}, higher is better)", self.name, self.unit),
            format!("{} (higher is better)", self.name),
            self.name.clone(),
        ]
    }

    pub(super) fn rgb(&self) -> Rgb {
        category(self.color)
    }
}

/// Which prompts a score is a mean over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// The split's name, e.g. `test`; empty where prompts were not split.
    pub split: String,
    /// How many.
    pub count: usize,
}

impl Prompts {
    /// `test, 159 prompts`.
    pub fn words(&self) -> String {
        let count = crate::words::count(self.count, "prompt");
        if self.split.is_empty() {
            count
        } else {
            format!("{}, {count}", self.split)
        }
    }
}

/// Means of several objectives, where all are there and finite: what has a place in a plot.
pub(super) fn placed(scores: &[Option<Summary>], axes: &[usize]) -> Option<Vec<f64>> {
    let means = axes.iter().map(|&axis| {
        let mean = scores.get(axis)?.as_ref()?.compared();
        mean.is_finite().then_some(mean)
    });
    means.collect()
}

/// The standard error of an objective's mean, 0 where there is none.
pub(super) fn error(scores: &[Option<Summary>], axis: usize) -> f64 {
    let summary = scores.get(axis).and_then(Option::as_ref);
    summary
        .map(|summary| summary.se)
        .filter(|se| se.is_finite())
        .unwrap_or(0.0)
}

/// Sentences as one paragraph: each ends with a full stop.
pub(super) fn paragraph(sentences: impl IntoIterator<Item = String>) -> String {
    let sentences = sentences.into_iter().filter(|s| !s.trim().is_empty());
    let ended: Vec<String> = sentences
        .map(|sentence| {
            let sentence = sentence.trim();
            let end = sentence.trim_end_matches(['”', ')']);
            if end.ends_with(['.', '!', '?', '…']) {
                sentence.to_owned()
            } else {
                format!("{sentence}.")
            }
        })
        .collect();
    ended.join(" ")
}
