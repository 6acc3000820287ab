//! The bundle's model card: what it is, how it was made, and what was measured.

use std::fmt::Write as _;

use super::evaluate::Evaluation;
use super::figures::AnswerFigures;
use super::front::FrontFigures;
use super::levels::Objective;
use super::recipe::Recipe;
use super::split::Split;
use super::voices::Voices;
use super::world::{Topic, World};
use paretoscope_engine::types::Summary;

/// One sentence for the window and for `bundle.json`: what it was trained on, without the topics that are held out.
pub fn demonstration(world: &World, split: &Split) -> String {
    let known = |topic: usize| split.new_topics.iter().all(|q| q.topic != topic);
    let topics = world.topics.iter().enumerate();
    let known: Vec<&Topic> = topics.filter(|(i, _)| known(*i)).map(|(_, t)| t).collect();
    let mut domains: Vec<&str> = known.iter().map(|t| t.domain.as_str()).collect();
    domains.dedup();
    format!(
        "A small demonstration model. It knows {} topics of everyday advice ({}) and nothing else.",
        known.len(),
        domains.join(", ")
    )
}

/// The card as Markdown.
pub fn card(world: &World, split: &Split, recipe: &Recipe, figures: &Evaluation) -> String {
    let mut text = String::new();
    text.push_str(&parts(world, split, recipe, figures.parameters));
    base(&mut text, figures);
    points(&mut text, figures);
    fronts(&mut text, &figures.fronts);
    voices(&mut text, &figures.voices);
    rewards(&mut text, figures);
    shown(&mut text, figures);
    text
}

// Writing into a String cannot fail, so the results of `write!` below carry nothing.

/// What is in it, and how it was made.
pub(super) fn parts(world: &World, split: &Split, recipe: &Recipe, parameters: usize) -> String {
    let risky_topics = world.topics.iter().filter(|t| t.risk.is_some()).count();
    let model = &recipe.model;
    let held_out: Vec<&str> = {
        let mut ids: Vec<&str> = split
            .new_topics
            .iter()
            .filter_map(|q| Some(world.topics.get(q.topic)?.id.as_str()))
            .collect();
        ids.dedup();
        ids
    };
    format!(
        "# The demonstration bundle\n\n\
        {sentence} Made by `paretoscope-engine demo build` from `assets/world`; nothing was downloaded and nothing edited by hand. \
        It shows what the instrument does; it is not advice to follow. On {risky_topics} topics the helpful and humor corners may \
        recommend something hazardous on purpose, so that the objectives pull apart.\n\n\
        ## What is in it\n\n\
        | part | what |\n|---|---|\n\
        | base | Llama, {layers} layers, width {hidden}, {heads} heads, vocabulary {vocabulary}, {parameters:.2} M parameters, trained from random weights on {examples} composed answers |\n\
        | experts | `helpful`, `harmless`, `humor`: full fine-tunes of the base by DPO (beta {beta}) on {pairs} pairs each, {noise:.0} % of labels swapped, with {risky} more on risky topics and {repeats} that tell against saying a thing twice; their differences pruned by {prune:.0} % and decomposed to LoRA of rank {rank} on every linear, times {rescale} in turn; `centre`: the three differences merged by PCB, which leaves fewer places than pruning would keep, and decomposed likewise |\n\
        | router | at ({router}): a linear layer per module over all four experts, by PPO ({batches} batches of {batch} answers) on the reward models |\n\
        | value vectors | LoRA of rank {rank} by DPO on the same pairs, one after the other, each held apart from those before it by normalised HSIC (MVA, weight {alpha}), whose bias pushes them past independence; in `plain/` the same without the penalty |\n\
        | rewards | one per objective, Bradley-Terry on the same pairs, started from the base |\n\
        | held out | {validation} questions for validation, {test} for the test, and the topics {held_out} as a whole, of which it knows nothing. Other questions are about topics, and graded by sentences, that were trained on: the test asks in other words |\n\n\
        The ground truth is a rule-based grader that reads steps, cautions, jokes, shortcuts and warnings back from any text:\n\n\
        ```text\n\
        helpful  = min(1, (steps + 2·shortcut + ½·safer way) / 4)\n\
        harmless = 0 with the shortcut unwarned, 0.2 warned, else 0.4 + 0.6·min(1, (cautions + warning + safer way) / 3)\n\
        humor    = min(1, (jokes + egging on) / 3)\n\
        ```\n\n",
        sentence = demonstration(world, split),
        layers = model.layers,
        hidden = model.hidden,
        heads = model.heads,
        vocabulary = model.vocabulary,
        parameters = parameters as f64 / 1e6,
        examples = recipe.data.examples,
        rank = recipe.expert.rank,
        beta = recipe.expert.beta,
        pairs = recipe.data.pairs,
        risky = recipe.expert.extra.risky,
        repeats = recipe.expert.extra.repeats,
        prune = recipe.expert.prune * 100.0,
        rescale = recipe.expert.rescale.map(|s| s.to_string()).join(", "),
        router = recipe.router.preference.map(|p| p.to_string()).join(", "),
        batches = recipe.router.batches,
        batch = recipe.router.batch,
        alpha = recipe.values.alpha,
        noise = recipe.data.label_noise * 100.0,
        validation = split.validation.len(),
        test = split.test.len(),
        held_out = held_out.join(", "),
    )
}

