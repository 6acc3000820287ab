//! How long a token took in a sweep, as its rows tell.

use rusqlite::params;

use super::encode;
use super::file::Study;
use crate::Result;

/// Rows that are looked at, at most: their median says no more of more.
const ROWS: i64 = 1000;

/// How long a token took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Seconds from one token to the next, the median over rows of each row's mean.
    pub seconds: f64,
    /// Rows behind it.
    pub rows: usize,
}

impl Study {
    /// The pace of a sweep's rows; `None` where none tells. Rows ran in batches, and each took as long as its batch did: what
    /// is measured is the machine, the method and how many rows ran together, and never one row alone. Answers that an earlier
    /// sweep has as well ran in its batches, and do not count.
    pub fn pace(&self, sweep: i64) -> Result<Option<Pace>> {
        let sql = "SELECT g.ids, g.first_s, g.total_s FROM sweep_row r JOIN generation g ON g.id = r.generation
                   WHERE r.sweep = ?1 AND g.status = 'done' AND g.total_s > g.first_s AND NOT EXISTS
                   (SELECT 1 FROM sweep_row o WHERE o.generation = r.generation AND o.sweep < r.sweep) LIMIT ?2";
        let mut paces: Vec<f64> = Vec::new();
        self.each(sql, params![sweep, ROWS], |row| {
            let ids: Vec<u8> = self.get(row, 0)?;
            let (first, total): (f64, f64) = (self.get(row, 1)?, self.get(row, 2)?);
            let tokens = encode::count_wholes(&ids);
            // The first token waits for the prompt.
            if tokens > 1 {
                paces.push((total - first) / (tokens - 1) as f64);
            }
            Ok(())
        })?;
        paces.sort_by(f64::total_cmp);
        let middle = paces.get(paces.len() / 2);
        Ok(middle.map(|&seconds| Pace {
            seconds,
            rows: paces.len(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{answer, info, run, sweep};
    use crate::study::{NewAnswer, Placed};

    #[test]
    fn the_pace_is_the_median_of_rows_that_no_earlier_sweep_has() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let bundle = study.bundle(&info("demo")).unwrap();
        let prompts = ["a", "b", "c", "d"];
        let first = study.sweep(&sweep(&prompts), 0).unwrap();
        let second = study.sweep(&sweep(&prompts[..3]), 0).unwrap();
        assert_eq!(study.pace(first).unwrap(), None);
        let add = |sweep: i64, prompt: usize, seconds: f64| {
            let mut run = run(prompts[prompt], 0.5, "two tokens");
            run.seconds = run.first_token_seconds + seconds;
            let place = Placed {
                sweep,
                seed: 0,
                point: 0,
                prompt,
            };
            let answer = NewAnswer {
                place: Some(place),
                interactive: false,
                ..answer(&run, bundle)
            };
            study.add(&[answer]).unwrap();
        };
        // One of them waited for a person's rows.
        for (prompt, seconds) in [(0, 0.25), (1, 0.5), (2, 90.0)] {
            add(first, prompt, seconds);
        }
        let pace = study.pace(first).unwrap().unwrap();
        assert_eq!((pace.seconds, pace.rows), (0.5, 3));
        // The same answers again, and one of its own.
        add(second, 0, 7.0);
        assert_eq!(study.pace(second).unwrap(), None);
        add(second, 3, 2.0);
        assert_eq!(study.pace(second).unwrap().unwrap().seconds, 2.0);
    }
}
