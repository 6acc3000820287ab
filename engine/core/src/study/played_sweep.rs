//! A sweep as it was made: its points in the order in which they were done.

use std::collections::HashMap;
use std::sync::Arc;

use super::file::Study;
use crate::Result;
use crate::types::PointResult;

/// A point of a sweep, and when it was done.
#[derive(Debug, Clone, PartialEq)]
pub struct PlayedPoint {
    /// Seconds from the sweep's first answer to this point's last one.
    pub seconds: f64,
    /// The point with its scores over all prompts.
    pub result: Arc<PointResult>,
}

/// Seconds from one point to the next at most: a longer time is a pause.
const PAUSE: f64 = 60.0;

impl Study {
    /// The points of a sweep whose rows are all there, in the order in which they were done.
    pub fn played_sweep(&self, sweep: i64) -> Result<Vec<PlayedPoint>> {
        let sql = "SELECT r.point_index, min(g.created), max(g.created) FROM sweep_row r
                   JOIN generation g ON g.id = r.generation WHERE r.sweep = ?1 GROUP BY r.point_index";
        let mut ends: HashMap<usize, i64> = HashMap::new();
        let mut first = i64::MAX;
        self.each(sql, [sweep], |row| {
            let index: i64 = self.get(row, 0)?;
            let index = usize::try_from(index)
                .map_err(|_negative| self.misread("sweep_row.point_index"))?;
            first = first.min(self.get(row, 1)?);
            ends.insert(index, self.get(row, 2)?);
            Ok(())
        })?;
        let scores = self.sweep_scores(sweep, None)?;
        let mut played: Vec<PlayedPoint> = (scores.summary(None).into_iter())
            .map(|mut result| {
                // As the sweep itself says them: by the bundle's objectives.
                result.scores.truncate(scores.own);
                let end = ends.get(&result.index).copied().unwrap_or(first);
                PlayedPoint {
                    seconds: end.saturating_sub(first) as f64 / 1000.0,
                    result: Arc::new(result),
                }
            })
            .collect();
        played.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        // A night between two points, or rows of a sweep before, are no part of how long it took.
        let (mut last, mut at) = (0.0, 0.0);
        for point in &mut played {
            at += (point.seconds - last).min(PAUSE);
            last = std::mem::replace(&mut point.seconds, at);
        }
        Ok(played)
    }
}
