//! Tasks of annotation: the list, the form of a new one, what votes say, and the blind view of whoever votes.

use std::path::PathBuf;
use std::sync::Arc;

use paretoscope_core::annotate::{ActiveClock, Ballot, BlindItem, Picked, Question};
use paretoscope_core::protocol::Trouble;
use paretoscope_core::study::{Draft, Looked, TaskStats};

use crate::study::{Seat, TaskForm, TaskLine, TaskList, TaskPreview};

/// Active milliseconds after which a break is called.
const LONG: u64 = 25 * 60_000;

/// What is looked at beside the list of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AnnotatePage {
    /// The form of a new task.
    #[default]
    Builder,
    /// What a task's votes say.
    Results(String),
    /// Packs for other machines, and what comes back.
    Lend,
}

/// What is lent, and what is brought back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LendForm {
    /// The task.
    pub task: String,
    /// Whom its items are lent to.
    pub alias: String,
    /// The pack.
    pub out: PathBuf,
    /// A pack that comes back, or another study.
    pub back: PathBuf,
    /// Where the pairs that people decided are written.
    pub pairs: PathBuf,
    /// The objective that they are by; all where `None`.
    pub objective: Option<String>,
    /// Where people's votes are written.
    pub votes: PathBuf,
}

/// What a task's votes say, as far as that is known.
#[derive(Debug, Clone, Default)]
pub enum Weighed {
    /// Nobody asked.
    #[default]
    Not,
    /// Draws that are done, and all of them (0 until the first are).
    Under(usize, usize),
    /// It was stopped.
    Stopped,
    /// What they say, or why that is not known.
    Done(Result<Arc<TaskStats>, Trouble>),
}

/// Annotation.
#[derive(Debug, Default)]
pub struct AnnotateState {
    /// Tasks and people; `None` until they are known.
    pub list: Option<TaskList>,
    /// What is looked at beside them.
    pub page: AnnotatePage,
    /// The form of a new task.
    pub form: TaskForm,
    /// What was asked last ([`TaskForm::drawn_by`]), and what it would ask of people.
    pub preview: Option<(TaskForm, Option<Result<TaskPreview, Trouble>>)>,
    /// When the form was changed last; `None` where nobody touched it.
    pub changed: Option<f64>,
    /// Whether a task is being made.
    pub building: bool,
    /// What was made, or why nothing was.
    pub built: Option<Result<String, Trouble>>,
    /// What the votes of the task on the page say.
    pub weighed: Weighed,
    /// How many were cast when they were weighed.
    pub cast: usize,
    /// The objectives of the human front to the right and up.
    pub pair: (usize, usize),
    /// What is lent, and what is brought back.
    pub lend: LendForm,
    /// Whether something is on its way to or from a file.
    pub moving: bool,
    /// What was written or taken in, or why not.
    pub moved: Option<Result<String, Trouble>>,
    /// Who voted on what when the study was left, until its tasks are known: the task, the alias.
    pub resume: Option<(String, String)>,
    /// The blind view, while it is open.
    pub desk: Option<Desk>,
}

impl AnnotateState {
    /// A task of the list.
    pub fn task(&self, name: &str) -> Option<&TaskLine> {
        let list = self.list.as_ref()?;
        list.tasks.iter().find(|task| task.name == name)
    }

    /// Votes on a task that came since what is shown of it was weighed.
    pub fn newer(&self, task: &str) -> usize {
        match (&self.weighed, self.task(task)) {
            (Weighed::Done(_), Some(line)) => line.counts.cast.saturating_sub(self.cast),
            _ => 0,
        }
    }

    /// Whether nothing but items may be seen: somebody votes, or did when the window went away and is not asked yet.
    pub fn is_blind(&self) -> bool {
        self.desk.is_some() || self.resume.is_some()
    }

    /// Who votes on what: the task, the alias.
    pub fn sitting(&self) -> Option<(String, String)> {
        let desk = self.desk.as_ref();
        let sits = desk.map(|desk| {
            let alias = if desk.alias.is_empty() {
                &desk.typed
            } else {
                &desk.alias
            };
            (desk.task.clone(), alias.clone())
        });
        sits.or_else(|| self.resume.clone())
    }

