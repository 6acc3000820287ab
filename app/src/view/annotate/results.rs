//! What a task's votes say: by each objective, of each person, the two fronts; and what can be done with it.

use egui::{ComboBox, Grid, ProgressBar, RichText, Ui};
use paretoscope_core::annotate::Question;
use paretoscope_core::study::TaskStats;

use super::fronts::FrontsPlots;
use super::lend::moved_ui;
use super::parts::{file_ui, line as labelled, weak};
use super::words::{lines, reader_words};
use crate::command::{Annotation, AppCommand, CommandQueue};
use crate::state::{AppState, LearnForm, LendForm, Overlay, Weighed};
use crate::tasks::Wanted;
use crate::theme::Tokens;
use crate::widgets::format::{count, counted};
use crate::widgets::{command_button, group_title, section, trouble_ui};

/// The page.
pub(super) fn results_ui(
    ui: &mut Ui,
    kept: &mut FrontsPlots,
    state: &AppState,
    task: &str,
    queue: &mut CommandQueue,
) {
    let title = format!("What the votes on {task} say");
    section(ui, &title, |ui| {
        let weigh = AppCommand::Annotate(Annotation::Weigh);
        command_button(ui, state, queue, weigh, "Weigh them again");
    });
    let newer = state.annotate.newer(task);
    if newer > 0 {
        let words = format!(
            "{} since these numbers were made: weigh them again to have them in.",
            counted(newer, "newer vote")
        );
        let response = ui.label(RichText::new(words).color(Tokens::of(ui).warn));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
    }
    match &state.annotate.weighed {
        Weighed::Not => {
            ui.label(weak(
                ui,
                "The votes were not weighed since something changed.",
            ));
        }
        Weighed::Stopped => {
            ui.label(weak(
                ui,
                "Stopped: nothing is shown of votes that were weighed in part.",
            ));
        }
        Weighed::Under(done, of) => {
            let share = *done as f32 / (*of).max(1) as f32;
            let words = if *of == 0 {
                "Reading votes".to_owned()
            } else {
                format!("{} of {} draws", count(*done), count(*of))
            };
            ui.add(ProgressBar::new(share).text(words));
            let stop = AppCommand::Annotate(Annotation::StopWeighing);
            command_button(ui, state, queue, stop, "Stop weighing");
        }
        Weighed::Done(Err(trouble)) => {
            let fine = "The votes are as they were.";
            trouble_ui(ui, "the votes say nothing yet", trouble, fine, |_| {});
        }
        Weighed::Done(Ok(stats)) => stats_ui(ui, kept, state, stats, queue),
    }
    ui.separator();
    next_ui(ui, state, task, queue);
}

fn stats_ui(
    ui: &mut Ui,
    kept: &mut FrontsPlots,
    state: &AppState,
    stats: &TaskStats,
    queue: &mut CommandQueue,
) {
    let tokens = Tokens::of(ui);
    let whole = &stats.task;
    let words = format!(
        "{}; {} on checks, which count nowhere else; {} skipped",
        counted(whole.items, "item"),
        counted(whole.check_votes, "vote"),
        count(whole.skipped)
    );
    ui.label(weak(ui, words));
    for (objective, said) in &stats.objectives {
        ui.add_space(4.0);
        ui.label(RichText::new(objective).heading());
        Grid::new(("said", objective))
            .num_columns(2)
            .spacing([14.0, 3.0])
            .show(ui, |ui| {
                for line in lines(said) {
                    ui.label(weak(ui, line.label));
                    if line.flag {
                        let words = format!("Flag: {}; the side says something", line.words);
                        ui.add(egui::Label::new(RichText::new(words).color(tokens.warn)).wrap());
                    } else {
                        ui.add(egui::Label::new(line.words).wrap());
                    }
                    ui.end_row();
                }
            });
    }
    ui.add_space(4.0);
    let hint = "What is odd is said, and no vote is dropped for it";
    group_title(ui, "People", hint);
    for reader in &whole.readers {
        let (words, odd) = reader_words(reader);
        if odd {
            let words = format!("Flag: {words}");
            ui.label(RichText::new(words).color(tokens.warn));
        } else {
            ui.label(words);
        }
    }
    ui.add_space(4.0);
    match (&whole.human_front, &whole.human_front_problem) {
        (Some(fronts), _) => kept.show(ui, state, fronts, queue),
        (None, Some(why)) => {
            group_title(ui, "Two fronts", "By votes, and by rewards");
            ui.label(weak(ui, format!("n/a: {why}")));
        }
        (None, None) => {}
    }
}

