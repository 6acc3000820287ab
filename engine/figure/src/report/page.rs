//! The page's HTML. All of it is well-formed XML but for its doctype and scripts, so that tests can read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{Answer, Report};
use crate::color::Theme;
use crate::error::Result;
use crate::svg::{escaped, inline, page_variables};
use crate::table::{Cell, Kind, Table};
use crate::words;

const SCRIPT: &str = include_str!("script.js");
const STYLE: &str = include_str!("style.css");

/// What the script needs; texts it takes from the page.
#[derive(Serialize)]
struct Data<'a> {
    uids: Vec<&'a str>,
    /// Per point, in turn a prompt and the number of the answer that it gave.
    given: Vec<Vec<usize>>,
    /// Point, prompt, per token strip.
    strips: Vec<[usize; 2]>,
}

pub(super) fn html(report: &Report) -> Result<String> {
    let style = style();
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(&style),
        hash(SCRIPT)
    );
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n");
    out += "<meta charset=\"utf-8\"/>\n";
    out += &format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\"/>\n",
        escaped(&policy)
    );
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n";
    out += "<meta name=\"referrer\" content=\"no-referrer\"/>\n";
    out += &format!(
        "<title>{}</title>\n<style>{style}</style>\n</head>\n<body>\n",
        escaped(&report.title)
    );
    head(report, &mut out);
    out += "<div class=\"columns\">\n<main>\n";
    figures(report, &mut out);
    for (heading, table) in &report.tables {
        section(&mut out, heading, |out| data_table(table, out));
    }
    points(report, &mut out);
    answers(report, &mut out);
    strips(report, &mut out);
    facts(report, &mut out);
    out += "</main>\n<aside id=\"point\" hidden=\"hidden\" aria-live=\"polite\"></aside>\n</div>\n";
    out += &format!(
        "<script type=\"application/json\" id=\"data\">{}</script>\n",
        data(report)?
    );
    out += &format!("<script>{SCRIPT}</script>\n</body>\n</html>\n");
    Ok(out)
}

fn style() -> String {
    format!(
        ":root{{color-scheme:light dark;{}}}\n@media(prefers-color-scheme:dark){{:root{{{}}}}}\n{STYLE}",
        page_variables(Theme::Light),
        page_variables(Theme::Dark)
    )
}

/// A source of a content security policy.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// JSON that no tag can end.
fn data(report: &Report) -> Result<String> {
    let mut given = vec![Vec::new(); report.points.len()];
    for (prompt, answers) in report.answers.iter().enumerate() {
        for (number, answer) in answers.iter().enumerate() {
            for &point in &answer.points {
                given[point].extend([prompt, number]);
            }
        }
    }
    let data = Data {
        uids: report.points.iter().map(|p| p.uid.as_str()).collect(),
        given,
        strips: report.strips.iter().map(|s| [s.point, s.prompt]).collect(),
    };
    let json = serde_json::to_string(&data)?;
    Ok(json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026"))
}

fn section(out: &mut String, heading: &str, fill: impl FnOnce(&mut String)) {
    *out += &format!("<section>\n<h2>{}</h2>\n", escaped(heading));
    fill(out);
    *out += "</section>\n";
}

fn head(report: &Report, out: &mut String) {
    *out += &format!("<header>\n<h1>{}</h1>\n", escaped(&report.title));
    if !report.tags.is_empty() {
        let tags = report.tags.iter();
        let tags = tags.map(|tag| format!("<strong class=\"tag\">{}</strong>", escaped(tag)));
        *out += &format!("<p>{}</p>\n", tags.collect::<Vec<_>>().join(" "));
    }
    for finding in &report.findings {
        *out += &format!("<p class=\"finding\">{}</p>\n", escaped(finding));
    }
    *out += "</header>\n";
}

fn figures(report: &Report, out: &mut String) {
    for figure in &report.figures {
        section(out, &figure.heading, |out| {
            *out += &format!(
                "<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n",
                inline(&figure.figure.scene),
                escaped(&figure.figure.caption)
            );
        });
    }
}

/// A table as it is, means with their errors.
fn data_table(table: &Table, out: &mut String) {
    *out += "<div class=\"wide\"><table>\n<thead><tr>";
    for column in table.columns() {
        *out += &format!("<th{}>{}</th>", number(column.kind), escaped(&column.name));
    }
    *out += "</tr></thead>\n<tbody>\n";
    for row in table.rows() {
        *out += "<tr>";
        for (column, cell) in table.columns().iter().zip(row) {
            let text = match cell {
                Cell::Empty => String::new(),
                Cell::Text(text) => text.clone(),
                Cell::Integer(number) => number.to_string().replace('-', "−"),
                Cell::Number(number) => words::value(*number),
                Cell::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
                Cell::Estimate(summary) => words::score(Some(summary)),
            };
            *out += &format!("<td{}>{}</td>", number(column.kind), escaped(&text));
        }
        *out += "</tr>\n";
    }
    *out += "</tbody>\n</table></div>\n";
}

fn number(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Flag => "",
        Kind::Integer | Kind::Number | Kind::Estimate => " class=\"number\"",
    }
}

