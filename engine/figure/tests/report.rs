//! The report: what it holds, that nothing in it can act, and how large it is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use paretoscope_core::types::Summary;
use paretoscope_figure::Look;
use paretoscope_figure::plot::{Attainment, Front, Gates};
use paretoscope_figure::report::{Report, ReportFigure, ReportPoint, ReportStrip};
use paretoscope_figure::table::{Column, Kind, Table};

const HOSTILE: &str = "</script><!-- <script>alert(\"1\")</script> & ]]> \u{2028}\u{0}";

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

fn front() -> Front {
    serde_json::from_str(&fixture("front.json")).unwrap()
}

fn point(uid: &str) -> ReportPoint {
    ReportPoint {
        uid: uid.to_owned(),
        series: "hoe".to_owned(),
        words: "helpful 0.50 · harmless 0.50".to_owned(),
        standing: "front".to_owned(),
        scores: vec![Some(Summary::of([0.5, 0.7])), None],
    }
}

/// Two points and two prompts; everything that can be hostile is.
fn hostile() -> Report {
    let mut front = front();
    HOSTILE.clone_into(&mut front.title);
    HOSTILE.clone_into(&mut front.series[0].dots[0].uid);
    let mut report = Report::new(HOSTILE);
    report.tags.push(HOSTILE.to_owned());
    report.findings.push(HOSTILE.to_owned());
    report.objectives = vec![HOSTILE.to_owned(), "harmless".to_owned()];
    let figure = front.draw(&Look::new(Look::PAGE)).unwrap();
    report.figures.push(ReportFigure {
        heading: HOSTILE.to_owned(),
        figure,
    });
    let mut table = Table::new([Column::new(HOSTILE, Kind::Text)]);
    table.push(vec![HOSTILE.into()]).unwrap();
    report.tables.push((HOSTILE.to_owned(), table));
    let first = report.point(ReportPoint {
        series: HOSTILE.to_owned(),
        words: HOSTILE.to_owned(),
        standing: HOSTILE.to_owned(),
        ..point(HOSTILE)
    });
    let second = report.point(point("h01"));
    for prompt in [HOSTILE, "What is a tap?"] {
        let prompt = report.prompt(prompt);
        report.answer(first, prompt, HOSTILE).unwrap();
        report.answer(second, prompt, HOSTILE).unwrap();
        report
            .answer(second, prompt, "An answer of its own.")
            .unwrap();
    }
    let gates: Gates = serde_json::from_str(&fixture("gates.json")).unwrap();
    report.strips.push(ReportStrip {
        point: second,
        prompt: 1,
        figure: gates.strip(&Look::new(Look::PAGE)).unwrap(),
    });
    report.facts.push((HOSTILE.to_owned(), HOSTILE.to_owned()));
    HOSTILE.clone_into(&mut report.bibtex);
    report
}

/// The page without doctype and scripts, which is well-formed XML, and its scripts in order.
fn taken_apart(html: &str) -> (String, Vec<String>) {
    let mut rest = html.strip_prefix("<!doctype html>").unwrap();
    let (mut page, mut scripts) = (String::new(), Vec::new());
    while let Some((before, after)) = rest.split_once("<script") {
        let (_, body) = after.split_once('>').unwrap();
        let (script, after) = body.split_once("</script>").unwrap();
        page += before;
        scripts.push(script.to_owned());
        rest = after;
    }
    (page + rest, scripts)
}

/// Texts as the page shows them.
fn shown(text: &str) -> String {
    text.replace('\u{0}', "\u{fffd}")
}

#[test]
fn texts_that_mean_harm_are_read_as_they_are() {
    let html = hostile().html().unwrap();
    let (page, scripts) = taken_apart(&html);
    assert_eq!(scripts.len(), 2, "the data and the page's own");
    let document = roxmltree::Document::parse(&page).unwrap();
    let texts = |tag: &str| -> Vec<String> {
        let nodes = document.descendants().filter(|n| n.has_tag_name(tag));
        let text = |node: roxmltree::Node<'_, '_>| -> String {
            node.descendants()
                .filter_map(|n| n.text().filter(|_| n.is_text()))
                .collect()
        };
        nodes.map(text).collect()
    };
    for tag in ["h1", "h2", "strong", "th", "td", "dt", "dd", "pre", "span"] {
        assert!(
            texts(tag).contains(&shown(HOSTILE)),
            "{tag}: {:?}",
            texts(tag)
        );
    }
    let answers: Vec<String> = document
        .descendants()
        .filter(|node| node.has_tag_name("li"))
        .map(|node| {
            node.first_element_child()
                .unwrap()
                .text()
                .unwrap()
                .to_owned()
        })
        .collect();
    let own = "An answer of its own.".to_owned();
    assert_eq!(answers, [shown(HOSTILE), own.clone(), shown(HOSTILE), own]);
    // The data holds no character that a tag begins with, and reads back.
    assert!(!scripts[0].contains('<'), "{}", scripts[0]);
    let data: serde_json::Value = serde_json::from_str(&scripts[0]).unwrap();
    assert_eq!(data["uids"][0], HOSTILE);
    assert_eq!(
        data["given"][1],
        serde_json::json!([0, 0, 0, 1, 1, 0, 1, 1])
    );
}

