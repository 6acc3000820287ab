//! A model that votes on a task: what it is asked, what would be sent, how far it is, what its votes say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use paretoscope_core::annotate::Question;
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{JudgeOf, JudgeSaid};
use paretoscope_core::types::{
    Endpoint, JUDGE_INSTRUCTIONS, JUDGE_PLACES, JudgeLimits, JudgePlan, JudgePreview,
    JudgeProgress, Prices,
};
use serde::{Deserialize, Serialize};

use super::{AnnotateState, Overlay};
use crate::study::TaskLine;

/// What is asked for. All but what names a task is remembered between sessions: the same judge goes on then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JudgeForm {
    /// The task's name.
    #[serde(skip)]
    pub task: String,
    /// By what; by all that the task asks where empty.
    #[serde(skip)]
    pub objectives: Vec<String>,
    /// Items at most; all where `None`.
    #[serde(skip)]
    pub items: Option<usize>,
    /// Where it is asked, as it was typed; empty, or what [`Endpoint::new`] takes.
    pub endpoint: String,
    /// Which model it is there.
    pub model: String,
    /// The environment variable that holds the key; empty where there is none. Never the key.
    pub key_env: String,
    /// What it is told.
    pub instructions: String,
    /// At which temperature it answers.
    pub temperature: f64,
    /// New tokens of a reply at most.
    pub max_tokens: usize,
    /// How often one question is asked where the endpoint fails.
    pub tries: usize,
    /// Seconds that a request may take.
    pub timeout: f64,
    /// Requests per minute at most.
    pub per_minute: Option<f64>,
    /// The price of a million tokens that are sent.
    pub price_in: f64,
    /// The price of a million tokens that come back.
    pub price_out: f64,
    /// Where so much is spent it ends.
    pub budget: Option<f64>,
}

impl Default for JudgeForm {
    fn default() -> Self {
        let limits = JudgeLimits::default();
        Self {
            task: String::new(),
            objectives: Vec::new(),
            items: None,
            endpoint: String::new(),
            model: String::new(),
            key_env: String::new(),
            instructions: JUDGE_INSTRUCTIONS.to_owned(),
            temperature: 0.0,
            max_tokens: 64,
            tries: limits.tries,
            timeout: limits.timeout.as_secs_f64(),
            per_minute: None,
            price_in: 0.0,
            price_out: 0.0,
            budget: None,
        }
    }
}

impl JudgeForm {
    /// Letters of a variable's name at most.
    const LONGEST: usize = 64;

    /// An address as it may stand in the form: nothing that may be a secret does.
    pub fn address(words: &str) -> Result<String, String> {
        let words = words.trim();
        if !words.is_empty() {
            Endpoint::new(words).map_err(|problem| problem.to_string())?;
        }
        Ok(words.to_owned())
    }

    /// The name of an environment variable. Keys of all that sell them hold small letters or signs, which such names do not;
    /// so that one that is pasted here by mistake is neither taken nor said again.
    pub fn variable(words: &str) -> Result<String, String> {
        let words = words.trim();
        let capital = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let digit_first = words.starts_with(|c: char| c.is_ascii_digit());
        if words.len() <= Self::LONGEST && words.chars().all(capital) && !digit_first {
            return Ok(words.to_owned());
        }
        Err(
            "this is the name of an environment variable, in capital letters, e.g. OPENAI_API_KEY; never the key itself"
                .to_owned(),
        )
    }

    /// What is wrong with it, in words; the first thing.
    pub fn problem(&self, annotate: &AnnotateState) -> Option<String> {
        let say = |reason: &str| Some(reason.to_owned());
        let Some(task) = annotate.task(&self.task).filter(|task| is_judged(task)) else {
            return say("choose a task of pairs");
        };
        let known = |objective: &String| task.objectives.contains(objective);
        if !self.objectives.iter().all(known) {
            return say("choose by what it judges");
        }
        if self.endpoint.is_empty() {
            return say("say where the judge is: its address");
        }
        if let Err(problem) = Endpoint::new(&self.endpoint) {
            return Some(format!("the address {problem}"));
        }
        if self.model.trim().is_empty() {
            return say("say which model it is there");
        }
        let lacks = |place: &&&str| !self.instructions.contains(**place);
        if let Some(place) = JUDGE_PLACES.iter().find(lacks) {
            return Some(format!(
                "what it is told holds no {place}; all of {} must stand in it",
                JUDGE_PLACES.join(", ")
            ));
        }
        None
    }

    /// The plan that it stands for; `None` where its address is none.
    pub fn plan(&self, study: &Path) -> Option<JudgePlan> {
        let endpoint = Endpoint::new(&self.endpoint).ok()?;
        Some(JudgePlan {
            study: study.to_path_buf(),
            task: self.task.clone(),
            objectives: self.objectives.clone(),
            most_items: self.items,
            of: JudgeOf {
                endpoint: endpoint.url().to_owned(),
                model: self.model.trim().to_owned(),
                instructions: self.instructions.clone(),
                temperature: self.temperature,
                max_tokens: self.max_tokens,
            },
            endpoint,
            key_env: Some(self.key_env.clone()).filter(|name| !name.is_empty()),
            limits: JudgeLimits {
                timeout: Duration::try_from_secs_f64(self.timeout).ok()?,
                tries: self.tries,
                per_minute: self.per_minute,
                budget: self.budget,
                ..JudgeLimits::default()
            },
            prices: Prices {
                input: self.price_in,
                output: self.price_out,
            },
        })
    }

