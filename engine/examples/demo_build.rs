//! Builds the demonstration bundle.
use std::path::PathBuf;
use std::time::Instant;

use paretoscope_engine::demo::build::{BuildOptions, BuildReporter, Only, build};
use paretoscope_engine::demo::recipe::Recipe;
use paretoscope_engine::train::{StepReport, TrainReporter};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Console(Instant);
impl TrainReporter for Console {
    fn step(&mut self, r: &StepReport) {
        if r.step % 50 == 0 || r.step < 4 || r.step == r.steps {
            println!(
                "{:.0}s step {}/{} loss {:.4} lr {:.2e} norm {:.2} {:.0} tok/s eta {:.0}s {:?}",
                self.0.elapsed().as_secs_f64(),
                r.step,
                r.steps,
                r.loss,
                r.learning_rate,
                r.gradient_norm,
                r.tokens_per_second,
                r.eta_seconds,
                r.figures
            );
        }
    }
}
impl BuildReporter for Console {
    fn stage(&mut self, name: &str) {
        println!("{:.0}s == {name}", self.0.elapsed().as_secs_f64());
    }
    fn training(&mut self) -> &mut dyn TrainReporter {
        self
    }
}

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let mut recipe = if a.get(3).is_some_and(|x| x == "tiny") {
        Recipe::tiny()
    } else {
        Recipe::default()
    };
    if let Some(path) = a.get(3).filter(|x| x.ends_with(".json")) {
        recipe = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    }
    let options = BuildOptions {
        world: "assets/world".into(),
        work: PathBuf::from(&a[1]),
        out: PathBuf::from(&a[2]),
        recipe,
        workers: 2,
        only: match a.get(4).map(String::as_str) {
            Some("base") => Some(Only::Base),
            Some("experts") => Some(Only::Experts),
            Some("rewards") => Some(Only::Rewards),
            _ => None,
        },
    };
    match build(&options, &mut Console(Instant::now())) {
        Ok(f) => println!("{f:#?}"),
        Err(e) => println!("error: {e}"),
    }
}