    /// Whether somebody has this alias.
    pub fn knows(&self, alias: &str) -> bool {
        let list = self.list.as_ref();
        list.is_some_and(|list| list.people.iter().any(|known| known == alias))
    }

    /// What the form would ask of people, where it is that form.
    pub fn previewed(&self) -> Option<&Result<TaskPreview, Trouble>> {
        let (form, found) = self.preview.as_ref()?;
        found.as_ref().filter(|_| *form == self.form.drawn_by())
    }
}

/// What the blind view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeskPhase {
    /// Who votes is asked.
    #[default]
    Door,
    /// The study looks for what comes next.
    Seating,
    /// An item, or that all is done.
    Seated,
}

/// What lies over an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeskCard {
    /// Nothing.
    #[default]
    None,
    /// Why it is skipped.
    Skip,
    /// Whether to leave annotation.
    Leave,
}

/// A text field of the blind view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskField {
    /// Who votes.
    Alias,
    /// The comment on an item.
    Comment,
    /// Why it is skipped.
    Reason,
    /// The word that leaves.
    Word,
}

/// What was chosen by one objective.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeskChoice {
    /// What; an order may be a part of one.
    pub picked: Option<Picked>,
    /// How much better, 1 to 3.
    pub strength: Option<u8>,
}

/// The blind view: whoever votes, what they see, what they chose.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// The task, whose name is not shown: it could tell what is compared.
    pub task: String,
    /// The only person that it is for, in a pack.
    pub only: Option<String>,
    /// What is shown.
    pub phase: DeskPhase,
    /// The alias that is typed.
    pub typed: String,
    /// Who sits.
    pub alias: String,
    /// What they see; `None` where all is done.
    pub item: Option<BlindItem>,
    /// Places that are voted on or skipped.
    pub saved: usize,
    /// Places that there are.
    pub of: usize,
    /// By objective, what was chosen.
    pub choices: Vec<DeskChoice>,
    /// The objective that keys choose by.
    pub objective: usize,
    /// What the person wrote of the item.
    pub comment: String,
    /// Whether its field is shown.
    pub commenting: bool,
    /// What lies over the item.
    pub card: DeskCard,
    /// Why it is skipped.
    pub reason: String,
    /// The word that is typed to leave.
    pub word: String,
    /// The field that asked for the keyboard.
    pub focus: Option<DeskField>,
    /// How long the item was looked at.
    pub clock: ActiveClock,
    /// When there was a sign of life last, in seconds.
    pub sign: f64,
    /// Active milliseconds on items since the last break.
    pub since_break: u64,
    /// Whether votes are on their way into the file.
    pub busy: bool,
    /// Why the last ones are not in it.
    pub trouble: Option<Trouble>,
    /// Why the last key did nothing.
    pub hint: String,
}

impl Desk {
    /// The word that leaves annotation.
    pub const WORD: &str = "explorer";

    /// The blind view of a task, with the door shut.
    pub fn new(task: String, only: Option<String>) -> Self {
        Self {
            typed: only.clone().unwrap_or_default(),
            task,
            only,
            focus: Some(DeskField::Alias),
            ..Self::default()
        }
    }

    /// Takes in who sits and what they see; what was chosen before comes back.
    pub fn show(&mut self, seat: Seat, now: f64) {
        let Seat {
            alias,
            item,
            saved,
            of,
            draft,
            ..
        } = seat;
        let empty = |_objective: &String| DeskChoice::default();
        let objectives = item.as_ref().map_or(&[][..], |item| &item.objectives);
        let question = item.as_ref().map(|item| item.question);
        self.choices = objectives.iter().map(empty).collect();
        for (choice, objective) in self.choices.iter_mut().zip(objectives) {
            let words = draft.choices.get(objective);
            choice.picked = match words.and_then(|words| Picked::parse(words)) {
                // The first of an order that is not whole is written like a rating.
                Some(Picked::Rating(first)) if question == Some(Question::Ranking) => {
                    Some(Picked::Order(vec![usize::from(first).saturating_sub(1)]))
                }
                picked => picked,
            };
            choice.strength = draft.strengths.get(objective).copied();
        }
        self.clock = ActiveClock::from(draft.active_ms);
        self.commenting = !draft.comment.is_empty();
        self.comment = draft.comment;
        self.phase = DeskPhase::Seated;
        (self.alias, self.item, self.saved, self.of) = (alias, item, saved, of);
        (self.busy, self.trouble, self.card) = (false, None, DeskCard::None);
        self.hint.clear();
        self.reason.clear();
        self.objective = self.next_open().unwrap_or(0);
        self.live(now);
    }