/// What is clicked in figures, as a table: a row per point, which answers link to.
fn points(report: &Report, out: &mut String) {
    if report.points.is_empty() {
        return;
    }
    section(out, "Points", |out| {
        let count = words::count(report.points.len(), "point");
        let few = if report.points.len() > 12 {
            ""
        } else {
            " open=\"open\""
        };
        *out += &format!("<details{few}><summary>{count} with scores</summary>\n");
        *out += "<div class=\"wide\"><table id=\"points\">\n<thead><tr><th class=\"number\">#</th><th>series</th><th>point</th><th>standing</th>";
        for objective in &report.objectives {
            *out += &format!("<th class=\"number\">{}</th>", escaped(objective));
        }
        *out += "</tr></thead>\n<tbody>\n";
        for (index, point) in report.points.iter().enumerate() {
            *out += &format!(
                "<tr id=\"p{}\"><td class=\"number\">{}</td><td>{}</td><td>{}</td><td>{}</td>",
                index + 1,
                index + 1,
                escaped(&point.series),
                escaped(&point.words),
                escaped(&point.standing)
            );
            for score in &point.scores {
                let score = words::score(score.as_ref());
                *out += &format!("<td class=\"number\">{}</td>", escaped(&score));
            }
            *out += "</tr>\n";
        }
        *out += "</tbody>\n</table></div></details>\n";
    });
}

fn answers(report: &Report, out: &mut String) {
    if report.prompts.is_empty() {
        return;
    }
    section(out, "Answers", |out| {
        *out += "<p class=\"weak\">Equal answers to a prompt stand once, with the numbers of the points that gave them.</p>\n<div id=\"answers\">\n";
        for (index, (prompt, answers)) in report.prompts.iter().zip(&report.answers).enumerate() {
            let count = match answers.len() {
                1 => "1 answer".to_owned(),
                count => format!("{count} different answers"),
            };
            *out += &format!(
                "<details id=\"q{}\"><summary><span>{}</span> <small>{count}</small></summary>\n<ol>\n",
                index + 1,
                escaped(prompt)
            );
            for answer in answers {
                list_item(answer, out);
            }
            *out += "</ol></details>\n";
        }
        *out += "</div>\n";
    });
}

fn list_item(answer: &Answer, out: &mut String) {
    let links = answer.points.iter().map(|point| {
        let number = point + 1;
        format!("<a href=\"#p{number}\">{number}</a>")
    });
    let points = if answer.points.len() == 1 {
        "point"
    } else {
        "points"
    };
    *out += &format!(
        "<li><p>{}</p><small>{points} {}</small></li>\n",
        escaped(&answer.text),
        links.collect::<Vec<_>>().join(" ")
    );
}

fn strips(report: &Report, out: &mut String) {
    if report.strips.is_empty() {
        return;
    }
    section(out, "Tokens by expert", |out| {
        for (index, strip) in report.strips.iter().enumerate() {
            let prompt = report.prompts.get(strip.prompt).map_or("", String::as_str);
            *out += &format!(
                "<details id=\"s{}\"><summary><span>{}</span> <small>point {}</small></summary>\n\
                 <figure>\n{}<figcaption>{}</figcaption>\n</figure></details>\n",
                index + 1,
                escaped(prompt),
                strip.point + 1,
                inline(&strip.figure.scene),
                escaped(&strip.figure.caption)
            );
        }
    });
}

fn facts(report: &Report, out: &mut String) {
    section(out, "Where this comes from", |out| {
        *out += "<dl>\n";
        for (name, value) in &report.facts {
            *out += &format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(value));
        }
        let program = format!("Paretoscope {}", env!("CARGO_PKG_VERSION"));
        *out += &format!("<dt>program</dt><dd>{program}</dd>\n</dl>\n");
        if !report.bibtex.is_empty() {
            *out += &format!("<pre>{}</pre>\n", escaped(&report.bibtex));
        }
    });
}
