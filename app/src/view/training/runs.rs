//! The runs that were and the one that is: state, what can be done, curves.

use std::path::Path;

use egui::{ProgressBar, RichText, Ui};
use paretoscope_core::types::{Method, Part, Strength, TrainTask};

use super::curves;
use crate::command::{AppCommand, CommandQueue};
use crate::export::What;
use crate::state::{AppState, TrainEntry, TrainPhase, share_words};
use crate::theme::Tokens;
use crate::view::annotate::weak;
use crate::widgets::format::{count, duration};
use crate::widgets::{command_button, empty_ui, primary_button, trouble_ui};

/// All runs, and the chosen one in full.
pub(super) fn runs_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue) {
    let training = &state.training;
    for trouble in &training.refused {
        ui.label(weak(ui, trouble.message.as_str()));
    }
    if training.runs.is_empty() {
        let words = if training.scanned {
            "No runs yet. What is trained here shows its curves while it learns, can be cancelled and \
             resumed, and joins a bundle as soon as it is done."
        } else {
            "Looking for runs\u{2026}"
        };
        empty_ui(ui, words, |_| {});
        return;
    }
    ui.label(RichText::new("Runs").strong());
    ui.horizontal_wrapped(|ui| {
        for run in &training.runs {
            let chosen = training.selected.as_ref() == Some(&run.plan.out);
            let words = format!("{} \u{b7} {}", run.plan.name(), short_words(run));
            if ui.selectable_label(chosen, words).clicked() {
                queue.push(AppCommand::SelectTraining(run.plan.out.clone()));
            }
        }
    });
    ui.add_space(4.0);
    if let Some(run) = training.selected() {
        run_ui(ui, state, queue, run);
    }
}

/// Where a run stands, in a word or two.
fn short_words(run: &TrainEntry) -> String {
    let share = run.steps.last().map(|s| 100 * s.step / s.steps.max(1));
    match &run.phase {
        TrainPhase::Starting => "starting".to_owned(),
        TrainPhase::Preparing { .. } => "preparing".to_owned(),
        TrainPhase::Running => share.map_or("running".to_owned(), |p| format!("{p} %")),
        TrainPhase::Stopping => "stopping".to_owned(),
        TrainPhase::Done => "done".to_owned(),
        TrainPhase::Cancelled => "cancelled".to_owned(),
        TrainPhase::Failed(_) => "failed".to_owned(),
        TrainPhase::Killed => "interrupted".to_owned(),
    }
}

fn run_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, run: &TrainEntry) {
    ui.label(RichText::new(run.plan.name()).heading());
    ui.label(weak(ui, task_words(run)));
    let folder = run.plan.out.display().to_string();
    ui.add(egui::Label::new(weak(ui, folder)).truncate());
    progress_ui(ui, run);
    if let TrainPhase::Failed(trouble) = &run.phase {
        let fine = "The bundle in use is untouched; checkpoints written before are kept.";
        trouble_ui(ui, "this run failed", trouble, fine, |_| {});
    }
    actions_ui(ui, state, queue, run);
    if let Some((at, trouble)) = &state.training.trouble
        && *at == run.plan.out
    {
        let fine = "The bundle in use stays, and the result stays in its folder.";
        trouble_ui(ui, "the result was not loaded", trouble, fine, |_| {});
    }
    ui.add_space(4.0);
    if run.steps.is_empty() {
        ui.label(weak(ui, "Curves appear with the first step."));
    } else {
        curves::curves_ui(ui, state, run);
        let export = AppCommand::ShowExport(What::Curves);
        command_button(ui, state, queue, export, "Export the curves\u{2026}");
    }
}

/// Shares as `0.25 / 0.25 / 0.50`.
fn shares(at: &[f64]) -> String {
    share_words(at, 2).join(" / ")
}

/// What is made, of what.
fn task_words(run: &TrainEntry) -> String {
    let task = &run.plan.task;
    let becomes = match run.plan.joins.as_ref().map(|joins| &joins.part) {
        None => String::new(),
        Some(Part::Method(kind, _)) => format!(", becomes a part of {}", kind.title()),
        Some(Part::Value) => ", becomes a value vector".to_owned(),
        Some(Part::Lora(at)) => format!(", becomes a LoRA expert at {}", shares(at)),
        Some(Part::Router(at)) => format!(" at {}", shares(at)),
        Some(Part::Reward(objective)) => format!(" for {objective}"),
    };
    let rank = |method: &Method| match method {
        Method::Full => "all weights".to_owned(),
        Method::Lora(lora) => format!("rank {}", lora.rank),
    };
    let what = match task {
        TrainTask::Dpo(job) => {
            let config = &job.config;
            let apart = match (config.against.len(), config.penalty.alpha) {
                (0, _) => String::new(),
                (n, Strength::Alpha(alpha)) => format!(", apart from {n} (alpha {alpha})"),
                (n, Strength::Ratio { ratio }) => {
                    format!(", apart from {n} (gradients in the ratio {ratio})")
                }
            };
            let (beta, rank) = (config.beta, rank(&config.method));
            format!("DPO, beta {beta}, {rank}{apart}{becomes}")
        }
        TrainTask::Sft(job) => format!("SFT, {}{becomes}", rank(&job.config.method)),
        TrainTask::Reward(_) => format!("Reward model{becomes}"),
        TrainTask::Router(job) => {
            let batch = job.config.ppo.batch;
            format!("Router expert{becomes}, {batch} answers per batch")
        }
        TrainTask::Ppo(job) => {
            let (weights, rank) = (shares(&job.config.reward_weights), job.config.lora.rank);
            format!("PPO, weights {weights}, rank {rank}{becomes}")
        }
        TrainTask::Modpo(job) => {
            let (config, rank) = (&job.config, job.config.lora.rank);
            let (beta, weights) = (config.beta, shares(&config.preference));
            format!("MODPO, beta {beta}, weights {weights}, rank {rank}{becomes}")
        }
        TrainTask::Loramoe(job) => {
            let (experts, rank) = (job.config.experts, job.config.lora.rank);
            format!("LoRAMoE, {experts} experts of rank {rank}")
        }
        TrainTask::Ric(job) => {
            let (rounds, rank) = (job.config.rounds, job.config.lora.rank);
            format!("Rewards in context, {rounds} rounds, rank {rank}")
        }
        TrainTask::Aligner(job) => format!("Aligner, {}", rank(&job.config.method)),
        TrainTask::MetaAligner(job) => {
            let names: Vec<&str> = job.data.iter().map(|data| data.name.as_str()).collect();
            let rank = rank(&job.config.method);
            format!("MetaAligner of {}, {rank}", names.join(", "))
        }
        TrainTask::Arm(job) => {
            let (beta, rank) = (job.config.beta, job.config.lora.rank);
            format!("Autoregressive reward, beta {beta}, rank {rank}")
        }
        TrainTask::Parm(job) => {
            let names: Vec<&str> = job.data.iter().map(|data| data.name.as_str()).collect();
            let beta = job.config.beta;
            format!("Autoregressive reward of {}, beta {beta}", names.join(", "))
        }
    };
    let data = match task.data().and_then(Path::file_name) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => "the bundle's prompts".to_owned(),
    };
    let rate = task.run().optimiser.learning_rate;
    format!("{what}; from {data}; learning rate {rate}")
}