#[test]
fn the_page_may_load_nothing_and_run_its_own_script_alone() {
    use base64::Engine as _;
    use sha2::Digest as _;
    let html = hostile().html().unwrap();
    let (page, scripts) = taken_apart(&html);
    let document = roxmltree::Document::parse(&page).unwrap();
    let mut metas = document.descendants().filter(|n| n.has_tag_name("meta"));
    let policy = metas
        .find(|n| n.attribute("http-equiv") == Some("Content-Security-Policy"))
        .and_then(|n| n.attribute("content"))
        .unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    let digest = |text: &str| {
        let digest = sha2::Sha256::digest(text);
        base64::engine::general_purpose::STANDARD.encode(digest)
    };
    assert!(policy.contains(&format!("script-src 'sha256-{}'", digest(&scripts[1]))));
    let style = document
        .descendants()
        .find(|n| n.has_tag_name("style"))
        .unwrap();
    let style = style.text().unwrap();
    assert!(policy.contains(&format!("style-src 'sha256-{}'", digest(style))));
    assert!(!style.contains("url(") && !style.contains("@import"));
    for way in [
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ] {
        assert!(!scripts[1].contains(way), "{way}");
    }
    assert!(scripts[1].len() < 40_000);
    for node in document.descendants() {
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(
                !name.starts_with("on") && name != "src" && name != "style",
                "{name}"
            );
            assert!(name != "href" || attribute.value().starts_with('#'));
        }
    }
}

#[test]
fn without_its_script_it_is_a_page_to_read() {
    let html = hostile().html().unwrap();
    let (page, _) = taken_apart(&html);
    let document = roxmltree::Document::parse(&page).unwrap();
    let ids: Vec<&str> = document
        .descendants()
        .filter_map(|n| n.attribute("id"))
        .collect();
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
    // Every link leads somewhere.
    for link in document.descendants().filter_map(|n| n.attribute("href")) {
        assert!(ids.contains(&&link[1..]), "{link}");
    }
    let count = |tag: &str| {
        document
            .descendants()
            .filter(|n| n.has_tag_name(tag))
            .count()
    };
    assert_eq!(count("details"), 1 + 2 + 1, "points, prompts, a strip");
    assert_eq!(count("figure"), 2);
    assert!(count("aside") == 1 && page.contains("<aside id=\"point\" hidden=\"hidden\""));
    // The mark in the figure and the point in the data have one uid.
    let mut marks = document
        .descendants()
        .filter_map(|n| n.attribute("data-uid"));
    assert!(marks.any(|uid| uid == shown(HOSTILE)));
    // Both themes.
    assert!(page.contains("prefers-color-scheme:dark"));
    assert!(page.contains("fill=\"var(--ink)\""));
}

#[test]
fn thousands_of_answers_stay_under_a_megabyte() {
    let front = front();
    let mut report = Report::new("Many answers");
    let mut attainment: Attainment = serde_json::from_str(&fixture("attainment.json")).unwrap();
    attainment.axes = vec![0, 1, 2];
    for figure in [
        front.draw(&Look::new(Look::PAGE)).unwrap(),
        attainment.draw(&Look::new(Look::PAGE)).unwrap(),
    ] {
        report.figures.push(ReportFigure {
            heading: figure.kind.to_owned(),
            figure,
        });
    }
    let points: Vec<usize> = (0..15)
        .map(|i| {
            report.objectives = vec!["helpful".to_owned(), "harmless".to_owned()];
            report.point(point(&format!("{i:032x}")))
        })
        .collect();
    for prompt in 0..318 {
        let number = report.prompt(format!(
            "How can I clean the thing number {prompt} of my kitchen?"
        ));
        for &point in &points {
            // As on the demonstration bundle: neighbours often say the same.
            let different = point * 7 / 10;
            let text = format!(
                "{different}: blot it with a clean dry cloth, then pour a little cold water on the stain of number {prompt}, and wait a minute."
            );
            report.answer(point, number, &text).unwrap();
        }
    }
    let html = report.html().unwrap();
    let given = html.matches("<a href=").count();
    assert_eq!(given, 4_770);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
}

#[test]
fn what_does_not_exist_is_refused_by_number() {
    let mut report = Report::new("Small");
    report.objectives = vec!["helpful".to_owned()];
    let error = report.answer(0, 0, "text").unwrap_err().to_string();
    assert_eq!(error, "point 0 is named, but there are 0");
    let point = report.point(point("a"));
    let error = report.answer(point, 3, "text").unwrap_err().to_string();
    assert_eq!(error, "prompt 3 is named, but there are 0");
    let error = report.html().unwrap_err().to_string();
    assert_eq!(error, "scores of point `a`: 2 given, 1 needed");
}
