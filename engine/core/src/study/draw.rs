//! A task's first items, drawn as its design says, before anything is written.

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::candidates::{built, telling_names};
use super::file::Study;
use super::sweeps::SweepState;
use super::tasks::{Asks, NewItem, TaskState};
use crate::annotate::{
    Design, Drawing, How, Names, Plan, Pool, Shape, active, blocks, gold, queue,
};
use crate::{Error, Result};

/// Items as a design draws them, and what is to be known of them before anybody is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DrawnTask {
    /// The items, checks last.
    pub items: Vec<NewItem>,
    /// Items without the checks.
    pub asked: usize,
    /// Checks, whose right answer is known.
    pub checks: usize,
    /// Comparisons whose texts are alike, and which nobody is asked about.
    pub identical: usize,
    /// Comparisons of which an answer is missing or empty.
    pub missing: usize,
    /// Items whose texts name an expert, an adapter or an objective.
    pub told: usize,
    /// Of each person, how many looks they are asked for.
    pub looks: Vec<usize>,
}

impl Study {
    /// Draws the first items of a task that is not written yet. The same design over the same answers draws the same.
    ///
    /// # Errors
    /// [`Error::Option`] where the design asks what cannot be asked, or its sweeps hold nothing to compare.
    pub fn draw_task(&self, design: &Design, sweeps: &[SweepState]) -> Result<DrawnTask> {
        design
            .check()
            .map_err(|(field, problem)| Error::option(field, problem))?;
        let pool = self.pool(design, sweeps)?;
        let mut random = ChaCha8Rng::seed_from_u64(design.seed);
        let drawing = match design.how {
            How::Blocks => blocks(&pool, design.items, design.ranked, &mut random),
            How::Active => active(&pool, design.items, &[], &[], &mut random),
        };
        let Some(first) = drawing.items.first() else {
            let problem = format!(
                "nothing can be compared: {} comparisons have texts that are alike, of {} an answer is missing",
                drawing.identical, drawing.missing
            );
            return Err(Error::option("source", problem));
        };
        let sides = first.sides.len();
        Ok(with_checks(
            design,
            (&pool, &telling_names(sweeps)),
            drawing,
            (sides, 0),
            &mut random,
        ))
    }

    /// Draws one more batch of a task that is drawn where votes say most, given its votes so far.
    ///
    /// # Errors
    /// [`Error::Option`] where the task is no such, or all that can be compared is asked already.
    pub fn draw_more(&self, task: &TaskState, count: usize) -> Result<DrawnTask> {
        let design = match &task.asks {
            Asks::Home(design) if design.how == How::Active => design,
            _ => {
                let problem = "was drawn as a whole, and nothing is added to it; make another task, or draw the next one where votes say most";
                return Err(Error::option("task", problem));
            }
        };
        let sweeps = self.sweeps_of(&design.sweeps)?;
        let pool = self.pool(design, &sweeps)?;
        let taken = self.taken(task, &pool)?;
        let mut random = ChaCha8Rng::seed_from_u64(design.seed);
        random.set_stream(taken.next as u64);
        let votes = self.duels(task, &pool)?;
        let drawing = active(&pool, count, &taken.groups, &votes, &mut random);
        if drawing.items.is_empty() {
            return Err(Error::option("more", "every comparison is an item already"));
        }
        Ok(with_checks(
            design,
            (&pool, &telling_names(&sweeps)),
            drawing,
            (2, taken.next),
            &mut random,
        ))
    }
}

/// A drawing with its checks, as it is stored in batch `batch`, and what is to be known of it.
fn with_checks(
    design: &Design,
    (pool, names): (&Pool, &Names),
    mut drawing: Drawing,
    (sides, batch): (usize, usize),
    random: &mut ChaCha8Rng,
) -> DrawnTask {
    let asked = drawing.items.len();
    let checks = (design.gold * asked as f64).ceil() as usize;
    drawing.items.extend(gold(pool, checks, sides, random));
    let shapes: Vec<Shape> = drawing
        .items
        .iter()
        .map(|item| Shape {
            sides: item.sides.len(),
            gold: item.wrong.is_some(),
        })
        .collect();
    let looks = (0..design.annotators)
        .map(|person| queue(Plan::from(design), std::slice::from_ref(&shapes), person).len());
    let items = built(pool, &drawing, names, batch, 0);
    DrawnTask {
        looks: looks.collect(),
        asked,
        checks: drawing.items.len() - asked,
        identical: drawing.identical,
        missing: drawing.missing,
        told: items.told,
        items: items.items,
    }
}
