//! What a damaged file still says is saved, what is lost is told, and the file itself stays.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::tests::{answer, run, scorer, sweep};
use super::*;

/// A study of so many answers, each with a score and a place in a sweep.
fn study(folder: &Path, answers: usize) -> PathBuf {
    let path = folder.join("mine.study");
    let study = Study::open(&path).unwrap();
    let record = sweep(&["a", "b"]);
    let number = study.bundle(&record.bundle).unwrap();
    let id = study.sweep(&record, 1000).unwrap();
    let scorers = study.scorers(&[scorer("helpful", "1")]).unwrap();
    let runs: Vec<_> = (0..answers)
        .map(|n| {
            run(
                &format!("prompt {}", n % 50),
                (n / 50) as f64 / 100.0,
                &format!("answer {n} ").repeat(8),
            )
        })
        .collect();
    let new: Vec<_> = runs
        .iter()
        .enumerate()
        .map(|(n, run)| NewAnswer {
            place: Some(Placed {
                sweep: id,
                seed: 0,
                point: n / 50,
                prompt: n % 50,
            }),
            ..answer(run, number)
        })
        .collect();
    let ids = study.add(&new).unwrap();
    let scores: Vec<_> = ids
        .iter()
        .map(|id| (*id, scorers[0].unwrap(), *id as f64))
        .collect();
    study.score(&scores).unwrap();
    path
}

/// Saves what can be read and checks that it is whole.
fn saved(path: &Path) -> Result<(Study, Losses), crate::Error> {
    let before = fs::read(path).unwrap();
    let recovered = Study::recover(path)?;
    assert_eq!(fs::read(path).unwrap(), before, "the damaged file stays");
    let study = Study::open(&recovered.path).unwrap();
    let health: String = study.one("PRAGMA integrity_check", []).unwrap();
    assert_eq!(health, "ok");
    let broken: i64 = study
        .one("SELECT count(*) FROM pragma_foreign_key_check", [])
        .unwrap();
    assert_eq!(broken, 0);
    study.each_answer(|_answer| Ok(())).unwrap();
    study.sweeps().unwrap();
    study.digest().unwrap();
    Ok((study, recovered.losses))
}

fn of(losses: &Losses, table: &str) -> TableLoss {
    losses
        .tables
        .iter()
        .find(|t| t.table == table)
        .unwrap()
        .clone()
}

#[test]
fn four_kilobytes_in_the_middle_cost_what_stood_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = study(folder.path(), 2000);
    let mut bytes = fs::read(&path).unwrap();
    let whole = Study::open(&path).unwrap();
    let (sound, losses) = saved(&path).unwrap();
    assert!(losses.none(), "{losses}");
    assert_eq!(
        losses.to_string().split(':').next(),
        Some("nothing was lost")
    );
    // Numbers of origins apart, which the digest leaves out, it is the study.
    assert_eq!(sound.digest().unwrap(), whole.digest().unwrap());
    drop(whole);
    // A page of answers: found by what it holds.
    let text = b"answer 1000 answer";
    let place = bytes.windows(text.len()).position(|w| w == text).unwrap() / 4096 * 4096;
    bytes[place..place + 4096].fill(0);
    fs::write(&path, &bytes).unwrap();
    let refused = Study::open(&path).unwrap_err().to_string();
    assert!(
        refused.contains("is damaged") && refused.contains("study recover"),
        "{refused}"
    );
    let (rest, losses) = saved(&path).unwrap();
    let answers = of(&losses, "generation");
    assert!((1960..2000).contains(&answers.kept), "{losses}");
    assert_eq!(
        (answers.lost, answers.more),
        (2000 - answers.kept, false),
        "{losses}"
    );
    let scores = of(&losses, "score");
    assert_eq!(
        (scores.kept, scores.bereft),
        (answers.kept, answers.lost),
        "{losses}"
    );
    assert_eq!(rest.count("sweep_row").unwrap(), answers.kept);
    let path = Study::recover(&path).unwrap().path;
    assert!(
        path.ends_with("mine (recovered 3).study"),
        "{}",
        path.display()
    );
}

/// Also the first ones, which say where everything stands: they are as in every study, or in every copy of one.
#[test]
fn any_page_may_be_lost() {
    let folder = tempfile::tempdir().unwrap();
    let made = study(folder.path(), 300);
    let copied = folder.path().join("copied.study");
    Study::open(&made).unwrap().copy_to(&copied).unwrap();
    for (path, step) in [(made, 2), (copied, 3)] {
        let sound = fs::read(&path).unwrap();
        let pages = sound.len() / 4096;
        for page in [0, 1].into_iter().chain((2..pages).step_by(step)) {
            let mut bytes = sound.clone();
            bytes[page * 4096..(page + 1) * 4096].fill(0);
            fs::write(&path, &bytes).unwrap();
            let (rest, losses) = saved(&path).unwrap();
            let kept = rest.count("generation").unwrap();
            let told = losses.tables.iter().find(|t| t.table == "generation");
            let told = told.is_some_and(|t| t.lost > 0 || t.more);
            assert!(kept == 300 || told, "{page}: {losses}");
            assert!(page > 0 || losses.none(), "{page}: {losses}");
            fs::remove_file(rest.path()).unwrap();
        }
    }
}

#[test]
fn a_file_that_was_cut_off_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = study(folder.path(), 2000);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 3 * 2]).unwrap();
    assert!(
        Study::open(&path)
            .unwrap_err()
            .to_string()
            .contains("study recover")
    );
    let (rest, losses) = saved(&path).unwrap();
    let answers = of(&losses, "generation");
    assert!(rest.count("generation").unwrap() > 500, "{losses}");
    assert!(answers.lost > 0, "{losses}");
}

#[test]
fn answers_without_their_prompt_are_kept_and_never_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = study(folder.path(), 100);
    let study = Study::open(&path).unwrap();
    let hurt = "PRAGMA foreign_keys = OFF; DELETE FROM prompt WHERE id = 1; DELETE FROM bundle; DELETE FROM origin";
    study.connection.execute_batch(hurt).unwrap();
    drop(study);
    let (rest, losses) = saved(&path).unwrap();
    assert_eq!(of(&losses, "generation").kept, 100);
    assert!(of(&losses, "generation").bereft > 100);
    let keyed: i64 = rest
        .one("SELECT count(*) FROM generation WHERE key IS NOT NULL", [])
        .unwrap();
    assert_eq!(keyed, 0);
    let words: i64 = rest.one("SELECT count(*) FROM generation g JOIN prompt p ON p.id = g.prompt WHERE p.body LIKE '%was lost%'", []).unwrap();
    assert_eq!(words, 2);
}

#[test]
fn what_is_no_study_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.study");
    let refused = |path: &Path| Study::recover(path).unwrap_err().to_string();
    assert!(refused(&path).contains("does not exist"));
    fs::write(
        &path,
        "no database, but long enough to be looked at".repeat(9),
    )
    .unwrap();
    assert!(refused(&path).contains("holds nothing that can be read"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..Default::default() })]

    #[test]
    fn any_damage_is_survived(hurt in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 1_usize..600), 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        let path = study(folder.path(), 60);
        let mut bytes = fs::read(&path).unwrap();
        for (place, byte, length) in hurt {
            let start = place.index(bytes.len() - 700);
            bytes[start..start + length].fill(byte);
        }
        fs::write(&path, &bytes).unwrap();
        let _opened = Study::open(&path).map(|study| study.each_answer(|_| Ok(())));
        if let Err(error) = saved(&path) {
            prop_assert!(error.to_string().contains("copies beside it") || error.to_string().contains("holds nothing"), "{}", error);
        }
    }
}
