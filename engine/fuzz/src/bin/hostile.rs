//! By hand: the inputs to begin from, what one input does, and a long run on a stable toolchain.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a tool for developers"
)]

use std::path::Path;
use std::process::ExitCode;

use paretoscope_fuzz::{TARGETS, mutate::Mutator, named};

const USAGE: &str = "hostile seeds | run NAME FILE... | spend NAME INPUTS [SEED]";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["seeds"] => seeds(),
        ["run", name, ref files @ ..] if named(name).is_some() => {
            for file in files {
                let data = std::fs::read(file).expect("a file to read");
                let read = named(name).is_some_and(|target| (target.read)(&data));
                println!("{file}: {}", if read { "read" } else { "refused" });
            }
        }
        ["spend", name, inputs, ref seed @ ..] if named(name).is_some() => {
            let number = |text: &str| text.parse().expect("a whole number");
            spend(name, number(inputs), seed.first().map_or(0, |s| number(s)));
        }
        _ => {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            println!("{USAGE}\nNAME is one of {}", names.join(", "));
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn seeds() {
    for target in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target.name);
        std::fs::create_dir_all(&folder).expect("a writable folder");
        for (index, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{index}")), seed).expect("a writable folder");
        }
        println!("{}", folder.display());
    }
}

/// Keeps the input that is being read in `hostile-NAME.input`, so that it is there after a crash or a hang.
fn spend(name: &str, inputs: u64, seed: u64) {
    let target = named(name).expect("a target");
    let (seeds, mut mutator) = ((target.seeds)(), Mutator::new(seed));
    let kept = format!("hostile-{name}.input");
    for _ in 0..inputs {
        let data = mutator.next(&seeds);
        std::fs::write(&kept, &data).expect("a writable folder");
        (target.read)(&data);
    }
    std::fs::remove_file(&kept).expect("the last input");
    println!("{name}: {inputs} inputs read or refused");
}