    /// A sign of life; active milliseconds on this item so far.
    pub fn live(&mut self, now: f64) -> u64 {
        self.sign = now;
        self.clock.at((now.max(0.0) * 1000.0) as u64)
    }

    /// Its place in the queue, from 0.
    pub fn place(&self) -> Option<usize> {
        self.item.as_ref()?.place.checked_sub(1)
    }

    /// Whether a break is due.
    pub fn tires(&self) -> bool {
        self.since_break >= LONG
    }

    /// Whether an objective has a whole choice.
    pub fn is_chosen(&self, objective: usize) -> bool {
        let (Some(item), Some(choice)) = (&self.item, self.choices.get(objective)) else {
            return false;
        };
        let picked = choice.picked.as_ref();
        picked.is_some_and(|picked| picked.answers(item.question, item.sides.len()))
    }

    /// The first objective without one.
    pub fn next_open(&self) -> Option<usize> {
        (0..self.choices.len()).find(|&at| !self.is_chosen(at))
    }

    /// How many choices a digit can make.
    pub fn digits(&self) -> usize {
        self.item.as_ref().map_or(0, |item| match item.question {
            Question::Pair => 4,
            Question::Rating => 5,
            Question::Ranking => item.sides.len(),
        })
    }

    /// What a digit chooses by an objective: a side, a rating, the next best.
    pub fn by_digit(&self, objective: usize, digit: usize) -> Option<Picked> {
        let item = self.item.as_ref()?;
        if digit == 0 || digit > self.digits() {
            return None;
        }
        Some(match item.question {
            Question::Pair => [Picked::Left, Picked::Right, Picked::Tie, Picked::Bad]
                .get(digit - 1)?
                .clone(),
            Question::Rating => Picked::Rating(u8::try_from(digit).ok()?),
            Question::Ranking => {
                let known = self.choices.get(objective)?.picked.clone();
                let mut order = match known {
                    Some(Picked::Order(order)) if order.len() < item.sides.len() => order,
                    // A whole order is begun anew.
                    _ => Vec::new(),
                };
                if order.contains(&(digit - 1)) {
                    return Some(Picked::Order(order));
                }
                order.push(digit - 1);
                if order.len() + 1 == item.sides.len() {
                    order.extend((0..item.sides.len()).find(|side| !order.contains(side)));
                }
                Picked::Order(order)
            }
        })
    }

    /// Whether one choice is all that there is to do.
    pub fn is_single(&self) -> bool {
        let item = self.item.as_ref();
        item.is_some_and(|item| {
            item.objectives.len() == 1 && !item.strength && item.question != Question::Ranking
        })
    }

    /// What is chosen and not cast.
    pub fn draft(&mut self, now: f64) -> Option<Draft> {
        let active_ms = self.live(now);
        let place = self.place()?;
        let objectives = &self.item.as_ref()?.objectives;
        let both = || objectives.iter().zip(&self.choices);
        let choices = both().filter_map(|(objective, choice)| {
            Some((objective.clone(), choice.picked.as_ref()?.to_string()))
        });
        let strengths =
            both().filter_map(|(objective, choice)| Some((objective.clone(), choice.strength?)));
        Some(Draft {
            place,
            choices: choices.collect(),
            strengths: strengths.collect(),
            comment: self.comment.clone(),
            active_ms,
        })
    }

