//! The export sheet in the real window: every plot, table and the report as files, whole or refused in words.

mod played;
mod scripted;
mod stored;

use std::path::Path;

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use paretoscope::app::StartOptions;
use paretoscope::command::{AppCommand, Gesture};
use paretoscope::export::{FigureFormat, Made, TableFormat, What};
use paretoscope::registry;
use paretoscope::state::{ExportForm, GenerateWhen, Overlay, ThemeChoice};
use paretoscope_core::types::{Compared, Measure, Point, Preference};
use played::{Window, script, with_bundle};
use stored::{swept, window};

const WIDE: [f32; 2] = [1280.0, 800.0];

impl Window<'_> {
    /// Chooses what to write, and where.
    fn form(&mut self, what: What, path: &Path, change: impl FnOnce(&mut ExportForm)) {
        self.queue(AppCommand::ShowExport(what));
        let mut form = self.state().export.form.clone();
        form.path = path.to_path_buf();
        change(&mut form);
        self.queue(AppCommand::SetExport(form));
    }

    /// Presses the button and waits for the end.
    fn export(&mut self) {
        // The sheet takes some frames to be as high as what it holds.
        self.steps(6);
        self.harness
            .get_by_role_and_label(Role::Button, "Export")
            .click();
        self.steps(2);
        self.wait("an end", |w| {
            w.state().export.stage.is_none() && w.state().export.done.is_some()
        });
        self.steps(2);
    }

    fn written(&self) -> Vec<String> {
        match &self.state().export.done {
            Some(Ok(written)) => {
                let names = written.paths.iter().filter_map(|path| path.file_name());
                names.map(|n| n.to_string_lossy().into_owned()).collect()
            }
            other => panic!("nothing is written: {other:?}"),
        }
    }
}

/// A window on a study of two sweeps.
fn comparing<'a>(path: &Path, bundle: Option<&str>) -> Window<'a> {
    swept(path);
    let mut w = window(WIDE, path, bundle);
    w.wait("its sweeps", |w| w.state().study.sweeps.len() == 2);
    w.steps(3);
    w
}

#[test]
fn every_plot_of_the_study_is_written_with_its_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = comparing(&folder.path().join("two.study"), None);
    w.queue(AppCommand::TickSweep(2, false));
    for what in [What::Front, What::Pairs, What::Field, What::Attainment] {
        for format in FigureFormat::ALL {
            let name = format!("{}-{}", what.stem(), format.ending());
            w.form(what, &folder.path().join(&name), |form| {
                form.figure = format;
                form.width = 84.0;
            });
            w.export();
            let files = [format.ending(), "csv", "json"].map(|e| format!("{name}.{e}"));
            assert_eq!(w.written(), files);
            assert!(
                w.sees(" rows, 3 files"),
                "{what:?} {:?}",
                w.state().export.done
            );
        }
    }
    let drawn = std::fs::read_to_string(folder.path().join("field-svg.svg")).expect("a field");
    assert!(drawn.contains("width=\"84mm\""), "{}", &drawn[..300]);
    let csv = std::fs::read_to_string(folder.path().join("front-svg.csv")).expect("numbers");
    assert!(
        csv.lines().next().is_some_and(|head| head.contains("_se")),
        "{csv}"
    );
    // A field of another objective is another plot.
    w.form(What::Field, &folder.path().join("other.svg"), |form| {
        form.objective = Some("harmless".to_owned());
    });
    assert!(w.sees("Objective of the field"));
    w.export();
    let other = std::fs::read_to_string(folder.path().join("other.svg")).expect("a field");
    assert!(other.contains("harmless") && other != drawn);
}

#[test]
fn tables_and_the_report_are_written_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = comparing(&folder.path().join("two.study"), None);
    for (what, rows) in [(What::Points, 6), (What::Generations, 12)] {
        for format in TableFormat::ALL {
            w.form(what, &folder.path().join(what.stem()), |form| {
                form.table = format;
            });
            w.export();
            let name = format!("{}.{}", what.stem(), format.ending());
            assert_eq!(w.written(), std::slice::from_ref(&name));
            assert!(w.sees(&format!("Wrote {rows} rows, 1 file")));
            let bytes = std::fs::read(folder.path().join(&name)).expect("a table");
            match format {
                TableFormat::Parquet => assert_eq!(&bytes[..4], b"PAR1"),
                TableFormat::Latex => {
                    let text = String::from_utf8(bytes).expect("text");
                    assert!(text.contains("\\begin{tabular}"), "{text}");
                }
                TableFormat::Csv => assert_eq!(bytes.split(|b| *b == b'\n').count(), rows + 2),
                TableFormat::Jsonl => assert_eq!(bytes.split(|b| *b == b'\n').count(), rows + 1),
            }
        }
    }
    w.form(What::Report, &folder.path().join("report"), |_| {});
    w.export();
    assert_eq!(w.written(), ["report.html"]);
    assert!(w.sees("Wrote 12 answers, 1 file"));
    let page = std::fs::read_to_string(folder.path().join("report.html")).expect("a page");
    assert!(page.contains("hoe at 2 on ask two") && page.contains("<svg"));
}

