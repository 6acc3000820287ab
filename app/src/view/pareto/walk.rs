//! From dot to dot by keys: along the front of one sweep, and over to the next sweep's.

use paretoscope_figure::plot::Standing;

use super::Frame;
use crate::plot::ParetoAction;

/// A dot that keys lead to.
#[derive(Debug, Clone, PartialEq)]
enum Stop {
    /// One of the panel's own sweep, by its place in the plan.
    Own(usize),
    /// One of another sweep, by its name.
    Other(String),
}

/// The front of a sweep, each dot with its score on the first axis, in its order.
type Row = Vec<(f64, Stop)>;

/// The next dot: `step` along the front, `over` so many sweeps on, to the dot there that is nearest by the first axis. The
/// end stays the end.
pub(super) fn walk(frame: &Frame<'_>, step: i64, over: i64) -> Option<ParetoAction> {
    let rows = rows(frame);
    let stop = match selected(frame) {
        None => Some(first(&rows)?.clone()),
        Some((row, score, stop)) => {
            let last = rows.len() as i64 - 1;
            let to = (row as i64 + over).clamp(0, last);
            let to = rows.get(usize::try_from(to).ok()?)?;
            if over == 0 {
                along(to, score, &stop, step)
            } else {
                let near = to.iter();
                let near = near.min_by(|a, b| (a.0 - score).abs().total_cmp(&(b.0 - score).abs()));
                near.map(|(_, stop)| stop.clone())
            }
        }
    };
    Some(match stop? {
        Stop::Own(index) => ParetoAction::Select(index),
        Stop::Other(uid) => ParetoAction::Mark(uid),
    })
}

fn first(rows: &[Row]) -> Option<&Stop> {
    rows.first()?.first().map(|(_, stop)| stop)
}

/// The next dot of a row; from a dominated point, to the members beside it.
fn along(row: &Row, score: f64, stop: &Stop, step: i64) -> Option<Stop> {
    let place = match row.iter().position(|(_, member)| member == stop) {
        Some(place) => place as i64 + step,
        None => {
            let right = row.partition_point(|(at, _)| *at < score) as i64;
            if step > 0 { right } else { right - 1 }
        }
    };
    let place = place.clamp(0, row.len() as i64 - 1);
    let (_, stop) = row.get(usize::try_from(place).ok()?)?;
    Some(stop.clone())
}

/// The own front, where it has any, then those of the other sweeps that are drawn.
fn rows(frame: &Frame<'_>) -> Vec<Row> {
    let front = frame.data.front;
    let own = front.members().iter().map(|&member| {
        let entry = &front.entries()[member];
        (entry.mean[0], Stop::Own(entry.index))
    });
    let mut rows: Vec<Row> = vec![own.collect()];
    if let Some(study) = &frame.data.study {
        for sweep in study.others.sweeps() {
            let Some(series) = study.others.series(sweep) else {
                continue;
            };
            let on = sweep.dots.iter();
            let on = on.filter(|dot| dot.standing != Standing::Dominated);
            let mut row: Row = on
                .map(|dot| (dot.mean[0], Stop::Other(series.dots[dot.at].uid.clone())))
                .collect();
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows.push(row);
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}

/// The dot that is looked at: its row, its score on the first axis, itself.
fn selected(frame: &Frame<'_>) -> Option<(usize, f64, Stop)> {
    let front = frame.data.front;
    let own_row = usize::from(!front.members().is_empty());
    if let Some(study) = &frame.data.study
        && let Some((sweep, dot)) = study.selected.and_then(|uid| study.others.find(uid))
    {
        let others = study.others.sweeps();
        let has_front = |sweep: &crate::state::OtherSweep| {
            let mut dots = sweep.dots.iter();
            dots.any(|dot| dot.standing != Standing::Dominated)
        };
        let before = others[..sweep].iter().filter(|sweep| has_front(sweep));
        let score = others[sweep].dots[dot].mean[0];
        let uid = study.selected?.to_owned();
        return Some((own_row + before.count(), score, Stop::Other(uid)));
    }
    let index = frame.data.selected?;
    let position = front.position(index)?;
    let score = front.entries().get(position)?.mean[0];
    Some((0, score, Stop::Own(index)))
}