fn progress_ui(ui: &mut Ui, run: &TrainEntry) {
    let tokens = Tokens::of(ui);
    let (fraction, words) = progress(run);
    if let Some(fraction) = fraction {
        let bar = ProgressBar::new(fraction).desired_height(8.0);
        ui.add(bar.corner_radius(4.0).fill(tokens.accent));
    }
    let response = ui.label(RichText::new(words).size(13.0));
    if run.phase.is_active() {
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_live(egui::accesskit::Live::Polite);
        });
    }
}

/// Of the whole, and in words.
fn progress(run: &TrainEntry) -> (Option<f32>, String) {
    let last = run.steps.last();
    let done = last.map(|s| s.step as f32 / s.steps.max(1) as f32);
    let at = last.map_or_else(
        || "before its first step".to_owned(),
        |s| format!("at step {} of {}", count(s.step), count(s.steps)),
    );
    let checkpoint = match run.checkpoint {
        Some(step) => format!("; checkpoint at step {}", count(step)),
        None => "; no checkpoint yet".to_owned(),
    };
    match &run.phase {
        TrainPhase::Starting => (
            None,
            "Reading the base model and the examples\u{2026}".to_owned(),
        ),
        TrainPhase::Preparing { what, done, total } => {
            let share = *done as f32 / (*total).max(1) as f32;
            let words = format!("Before the first step: {what}, {done} of {total}");
            (Some(share), words)
        }
        TrainPhase::Running => {
            let pace = last.map_or_else(String::new, |s| {
                let (rate, left) = (s.tokens_per_second, duration(s.eta_seconds));
                format!(
                    " \u{b7} {} tokens/s \u{b7} {left} to go",
                    count(rate as usize)
                )
            });
            let step = last.map_or_else(String::new, |s| {
                format!("Step {} of {}", count(s.step), count(s.steps))
            });
            (done, format!("{step}{pace}{checkpoint}"))
        }
        TrainPhase::Stopping => (done, format!("Writing a checkpoint {at}\u{2026}")),
        TrainPhase::Done => (None, format!("Done {at}")),
        TrainPhase::Cancelled => (done, format!("Cancelled {at}{checkpoint}")),
        TrainPhase::Failed(_) => (done, format!("Failed {at}{checkpoint}")),
        TrainPhase::Killed => (
            done,
            format!("Interrupted {at}: the program ended while it ran{checkpoint}"),
        ),
    }
}

fn actions_ui(ui: &mut Ui, state: &AppState, queue: &mut CommandQueue, run: &TrainEntry) {
    let folder = run.plan.out.clone();
    ui.horizontal_wrapped(|ui| match &run.phase {
        phase if phase.is_active() => {
            let hint = "A checkpoint is written first, so the run can go on later";
            command_button(ui, state, queue, AppCommand::CancelTraining, "Cancel")
                .on_hover_text(hint);
        }
        TrainPhase::Done => {
            let load = AppCommand::LoadTraining(folder.clone());
            let made = folder.join("bundle");
            if run.plan.joins.is_none() {
                let words = "The result is this folder; a bundle holds no such part.";
                ui.label(weak(ui, words));
            } else if state.info().is_some_and(|info| info.path == made) {
                ui.label(weak(ui, "In the bundle in use."));
            } else if state.training.loading.contains(&folder) {
                ui.label(weak(ui, "Making a bundle with it\u{2026}"));
            } else {
                let response = primary_button(ui, state, queue, load, "Load result");
                response.on_hover_text(
                    "Makes a bundle that has this part as well, and opens it; the bundle in use is not changed",
                );
            }
        }
        _ => {
            let words = match run.checkpoint {
                Some(step) => format!("Resume from step {}", count(step)),
                None => "Start again".to_owned(),
            };
            let resume = AppCommand::ResumeTraining(folder);
            primary_button(ui, state, queue, resume, words);
        }
    });
}