/// What can be done with what people decided.
fn next_ui(ui: &mut Ui, state: &AppState, task: &str, queue: &mut CommandQueue) {
    let Some(line) = state.annotate.task(task) else {
        return;
    };
    let mut form = state.annotate.lend.clone();
    if line.question == Question::Pair {
        on_ui(ui, state, task, queue);
        pairs_ui(ui, state, &mut form, &line.objectives, queue);
    }
    let hint = "Every vote of people that counts; as .jsonl a line each, as .json tasks of Label Studio. New task, A file takes \
                both in";
    group_title(ui, "Votes for other programs", hint);
    labelled(ui, "File", |ui| {
        let hint = "path of a .jsonl or .json, e.g. /home/me/votes.jsonl";
        let field = (Wanted::VotesOut, "Path of the votes", hint);
        if let Some(path) = file_ui(ui, state, queue, field, &form.votes) {
            form.votes = path;
        }
    });
    ui.horizontal_wrapped(|ui| {
        let export = AppCommand::Annotate(Annotation::ExportVotes);
        command_button(ui, state, queue, export, "Export the votes");
    });
    moved_ui(ui, state);
    if form != state.annotate.lend {
        queue.push(AppCommand::Annotate(Annotation::SetLend(form)));
    }
}

/// The sheets that votes on pairs lead to.
fn on_ui(ui: &mut Ui, state: &AppState, task: &str, queue: &mut CommandQueue) {
    let hint =
        "Votes can train a value vector, and a model can vote as well, kept apart from people";
    group_title(ui, "From here", hint);
    ui.horizontal_wrapped(|ui| {
        let learn = AppCommand::Show(Overlay::Learn);
        let words = "Learn from these votes\u{2026}";
        let opened = command_button(ui, state, queue, learn, words).clicked();
        if opened && !state.learn.phase.is_active() {
            let form = LearnForm {
                task: task.to_owned(),
                ..state.learn.form.clone()
            };
            queue.push(AppCommand::SetLearn(Box::new(form)));
        }
        let judge = AppCommand::ShowJudge(task.to_owned());
        command_button(ui, state, queue, judge, "Let a model vote\u{2026}");
    });
    ui.add_space(4.0);
}

/// The pairs that people decided.
fn pairs_ui(
    ui: &mut Ui,
    state: &AppState,
    form: &mut LendForm,
    objectives: &[String],
    queue: &mut CommandQueue,
) {
    let hint = "A line per item and objective that most votes decided, as DPO reads them; ties, checks and the test prompts \
                are left out";
    group_title(ui, "Pairs to train on", hint);
    labelled(ui, "By", |ui| {
        let all = "all objectives";
        let words = form.objective.as_deref().unwrap_or(all).to_owned();
        let response = ComboBox::from_id_salt("pairs by")
            .selected_text(words)
            .show_ui(ui, |ui| {
                ui.selectable_value(&mut form.objective, None, all);
                for objective in objectives {
                    ui.selectable_value(&mut form.objective, Some(objective.clone()), objective);
                }
            });
        ui.ctx()
            .accesskit_node_builder(response.response.id, |node| {
                node.set_label("Objective of the pairs");
            });
    });
    labelled(ui, "File", |ui| {
        let hint = "path of a .jsonl, e.g. /home/me/pairs.jsonl";
        let field = (Wanted::Pairs, "Path of the pairs", hint);
        if let Some(path) = file_ui(ui, state, queue, field, &form.pairs) {
            form.pairs = path;
        }
    });
    ui.horizontal_wrapped(|ui| {
        let export = AppCommand::Annotate(Annotation::ExportPairs);
        command_button(ui, state, queue, export, "Export the pairs");
    });
    ui.add_space(4.0);
}
