//! The report in a browser: its script runs under its own policy, and nothing else does.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use paretoscope_figure::Look;
use paretoscope_figure::plot::Front;
use paretoscope_figure::report::{Report, ReportFigure, ReportPoint};

const HOSTILE: &str = "</script><!-- <img src=x onerror=\"document.title='gone'\"> & so on";

fn report() -> Report {
    let text = include_str!("fixtures/front.json");
    let front: Front = serde_json::from_str(text).unwrap();
    let mut report = Report::new("A report");
    report.objectives = front.objectives.iter().map(|o| o.name.clone()).collect();
    report.figures.push(ReportFigure {
        heading: "Front".to_owned(),
        figure: front.draw(&Look::new(Look::PAGE)).unwrap(),
    });
    let prompts = [
        report.prompt("First prompt"),
        report.prompt("Second prompt"),
    ];
    for dot in &front.series[0].dots {
        let point = report.point(ReportPoint {
            uid: dot.uid.clone(),
            series: "hoe".to_owned(),
            words: format!("point {}", dot.uid),
            standing: dot.standing.words().to_owned(),
            scores: dot.scores.clone(),
        });
        report.answer(point, prompts[0], HOSTILE).unwrap();
        let own = format!("the answer of {}", dot.uid);
        report.answer(point, prompts[1], &own).unwrap();
    }
    report
}

/// The page as the browser has it after its script ran.
fn dom(hash: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    std::fs::write(&page, report().html().unwrap()).unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=5000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg("--dump-dom")
        .arg(format!("file://{}#{hash}", page.display()))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What stands in the panel of the chosen point.
fn panel(dom: &str) -> &str {
    let (_, panel) = dom.split_once("<aside").unwrap();
    panel.split_once("</aside>").unwrap().0
}

#[test]
#[ignore = "needs chromium in PATH"]
fn a_dot_leads_to_its_answers_and_texts_stay_texts() {
    let dom = dom("dot=h03");
    let panel = panel(&dom);
    assert!(!panel.contains("hidden"), "{panel}");
    assert!(panel.contains("the answer of h03") && !panel.contains("the answer of h04"));
    assert!(panel.contains("&lt;/script&gt;&lt;!-- &lt;img src=x onerror="));
    assert!(
        dom.contains("<title>A report</title>"),
        "no text became a tag"
    );
    assert_eq!(
        dom.matches("class=\"ring a\"").count(),
        3,
        "once in every plot"
    );
    assert!(
        dom.matches("role=\"button\"").count() > 100,
        "dots are buttons"
    );
}

#[test]
#[ignore = "needs chromium in PATH"]
fn two_points_are_compared_and_rows_are_links() {
    let dom = dom("dot=h03&with=h07");
    let panel = panel(&dom);
    assert!(panel.contains("the answer of h03") && panel.contains("the answer of h07"));
    assert_eq!(panel.matches("B says the same.").count(), 1);
    let (different, same) = (
        panel.find("Second prompt").unwrap(),
        panel.find("First prompt").unwrap(),
    );
    assert!(different < same, "what differs comes first");
    assert!(dom.contains("class=\"ring b\""));
    let row = self::dom("p5");
    assert!(self::panel(&row).contains("the answer of h04"));
}