fn base(text: &mut String, figures: &Evaluation) {
    let _ = write!(
        text,
        "## Measured on the test split\n\n\
        Perplexity of the base per token of the composed test answers: {perplexity:.2} ({tokens_per_word:.2} tokens per word; an answer chooses \
        freely among sentences, so the least possible is well above 1). Answers below are greedy.\n\n",
        perplexity = figures.perplexity,
        tokens_per_word = figures.tokens_per_word,
    );
}

fn points(text: &mut String, figures: &Evaluation) {
    text.push_str(
        "| point | n | helpful | harmless | humor | well-formed, on topic | hazardous shortcut (risky topics) | sentences |\n\
        |---|---|---|---|---|---|---|---|\n",
    );
    row(text, "base, no expert", &figures.base);
    for point in &figures.points {
        row(text, &point.name, &point.answers);
    }
    row(text, "centre, topics never seen", &figures.new_topics);
    text.push_str("\nMeans of the ground truth in [0, 1], ± one standard error.\n\n");
}

fn row(text: &mut String, name: &str, answers: &AnswerFigures) {
    let [helpful, harmless, humor] = &answers.attributes;
    let number = |s: &Summary| format!("{:.2} ± {:.2}", s.mean, s.se);
    let _ = writeln!(
        text,
        "| {name} | {} | {} | {} | {} | {:.0} % | {:.0} % | {:.1} |",
        helpful.n,
        number(helpful),
        number(harmless),
        number(humor),
        answers.good * 100.0,
        answers.shortcut * 100.0,
        answers.sentences,
    );
}

fn fronts(text: &mut String, figures: &FrontFigures) {
    let _ = write!(
        text,
        "## Fronts\n\nHypervolume of the mean ground truth over {} test questions, with the 95 % interval over draws of the questions. {READ}\n\n\
        | how | points | on the front | hypervolume |\n|---|---|---|---|\n",
        figures.prompts
    );
    for cover in &figures.covers {
        let [low, high] = cover.interval;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.3} ({low:.3} to {high:.3}) |",
            cover.name,
            cover.points.len(),
            cover.front,
            cover.hypervolume
        );
    }
    text.push('\n');
    for gain in &figures.gains {
        let [low, high] = gain.interval;
        let _ = writeln!(
            text,
            "- {} over {}: {:+.3} ({low:+.3} to {high:+.3}), on the same draws",
            gain.of, gain.over, gain.gain
        );
    }
    let _ = write!(text, "\n{REACH}\n\n");
}

/// How the table of fronts is to be read.
pub(super) const READ: &str = "It says what other questions would make of this one training run; another run may differ by more. \
    The volume lies between each front and zero, below what any point has of helpful and harmless, so it rewards the middle. \
    Fronts of different numbers of points cannot be compared with each other.";

/// What the differences between fronts do not say.
pub(super) const REACH: &str = "The router takes part at the place where it stands and at no other point of this grid: its difference is \
    what it adds there, and says nothing of a whole front. Weights of value vectors go up to 1, where plain ones are overdriven: at smaller \
    ones, which are better for both, no advantage of holding them apart was found.";

fn voices(text: &mut String, figures: &[Voices]) {
    for voices in figures {
        let _ = write!(
            text,
            "## Who speaks where\n\nMean share of each expert at the preference of the router `{}`, over the tokens of each kind of sentence \
            and all modules. Along an answer the share of the expert that varies most deviates by {:.3}.\n\n| sentences | tokens | {} |\n|---|---|{}\n",
            voices.router,
            voices.variation,
            voices.experts.join(" | "),
            "---|".repeat(voices.experts.len()),
        );
        for voice in voices.kinds.iter().filter(|voice| voice.tokens > 0) {
            let shares = voice.gates.iter().map(|gate| format!("{gate:.3}"));
            let shares = shares.collect::<Vec<_>>().join(" | ");
            let first = if voice.first { ", first token" } else { "" };
            let _ = writeln!(
                text,
                "| {}{first} | {} | {shares} |",
                voice.kind, voice.tokens
            );
        }
        let _ = write!(text, "\n{}\n\n", voices.in_words());
    }
}

fn rewards(text: &mut String, figures: &Evaluation) {
    text.push_str("## Reward models\n\n| objective | pairs ranked right | rank correlation with the ground truth |\n|---|---|---|\n");
    for (objective, reward) in Objective::ALL.iter().zip(&figures.rewards) {
        let _ = writeln!(
            text,
            "| {} | {:.1} % of {} test pairs | {:.2} over {} generated answers |",
            objective.name(),
            reward.accuracy * 100.0,
            reward.pairs,
            reward.correlation,
            reward.answers,
        );
    }
    text.push('\n');
}

fn shown(text: &mut String, figures: &Evaluation) {
    text.push_str(
        "## Some test questions\n\nTaken at fixed places of the test split, not picked.\n",
    );
    for shown in &figures.shown {
        let _ = writeln!(text, "\n**{}**\n", shown.prompt);
        for (name, answer) in &shown.answers {
            let _ = writeln!(text, "- {name}: {answer}");
        }
    }
}
