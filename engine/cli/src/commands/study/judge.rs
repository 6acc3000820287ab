//! `study judge`: a model behind an OpenAI-compatible endpoint as an annotator.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use paretoscope_engine::stats::Draws;
use paretoscope_engine::study::JudgeOf;
use paretoscope_engine::{Error, Result, files};
use paretoscope_judge::{
    Endpoint, JUDGE_INSTRUCTIONS, JudgeLimits, JudgePlan, JudgeProgress, Listener, Prices, judge,
    preview,
};
use serde_json::json;

use super::file::existing;
use super::stats::draws_of;
use crate::interrupt::Interrupt;
use crate::options::Global;
use crate::print::json_line;

/// Between two lines of progress.
const PACE: Duration = Duration::from_secs(1);
/// What a timeout must be.
const NO_SECONDS: &str = "is no number of seconds above 0";

/// Options of `study judge`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The study
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The task; it must ask about pairs
    #[arg(long, value_name = "T")]
    task: String,
    /// Where the judge is: an OpenAI-compatible address, e.g. http://127.0.0.1:8000/v1
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Which model it is there
    #[arg(long, value_name = "M")]
    model: String,
    /// The environment variable that holds the key; it is neither stored nor printed
    #[arg(long, value_name = "NAME")]
    key_env: Option<String>,
    /// By what it judges; all that the task asks where absent
    #[arg(long = "objective", value_name = "OBJECTIVE")]
    objectives: Vec<String>,
    /// Items at most
    #[arg(long, value_name = "N")]
    items: Option<usize>,
    /// What it is told, a text with {objective}, {prompt}, {first} and {second} in it
    #[arg(long, value_name = "F.txt")]
    instructions: Option<PathBuf>,
    /// At which temperature it answers
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f64,
    /// New tokens of a reply at most
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_tokens: usize,
    /// Print what would be sent where, and send nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Send it; without this, what would be sent is printed and nothing is
    #[arg(long)]
    yes: bool,
    /// Seconds that a request may take
    #[arg(long, value_name = "S", default_value_t = 120.0)]
    timeout: f64,
    /// How often one question is asked where the endpoint fails, before the run ends
    #[arg(long, value_name = "N", default_value_t = 6)]
    tries: usize,
    /// Requests per minute at most
    #[arg(long, value_name = "N")]
    per_minute: Option<f64>,
    /// The price of a million tokens that are sent
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    price_in: f64,
    /// The price of a million tokens that come back
    #[arg(long, value_name = "X", default_value_t = 0.0)]
    price_out: f64,
    /// End where so much is spent, by these prices
    #[arg(long, value_name = "X")]
    budget: Option<f64>,
}

impl Args {
    fn plan(&self) -> Result<JudgePlan> {
        let endpoint = Endpoint::new(&self.endpoint)
            .map_err(|problem| Error::option("--endpoint", problem))?;
        let timeout = Duration::try_from_secs_f64(self.timeout)
            .ok()
            .filter(|t| !t.is_zero());
        let price = |name: &str, price: f64| {
            if price >= 0.0 && price.is_finite() {
                Ok(price)
            } else {
                Err(Error::option(
                    name,
                    format!("is {price}; a price is at least 0"),
                ))
            }
        };
        let instructions = match &self.instructions {
            Some(path) => files::read_text(path, files::SETTINGS)?,
            None => JUDGE_INSTRUCTIONS.to_owned(),
        };
        Ok(JudgePlan {
            study: existing(&self.file)?.path().to_path_buf(),
            task: self.task.clone(),
            objectives: self.objectives.clone(),
            most_items: self.items,
            key_env: self.key_env.clone(),
            of: JudgeOf {
                endpoint: endpoint.url().to_owned(),
                model: self.model.clone(),
                instructions,
                temperature: self.temperature,
                max_tokens: self.max_tokens,
            },
            endpoint,
            limits: JudgeLimits {
                timeout: timeout.ok_or_else(|| Error::option("--timeout", NO_SECONDS))?,
                tries: self.tries,
                per_minute: self.per_minute,
                budget: self.budget,
                ..JudgeLimits::default()
            },
            prices: Prices {
                input: price("--price-in", self.price_in)?,
                output: price("--price-out", self.price_out)?,
            },
        })
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let plan = args.plan()?;
    let shown = preview(&plan).map_err(fault)?;
    if !args.yes {
        let mut line = json!(shown);
        line["stage"] = json!("preview");
        line["words"] = json!(shown.words());
        json_line(&line)?;
        if args.dry_run {
            return Ok(());
        }
        let problem = format!(
            "is needed, and nothing was sent: {}; the first request is printed above",
            shown.words()
        );
        return Err(Error::option("--yes", problem));
    }
    let mut lines = Lines {
        interrupt: Interrupt::listen(),
        last: None,
    };
    let progress = judge(&plan, &mut lines).map_err(fault)?;
    let study = existing(&args.file)?;
    let task = study.task_named("--task", &args.task)?;
    let said = study.judges_said(&task, draws_of(Draws::default().draws, global), &mut |_| {
        lines.interrupt.flow()
    })?;
    json_line(&json!({
        "stage": "judged",
        "run": progress,
        "judges": said.ok_or(Error::Cancelled)?,
    }))
}

/// An error in the program's words, a part of the plan by its option.
fn fault(error: paretoscope_judge::Error) -> Error {
    use paretoscope_judge::Error as J;
    match error {
        J::Core(error) => match Error::from(error) {
            Error::Option { name, problem } => Error::option(format!("--{name}"), problem),
            other => other,
        },
        J::Cancelled => Error::Cancelled,
        J::Option {
            name: "key",
            problem,
        } => Error::option("--key-env", problem),
        J::Option { name, problem } => Error::option(format!("--{name}"), problem),
        other => Error::Endpoint(other.to_string()),
    }
}

/// Progress as lines on standard output.
struct Lines {
    interrupt: Interrupt,
    last: Option<Instant>,
}

impl Listener for Lines {
    fn progress(&mut self, progress: &JudgeProgress) {
        if progress.done < progress.of && self.last.is_some_and(|last| last.elapsed() < PACE) {
            return;
        }
        self.last = Some(Instant::now());
        let mut line = json!(progress);
        line["stage"] = json!("judging");
        if let Err(error) = json_line(&line) {
            tracing::debug!(%error, "nobody reads the progress");
        }
    }

    fn waits(&mut self, why: &str, wait: Duration) {
        crate::say::line(&format!(
            "{why}; asked again in {:.1} s",
            wait.as_secs_f64()
        ));
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }
}
