//! What an evidence run leaves to read: one JSON, one page of Markdown, two tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use paretoscope_core::evidence::{Choices, Evidence, Protocol, TABLE_HEAD, table_row};

use crate::Result;
use crate::output::write_bytes;

/// What a token costs under each arm, in words.
pub type Costs = BTreeMap<String, String>;

/// Writes everything; each file appears whole.
pub(super) fn write(
    out: &Path,
    protocol: &Protocol,
    choices: &Choices,
    evidence: &Evidence,
    costs: &Costs,
) -> Result<()> {
    write_bytes(&out.join("evidence.json"), evidence.to_json().as_bytes())?;
    write_bytes(
        &out.join("contrasts.csv"),
        contrasts_csv(evidence).as_bytes(),
    )?;
    write_bytes(&out.join("arms.csv"), arms_csv(evidence, costs).as_bytes())?;
    let page = markdown(protocol, choices, evidence, costs);
    write_bytes(&out.join("evidence.md"), page.as_bytes())
}

/// A cell with commas, quotes or line ends in quotes.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn contrasts_csv(evidence: &Evidence) -> String {
    let mut lines = vec![format!("table,{},sentence", TABLE_HEAD.map(cell).join(","))];
    for contrast in &evidence.contrasts {
        let row = table_row(contrast).map(|text| cell(&text)).join(",");
        lines.push(format!(
            "{},{row},{}",
            cell(&contrast.table),
            cell(&contrast.sentence)
        ));
    }
    lines.join("\n") + "\n"
}

fn arms_csv(evidence: &Evidence, costs: &Costs) -> String {
    let mut lines = vec![
        "arm,setting,points,grid,volume,volume_low,volume_high,r2,igd_plus,best,best_z,answers_to_choose,cost"
            .to_owned(),
    ];
    for arm in &evidence.arms {
        let (volume, low, high) = volume_of(arm);
        let z = arm.best_z.map_or_else(String::new, |z| format!("{z:.4}"));
        lines.push(format!(
            "{},{},{},{},{volume:.4},{low:.4},{high:.4},{:.4},{:.4},{},{z},{},{}",
            cell(&arm.arm),
            cell(&arm.setting),
            arm.points,
            arm.grid,
            arm.r2.value,
            arm.igd_plus.value,
            cell(&arm.best),
            arm.answers,
            cell(cost_of(costs, &arm.arm))
        ));
    }
    lines.join("\n") + "\n"
}

fn cost_of<'a>(costs: &'a Costs, arm: &str) -> &'a str {
    costs.get(arm).map_or("", String::as_str)
}

fn volume_of(arm: &paretoscope_core::evidence::ArmFigures) -> (f64, f64, f64) {
    let first = arm.volumes.first();
    first.map_or((f64::NAN, f64::NAN, f64::NAN), |v| (v.value, v.low, v.high))
}

/// One page: what was done, what came of it, what was chosen, and what could not be compared.
pub fn markdown(
    protocol: &Protocol,
    choices: &Choices,
    evidence: &Evidence,
    costs: &Costs,
) -> String {
    let mut page = String::new();
    // Writing into a string cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(page, "{text}");
    };
    line(format!("# Evidence: {}", protocol.name));
    line(String::new());
    if evidence.quick {
        line("**Cut short (`--quick`): for trying out, not to be quoted.**".to_owned());
        line(String::new());
    }
    line(format!(
        "{} training run{}, {} test prompts in {} groups, scored by {}; reading {} of the test. Protocol {}.",
        evidence.seeds.len(),
        if evidence.seeds.len() == 1 { "" } else { "s" },
        evidence.prompts,
        evidence.groups,
        evidence.scorer,
        evidence.reading,
        evidence.protocol.chars().take(12).collect::<String>()
    ));
    if !protocol.test_is.is_empty() {
        line(format!("The test: {}.", protocol.test_is));
    }
    line(String::new());
    line(format!("Made by `{}`.", protocol.command));
    for table in evidence.tables() {
        line(String::new());
        line(format!("## {table}"));
        line(String::new());
        line(format!("| {} |", TABLE_HEAD.join(" | ")));
        line(format!("|{}", "---|".repeat(TABLE_HEAD.len())));
        let of = evidence.contrasts.iter().filter(|c| c.table == table);
        for contrast in of.clone() {
            line(format!("| {} |", table_row(contrast).join(" | ")));
        }
        line(String::new());
        for contrast in of {
            line(format!("- {}", contrast.sentence));
        }
    }
    line(String::new());
    line("## Arms".to_owned());
    line(String::new());
    line("| arm | what it is | setting chosen | points on its front | volume | best model, mean z | cost |".to_owned());
    line(format!("|{}", "---|".repeat(7)));
    for arm in &evidence.arms {
        let (volume, low, high) = volume_of(arm);
        let z = arm
            .best_z
            .map_or_else(|| "–".to_owned(), |z| format!("{z:.2}"));
        let about = protocol
            .arm(&arm.arm)
            .map_or("", |plan| plan.about.as_str());
        line(format!(
            "| {} | {about} | {} | {} of {} | {volume:.3} ({low:.3} to {high:.3}) | {z} | {} |",
            arm.arm,
            arm.setting,
            arm.points,
            arm.grid,
            cost_of(costs, &arm.arm)
        ));
    }
    line(String::new());
    line("## Choices on validation".to_owned());
    line(String::new());
    for choice in &choices.arms {
        let tried: Vec<String> = choice
            .candidates
            .iter()
            .map(|c| format!("{} {:.3}", c.setting, c.volume.value))
            .collect();
        line(format!(
            "- {}: {} of {}",
            choice.arm,
            choice.setting,
            tried.join(", ")
        ));
    }
    if !evidence.left_out.is_empty() {
        line(String::new());
        line("## Not compared".to_owned());
        line(String::new());
        for words in &evidence.left_out {
            line(format!("- {words}"));
        }
    }
    page
}