    /// Takes over what makes the verdicts of a judge that is known, which then goes on.
    pub fn go_on_as(&mut self, of: &JudgeOf) {
        self.endpoint.clone_from(&of.endpoint);
        self.model.clone_from(&of.model);
        self.instructions.clone_from(&of.instructions);
        self.temperature = of.temperature;
        self.max_tokens = of.max_tokens;
    }
}

/// Whether a task is one that a judge can vote on.
pub fn is_judged(task: &TaskLine) -> bool {
    task.question == Question::Pair && !task.pack
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum JudgePhase {
    /// Requests are sent.
    Running,
    /// Asked to end after the request under way.
    Stopping,
    /// All is judged.
    Done,
    /// Stopped; the same plan asks for the rest.
    Cancelled,
    /// It could not go on.
    Failed(Trouble),
}

impl JudgePhase {
    /// Whether something is sent, or may be.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Running | Self::Stopping)
    }
}

/// A run: the one under way, or the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeRun {
    /// What is judged by whom.
    pub plan: Arc<JudgePlan>,
    /// How it stands.
    pub phase: JudgePhase,
    /// How far it is.
    pub progress: JudgeProgress,
    /// Why a request is sent again, and when, in seconds of the window.
    pub waits: Option<(String, f64)>,
}

/// What would be sent, as far as that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgeLook {
    /// By this plan.
    pub plan: Arc<JudgePlan>,
    /// What, or why nothing can be sent; `None` until it is known.
    pub seen: Option<Result<Arc<JudgePreview>, Trouble>>,
}

/// What the judges of a task said, as far as that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgesOf {
    /// The task.
    pub task: String,
    /// What, beside people, or why that is not known; `None` until it is.
    pub said: Option<Result<Arc<Vec<JudgeSaid>>, Trouble>>,
}

/// Judges.
#[derive(Debug, Default)]
pub struct JudgeState {
    /// Whether the program was built with what asks them.
    pub is_there: bool,
    /// When the form was changed last; `None` once it has rested.
    pub changed: Option<f64>,
    /// What would be sent.
    pub look: Option<JudgeLook>,
    /// The run under way, or the last one.
    pub run: Option<JudgeRun>,
    /// What their votes say, of the task in the form.
    pub said: Option<JudgesOf>,
    /// What lay over the panels before the sheet.
    pub back: Overlay,
}

impl JudgeState {
    /// The run under way.
    pub fn active(&self) -> Option<&JudgeRun> {
        self.run.as_ref().filter(|run| run.phase.is_active())
    }

    /// What a plan would send, where a person could see it.
    pub fn seen(&self, plan: &JudgePlan) -> Option<&Result<Arc<JudgePreview>, Trouble>> {
        let look = self.look.as_ref().filter(|look| *look.plan == *plan)?;
        look.seen.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_pasted_is_neither_taken_nor_said_again() {
        for name in ["OPENAI_API_KEY", "KEY_2", "_K", ""] {
            assert_eq!(JudgeForm::variable(name), Ok(name.to_owned()));
        }
        for key in [
            "sk-Ab3",
            "gsk_0aB",
            "2KEY",
            "a1b2c3d4",
            "K K",
            &"A".repeat(65),
        ] {
            let problem = JudgeForm::variable(key).unwrap_err();
            assert!(!problem.contains(key), "{problem}");
        }
        let problem = JudgeForm::address("https://me:hunter2@example.org").unwrap_err();
        assert!(!problem.contains("hunter2"), "{problem}");
        assert_eq!(JudgeForm::address(" "), Ok(String::new()));
    }

    #[test]
    fn what_names_a_task_is_not_remembered_and_the_judge_is() {
        let form = JudgeForm {
            task: "T".to_owned(),
            items: Some(3),
            endpoint: "http://127.0.0.1:8000/v1".to_owned(),
            model: "m".to_owned(),
            key_env: "KEY".to_owned(),
            ..JudgeForm::default()
        };
        let text = serde_json::to_string(&form).unwrap();
        let read: JudgeForm = serde_json::from_str(&text).unwrap();
        let forgotten = JudgeForm {
            task: String::new(),
            items: None,
            ..form.clone()
        };
        assert_eq!(read, forgotten);
        let plan = form.plan(Path::new("/s.study")).expect("a plan");
        assert_eq!(
            plan.of.endpoint,
            "http://127.0.0.1:8000/v1/chat/completions"
        );
        assert_eq!(plan.key_env.as_deref(), Some("KEY"));
        let mut other = JudgeForm::default();
        other.go_on_as(&plan.of);
        assert_eq!(
            other.plan(Path::new("/s.study")).map(|p| p.of),
            Some(plan.of)
        );
    }
}
