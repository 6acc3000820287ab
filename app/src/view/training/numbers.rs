//! Lines of the form, and the numbers of each kind of training.

use egui::{Id, TextEdit, Ui};
use paretoscope_core::types::{
    CorrectionConfig, LoraConfig, Method, PpoConfig, RicConfig, TrainTask,
};

use crate::state::TrainForm;
use crate::view::annotate::weak;
use crate::widgets::number::{checked_field, real, seed, whole};

/// Width of a number's field.
const NUMBER: f32 = 74.0;
/// Where fields begin, so that they stand in one line.
const LABEL: f32 = 132.0;

/// What a field takes: a number of its kind, or the rule that it breaks.
type Check<'a, T> = &'a dyn Fn(&str) -> Result<T, String>;

/// A line with a label of one width before it.
pub(super) fn line<R>(ui: &mut Ui, label: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal_top(|ui| {
        let size = egui::vec2(LABEL, 24.0);
        let layout = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.set_min_width(LABEL);
            ui.label(weak(ui, label));
        });
        ui.vertical(add).inner
    })
    .inner
}

pub(super) fn text_field(ui: &mut Ui, label: &str, name: &str, text: &mut String) {
    line(ui, label, |ui| {
        let response = ui.add(TextEdit::singleline(text).desired_width(f32::INFINITY));
        ui.ctx()
            .accesskit_node_builder(response.id, |node| node.set_label(name.to_owned()));
    });
}

/// A number with its label, and the rule where what is typed breaks it.
pub(super) fn number<T: std::fmt::Display>(
    ui: &mut Ui,
    label: &str,
    id: (&str, usize),
    value: &mut T,
    check: Check<'_, T>,
    hint: &str,
) {
    line(ui, label, |ui| {
        let id = Id::unique(("train", id));
        let now = value.to_string();
        let response = ui.scope(|ui| checked_field(ui, id, label, now, NUMBER, check));
        if let Some(taken) = response.inner {
            *value = taken;
        }
        response.response.on_hover_text(hint);
    });
}

/// The settings of a task, as the form shows them, for another sheet.
pub(in crate::view) fn settings_ui(ui: &mut Ui, task: &mut TrainTask) {
    let mut form = TrainForm {
        task: task.clone(),
        ..TrainForm::default()
    };
    own_numbers_ui(ui, &mut form);
    common_numbers_ui(ui, &mut form);
    *task = form.task;
}

pub(super) fn own_numbers_ui(ui: &mut Ui, form: &mut TrainForm) {
    let share = |text: &str| real(text, 0.0, 10.0, false);
    match &mut form.task {
        TrainTask::Dpo(job) => {
            let hint = "How strongly the model is held to the reference; 0.1 is usual";
            number(ui, "Beta", ("beta", 0), &mut job.config.beta, &share, hint);
            method_ui(ui, &mut job.config.method);
        }
        TrainTask::Sft(job) => {
            line(ui, "Prompts", |ui| {
                let prompts = &mut job.config.train_on_prompts;
                ui.checkbox(prompts, "count in the loss, too");
            });
            method_ui(ui, &mut job.config.method);
        }
        TrainTask::Reward(job) => {
            let free = |text: &str| real(text, 0.0, 10.0, true);
            let hint = "Weight of the squared sum of both scores, which keeps scores around zero";
            let center = &mut job.config.center;
            number(ui, "Centring", ("center", 0), center, &free, hint);
        }
        TrainTask::Router(job) => rollouts_ui(ui, &mut job.config.ppo),
        TrainTask::Ppo(job) => {
            rollouts_ui(ui, &mut job.config.ppo);
            rank_ui(ui, &mut job.config.lora);
        }
        TrainTask::Modpo(job) => {
            let hint = "How strongly the model is held to the reference; 0.1 is usual";
            number(ui, "Beta", ("beta", 0), &mut job.config.beta, &share, hint);
            rank_ui(ui, &mut job.config.lora);
        }
        TrainTask::Arm(job) => {
            number(
                ui,
                "Beta",
                ("beta", 0),
                &mut job.config.beta,
                &share,
                REWARD_BETA,
            );
            rank_ui(ui, &mut job.config.lora);
        }
        TrainTask::Ric(job) => ric_ui(ui, &mut job.config),
        TrainTask::Aligner(job) => correction_ui(ui, &mut job.config),
        TrainTask::MetaAligner(job) => correction_ui(ui, &mut job.config),
        TrainTask::Loramoe(job) => {
            let count = |text: &str| whole(text, 2, 256);
            let hint = "Experts beside each module";
            number(
                ui,
                "Experts",
                ("experts", 0),
                &mut job.config.experts,
                &count,
                hint,
            );
            rank_ui(ui, &mut job.config.lora);
        }
        TrainTask::Parm(job) => {
            let config = &mut job.config;
            number(
                ui,
                "Beta",
                ("beta", 0),
                &mut config.beta,
                &share,
                REWARD_BETA,
            );
            let rank = |text: &str| whole(text, 1, 1024);
            let hint = "Rank of the adapter that all preferences share";
            let scale = config.scale();
            number(
                ui,
                "Shared rank",
                ("shared", 0),
                &mut config.shared_rank,
                &rank,
                hint,
            );
            config.alpha = scale * config.shared_rank as f64;
            let hint = "Rank of the adapters that the preference weighs";
            number(
                ui,
                "Steered rank",
                ("steered", 0),
                &mut config.steered_rank,
                &rank,
                hint,
            );
        }
    }
}