#[test]
fn what_cannot_be_written_is_refused_in_words_and_nothing_is_half_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = comparing(&folder.path().join("two.study"), None);
    w.queue(AppCommand::ShowExport(What::Front));
    assert!(w.sees("To do: name the file first."));
    let why = |w: &Window<'_>| registry::why_not(&AppCommand::Export, w.state());
    assert_eq!(why(&w).as_deref(), Some("name the file first"));
    w.form(What::Front, &folder.path().join("front.svg"), |_| {});
    w.export();
    w.export();
    assert!(w.sees("Error: nothing was written"));
    assert!(w.sees("is there already; name another file"));
    let mut form = w.state().export.form.clone();
    form.replace = true;
    w.queue(AppCommand::SetExport(form));
    w.export();
    assert!(w.sees("Wrote "), "a ticked box replaces");
    for (path, words) in [
        (folder.path().join("none/front.svg"), "none does not exist"),
        (folder.path().to_path_buf(), "is a folder"),
    ] {
        let mut form = w.state().export.form.clone();
        form.path.clone_from(&path);
        w.queue(AppCommand::SetExport(form));
        if path == folder.path() {
            // A folder gets the ending of a file, as any name does.
            std::fs::create_dir(folder.path().with_extension("svg")).expect("a folder");
        }
        w.export();
        assert!(w.sees(words), "{:?}", w.state().export.done);
    }
    std::fs::remove_dir(folder.path().with_extension("svg")).expect("taken away");
    // Attainment needs no more than two objectives, a field one sweep.
    w.form(What::Field, &folder.path().join("field.svg"), |_| {});
    w.export();
    assert!(w.sees("a field is of one sweep"));
    for sweep in [1, 2] {
        w.queue(AppCommand::TickSweep(sweep, false));
    }
    assert_eq!(why(&w).as_deref(), Some("no sweep of the study is ticked"));
    let left = std::fs::read_dir(folder.path())
        .expect("a folder")
        .flatten();
    let half = left.filter(|f| f.path().extension().is_some_and(|e| e == "new"));
    assert_eq!(half.count(), 0);
}

#[test]
fn the_answer_s_routing_and_the_comparison_of_adapters_are_written_without_a_study() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut w = Window::open(WIDE, script(), with_bundle(), |builder| builder);
    w.queue(AppCommand::ShowExport(What::Strip));
    assert!(w.sees("To do: there is no answer yet."));
    w.queue(AppCommand::SetGenerate(GenerateWhen::Manual));
    let point = Point::Preference(Preference::new(vec![0.2, 0.3, 0.5]).expect("shares"));
    w.queue(AppCommand::Move(point, Gesture::Settled));
    w.queue(AppCommand::Generate);
    w.wait("an answer", |w| {
        let run = w.state().session.current();
        run.is_some_and(|r| r.record.is_some() && !r.phase.is_running())
    });
    let tokens = w.state().session.current().expect("one").tokens.len();
    for what in [What::Strip, What::Heatmap] {
        w.form(what, &folder.path().join(what.stem()), |_| {});
        assert!(w.sees("Of the answer to"));
        w.export();
        let name = what.stem();
        assert_eq!(
            w.written(),
            ["svg", "csv", "json"].map(|e| format!("{name}.{e}"))
        );
        let csv = std::fs::read_to_string(folder.path().join(format!("{name}.csv")));
        assert!(csv.expect("numbers").lines().count() > tokens);
    }
    let meta = std::fs::read_to_string(folder.path().join("strip.json")).expect("facts");
    assert!(meta.contains("q_proj"), "the modules of the panel: {meta}");
    w.form(
        What::Interference,
        &folder.path().join("interference.pdf"),
        |_| {},
    );
    assert!(w.sees("To do: the adapters were not compared yet"));
    w.queue(AppCommand::Show(Overlay::Export));
    w.queue(AppCommand::Compare(Compared::Experts, Measure::Cosine));
    w.wait("the comparison", |w| w.state().interference.found.is_some());
    w.queue(AppCommand::Show(Overlay::Interference));
    w.steps(6);
    w.click("Export\u{2026}");
    assert_eq!(w.state().export.form.what, What::Interference);
    w.export();
    assert_eq!(w.written()[0], "interference.pdf");
    // It goes back to where it was opened.
    w.click("Back");
    assert_eq!(w.state().overlay.open, Overlay::Interference);
}

#[test]
fn every_control_is_named_and_stays_inside_in_all_sizes_and_themes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("two.study");
    swept(&path);
    for size in [[480.0, 640.0], [640.0, 360.0], [1280.0, 720.0]] {
        for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
            let options = StartOptions {
                bundle: None,
                study: Some(path.clone()),
                study_named: true,
                ..with_bundle()
            };
            let mut w = Window::open(size, script(), options, |builder| builder);
            w.wait("its sweeps", |w| w.state().study.sweeps.len() == 2);
            w.queue(AppCommand::SetTheme(theme));
            for what in What::ALL {
                w.queue(AppCommand::ShowExport(what));
                w.steps(3);
                let mut names = vec![
                    "What to export",
                    "Choose\u{2026}",
                    "Path of the exported file",
                    "Export",
                    "Replace files that are there",
                ];
                names.extend(match what.made() {
                    Made::Figure => vec!["SVG", "PDF", "PNG", "Width of the figure in mm"],
                    Made::Table => vec!["CSV", "JSON Lines", "Parquet", "LaTeX"],
                    Made::Report => Vec::new(),
                });
                for name in names {
                    // The heading has the word, too.
                    let mut found = w.harness.query_all_by_label(name);
                    let node = found.find(|node| node.accesskit_node().role() != Role::Label);
                    let rect = node.unwrap_or_else(|| panic!("{name} {what:?}")).rect();
                    assert!(
                        rect.left() >= 0.0 && rect.right() <= size[0],
                        "{name} {rect:?} {size:?}"
                    );
                }
            }
        }
    }
}
