//! Every reader, for seconds: its seeds, then changed copies of them, the same ones in every run.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up should stop at once"
)]

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use paretoscope_fuzz::mutate::Mutator;
use paretoscope_fuzz::{TARGETS, named};

/// One input may take so long before it counts as hanging; a thousand times what the slowest takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// Gives a reader its seeds and `inputs` changed copies; says which input it fell over, and where that is kept.
fn hold(name: &str, inputs: usize) {
    let target = named(name).expect("a target");
    let kept: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.input"));
    let (read, watched) = channel::<()>();
    let keep = kept.clone();
    let reader = std::thread::spawn(move || {
        let seeds = (target.seeds)();
        let mut mutator = Mutator::new(1);
        let give = |data: &[u8]| {
            // Written before it is read: so it is there even where reading ends the whole process.
            std::fs::write(&keep, data).expect("a writable folder");
            let _watched = read.send(());
            (target.read)(data)
        };
        for (index, seed) in seeds.iter().enumerate() {
            assert!(give(seed), "something of seed {index} is refused");
        }
        for _ in 0..inputs {
            give(&mutator.next(&seeds));
        }
    });
    let fault = loop {
        match watched.recv_timeout(PATIENCE) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => break Some("hangs on"),
            Err(RecvTimeoutError::Disconnected) => {
                break reader.join().is_err().then_some("panics at");
            }
        }
    };
    if let Some(fault) = fault {
        panic!(
            "`{name}` {fault} {}: `cargo run -p paretoscope-fuzz --bin hostile -- run {name} {}`",
            kept.display(),
            kept.display()
        );
    }
    std::fs::remove_file(&kept).expect("the last input");
}

#[test]
fn adapters() {
    hold("adapter", 3_000);
}

#[test]
fn archives() {
    hold("archive", 3_000);
}

#[test]
fn bundles() {
    hold("bundle", 6_000);
}

#[test]
fn configs() {
    hold("config", 6_000);
}

#[test]
fn training_data() {
    hold("data", 6_000);
}

#[test]
fn ggufs() {
    hold("gguf", 4_000);
}

#[test]
fn jobs() {
    hold("job", 6_000);
}

#[test]
fn pickles() {
    hold("pickle", 4_000);
}

#[test]
fn points() {
    hold("points", 20_000);
}

#[test]
fn prompts() {
    hold("prompts", 6_000);
}

#[test]
fn recipes() {
    hold("recipe", 4_000);
}

#[test]
fn routers() {
    hold("router", 4_000);
}

#[test]
fn safetensors() {
    hold("safetensors", 6_000);
}

#[test]
fn stores() {
    hold("study", 400);
}

#[test]
fn templates() {
    hold("template", 6_000);
}

#[test]
fn tokenizers() {
    hold("tokenizer", 3_000);
}

/// libFuzzer's programs are these targets, no more and no fewer.
#[test]
fn every_target_has_a_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let mut programs: Vec<String> = std::fs::read_dir(folder)
        .expect("fuzz_targets")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    programs.sort();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(programs, names);
}

#[test]
fn votes() {
    hold("votes", 6_000);
}
