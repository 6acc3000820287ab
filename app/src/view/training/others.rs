//! What methods that are compared with ask for: pairs about each objective, margins of others.

use std::path::{Path, PathBuf};

use egui::{Id, Ui};
use paretoscope_core::types::{AspectData, BundleInfo, ModpoConfig, ObjectiveData};

use super::numbers::{line, number, text_field};
use crate::widgets::number::real;
use crate::widgets::path_field;

/// A file of pairs about each objective.
pub(super) fn sets_ui(ui: &mut Ui, info: &BundleInfo, data: &mut Vec<ObjectiveData>) {
    let known = |name: &str| info.objectives.iter().any(|o| o.name == name);
    data.retain(|set| known(&set.name));
    for objective in &info.objectives {
        let at = data.iter().position(|set| set.name == objective.name);
        let path = at.and_then(|at| data.get(at)).map(|set| set.path.clone());
        let Some(path) = pairs_ui(ui, &objective.name, &path.unwrap_or_default()) else {
            continue;
        };
        match at.and_then(|at| data.get_mut(at)) {
            Some(set) => set.path = path,
            None => data.push(ObjectiveData {
                name: objective.name.clone(),
                path,
            }),
        }
    }
}

/// A file of pairs about each objective, and what the model is told of it.
pub(super) fn aspects_ui(ui: &mut Ui, info: &BundleInfo, data: &mut Vec<AspectData>) {
    let known = |name: &str| info.objectives.iter().any(|o| o.name == name);
    data.retain(|set| known(&set.name));
    for objective in &info.objectives {
        if !data.iter().any(|set| set.name == objective.name) {
            data.push(AspectData {
                name: objective.name.clone(),
                words: AspectData::usual_words(&objective.name),
                path: PathBuf::new(),
            });
        }
    }
    for set in data {
        if let Some(path) = pairs_ui(ui, &set.name, &set.path) {
            set.path = path;
        }
        let name = format!("What {} asks for", set.name);
        text_field(ui, "Told as", &name, &mut set.words);
    }
}

/// The path of pairs about an objective, where it was changed.
fn pairs_ui(ui: &mut Ui, objective: &str, path: &Path) -> Option<PathBuf> {
    line(ui, &format!("Pairs: {objective}"), |ui| {
        let id = Id::unique(("pairs-path", objective));
        let name = format!("File of pairs about {objective}");
        path_field(ui, id, &name, "path of a .jsonl", path)
    })
}

/// The value vectors of other objectives, and how much each objective weighs.
pub(super) fn margins_ui(ui: &mut Ui, vectors: &[(String, PathBuf)], config: &mut ModpoConfig) {
    line(ui, "Margins of", |ui| {
        for (name, path) in vectors {
            let at = config.values.iter().position(|known| known == path);
            let mut on = at.is_some();
            let response = ui.checkbox(&mut on, name);
            if response.on_hover_text(path.display().to_string()).changed() {
                match at {
                    Some(at) => {
                        config.values.remove(at);
                        if at + 1 < config.preference.len() {
                            config.preference.remove(at + 1);
                        }
                    }
                    None => {
                        config.values.push(path.clone());
                        config.preference.push(1.0);
                    }
                }
            }
        }
    });
    let names = config.values.iter().map(|value| {
        let known = vectors.iter().find(|(_, path)| path == value);
        known.map_or_else(|| value.display().to_string(), |(name, _)| name.clone())
    });
    let names: Vec<String> = std::iter::once("the pairs".to_owned())
        .chain(names)
        .collect();
    for (index, (name, share)) in names.iter().zip(&mut config.preference).enumerate() {
        number(
            ui,
            &format!("weight of {name}"),
            ("margin", index),
            share,
            &|text| real(text, 0.0, 1e6, true),
            "Shares of any sum; they are divided by it",
        );
    }
}