    /// The votes to be cast; `skip` says why the item is left out instead.
    pub fn ballots(&mut self, skip: Option<&str>, now: f64) -> Option<(Vec<Ballot>, Looked)> {
        let active_ms = self.live(now);
        let item = self.item.as_ref()?;
        let comment = match skip {
            Some(why) if self.comment.trim().is_empty() => why.trim().to_owned(),
            Some(why) => format!("{}; {}", why.trim(), self.comment.trim()),
            None => self.comment.trim().to_owned(),
        };
        let comment = (!comment.is_empty()).then_some(comment);
        let ballot = |(objective, choice): (&String, &DeskChoice)| {
            let picked = match skip {
                Some(_) => Picked::Skip,
                None => choice.picked.clone()?,
            };
            let sided = matches!(picked, Picked::Left | Picked::Right);
            Some(Ballot {
                objective: objective.clone(),
                strength: choice.strength.filter(|_| item.strength && sided),
                picked,
                comment: comment.clone(),
            })
        };
        let both = item.objectives.iter().zip(&self.choices);
        let ballots: Option<Vec<Ballot>> = both.map(ballot).collect();
        let looked = Looked {
            active_ms,
            early: false,
        };
        Some((ballots?, looked))
    }

    /// Nobody sits, and nothing of what was voted is seen.
    pub fn rise(&mut self) {
        let (task, only) = (std::mem::take(&mut self.task), self.only.take());
        *self = Self::new(task, only);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(question: Question, sides: usize, objectives: &[&str]) -> Desk {
        let item = BlindItem {
            instructions: String::new(),
            question,
            objectives: objectives.iter().map(|o| (*o).to_owned()).collect(),
            strength: false,
            prompt: "ask".to_owned(),
            sides: vec!["text".to_owned(); sides],
            place: 3,
            of: 9,
        };
        let mut desk = Desk::new("T".to_owned(), None);
        let seat = Seat {
            task: "T".to_owned(),
            alias: "A1".to_owned(),
            item: Some(item),
            saved: 2,
            of: 9,
            draft: Draft::default(),
        };
        desk.show(seat, 1.0);
        desk
    }

    #[test]
    fn digits_choose_and_an_order_is_built_best_first() {
        let mut ranking = desk(Question::Ranking, 3, &["humor"]);
        for (digit, want) in [(2, "2"), (2, "2"), (3, "2>3>1")] {
            let picked = ranking.by_digit(0, digit);
            ranking.choices[0].picked = picked;
            let words = ranking.choices[0].picked.as_ref().unwrap().to_string();
            assert_eq!(words, want);
        }
        assert!(ranking.is_chosen(0));
        assert_eq!(ranking.by_digit(0, 1).unwrap().to_string(), "1");
        assert_eq!(ranking.by_digit(0, 4), None);
        let pair = desk(Question::Pair, 2, &["humor"]);
        assert!(pair.is_single() && pair.by_digit(0, 4) == Some(Picked::Bad));
        assert_eq!(pair.by_digit(0, 5), None);
        let rating = desk(Question::Rating, 1, &["humor"]);
        assert_eq!(rating.by_digit(0, 5), Some(Picked::Rating(5)));
    }

    #[test]
    fn a_draft_comes_back_as_it_was_and_ballots_wait_for_all() {
        let mut one = desk(Question::Pair, 2, &["helpful", "humor"]);
        one.choices[1].picked = Some(Picked::Tie);
        one.comment = "half a wo".to_owned();
        assert_eq!(one.next_open(), Some(0));
        assert_eq!(one.ballots(None, 1.5), None);
        let draft = one.draft(2.0).unwrap();
        assert_eq!((draft.place, draft.active_ms), (2, 1000));
        let mut other = desk(Question::Pair, 2, &["helpful", "humor"]);
        let seat = Seat {
            task: "T".to_owned(),
            alias: "A1".to_owned(),
            item: other.item.clone(),
            saved: 2,
            of: 9,
            draft: draft.clone(),
        };
        other.show(seat, 5.0);
        assert_eq!(other.choices, one.choices);
        assert_eq!(other.draft(5.0), Some(draft));
        other.choices[0].picked = Some(Picked::Left);
        // An hour away counts as a minute.
        let (ballots, looked) = other.ballots(None, 3605.0).unwrap();
        assert_eq!(looked.active_ms, 61_000);
        assert_eq!(ballots[1].comment.as_deref(), Some("half a wo"));
        let (skips, _) = other.ballots(Some("no such language"), 3605.0).unwrap();
        assert!(skips.iter().all(|b| b.picked == Picked::Skip));
        other.rise();
        assert!(other.item.is_none() && other.alias.is_empty() && other.comment.is_empty());
    }
}