fn ric_ui(ui: &mut Ui, config: &mut RicConfig) {
    let count = |text: &str| whole(text, 2, 1_000_000);
    let hint = "Answers of the base that are scored and learnt from first";
    number(
        ui,
        "First answers",
        ("first", 0),
        &mut config.answers,
        &count,
        hint,
    );
    let hint = "Rounds on the adapter's own answers";
    let rounds = |text: &str| whole(text, 0, 64);
    number(
        ui,
        "Rounds",
        ("rounds", 0),
        &mut config.rounds,
        &rounds,
        hint,
    );
    let hint = "Answers that are sampled in each round";
    number(
        ui,
        "Answers a round",
        ("round", 0),
        &mut config.round_answers,
        &count,
        hint,
    );
    rank_ui(ui, &mut config.lora);
}

const REWARD_BETA: &str =
    "What the difference of both answers' log-probabilities is multiplied by, without a reference";

fn correction_ui(ui: &mut Ui, config: &mut CorrectionConfig) {
    let share = |text: &str| real(text, 0.0, 1.0, true);
    let hint = "Share of the pairs whose worse answer is copied before corrections are learnt";
    number(
        ui,
        "Copied first",
        ("copies", 0),
        &mut config.copies,
        &share,
        hint,
    );
    method_ui(ui, &mut config.method);
}

/// The rank, of adapters.
fn method_ui(ui: &mut Ui, method: &mut Method) {
    if let Method::Lora(lora) = method {
        rank_ui(ui, lora);
    }
}

/// The rank; the scale stays what it is.
fn rank_ui(ui: &mut Ui, lora: &mut LoraConfig) {
    let hint = format!("Rank of the adapter; it is scaled by {}", lora.scale());
    let mut rank = lora.rank;
    let check = |text: &str| whole(text, 1, 1024);
    number(ui, "Rank", ("rank", 0), &mut rank, &check, &hint);
    if rank != lora.rank {
        *lora = lora.clone().with_rank(rank);
    }
}

/// The answers that policy optimisation learns from.
fn rollouts_ui(ui: &mut Ui, ppo: &mut PpoConfig) {
    let count = |text: &str| whole(text, 1, 1_000_000);
    let hint = "Batches of answers in all; each is one step of the curves";
    number(
        ui,
        "Batches",
        ("batches", 0),
        &mut ppo.batches,
        &count,
        hint,
    );
    let hint = "Answers that are sampled and scored for every step";
    number(
        ui,
        "Answers per batch",
        ("answers", 0),
        &mut ppo.batch,
        &count,
        hint,
    );
    let hint = "New tokens per answer at most";
    number(
        ui,
        "Tokens per answer",
        ("tokens", 0),
        &mut ppo.max_tokens,
        &count,
        hint,
    );
}

pub(super) fn common_numbers_ui(ui: &mut Ui, form: &mut TrainForm) {
    let count = |text: &str| whole(text, 1, 1_000_000);
    let free = |text: &str| whole(text, 0, 1_000_000);
    let rate = |text: &str| real(text, 0.0, 1.0, false);
    let TrainForm { task, skip_bad, .. } = form;
    let hint = "The highest learning rate, after a warm-up";
    let highest = &mut task.run_mut().optimiser.learning_rate;
    number(ui, "Learning rate", ("rate", 0), highest, &rate, hint);
    if let Some(train) = task.train_mut() {
        let hint = "Passes over the examples";
        number(ui, "Epochs", ("epochs", 0), &mut train.epochs, &count, hint);
        let hint = "Steps in all, in place of epochs; 0 for whole epochs";
        let mut steps = train.steps.unwrap_or(0);
        number(
            ui,
            "Steps (0: epochs)",
            ("steps", 0),
            &mut steps,
            &free,
            hint,
        );
        train.steps = (steps > 0).then_some(steps);
    }
    egui::CollapsingHeader::new("More settings").show(ui, |ui| {
        if let Some(train) = task.train_mut() {
            let hint = "A step takes examples until it has so many tokens";
            number(ui, "Tokens per step", ("batch", 0), &mut train.batch_tokens, &count, hint);
            let hint = "Longer examples are left out and counted";
            number(ui, "Longest example", ("length", 0), &mut train.max_length, &count, hint);
        }
        let run = task.run_mut();
        let hint = "Steps between checkpoints; a killed run goes on from the last one";
        number(ui, "Checkpoint every", ("every", 0), &mut run.checkpoint_every, &count, hint);
        let hint = "Each takes a share of every step; one core less than there are leaves room for answers";
        number(ui, "Threads", ("workers", 0), &mut run.workers, &|t| whole(t, 1, 256), hint);
        line(ui, "Unusable lines", |ui| {
            ui.checkbox(skip_bad, "skip and count")
                .on_hover_text("Empty or equal answers, broken lines; off: the run refuses them by line number");
        });
        let hint = "The same seed, data and settings give the same result";
        number(ui, "Seed", ("seed", 0), &mut run.seed, &seed, hint);
    });
}
