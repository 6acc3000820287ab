//! Where a row was sent while it ran, and what was silenced.

use serde::{Deserialize, Serialize};

use super::{Mutes, Point};

/// Every change of a row's point and mutes while it ran. Of several changes before one token the last counts, and one
/// that ends where it began is none: a mark stands where a token was made under something else than the one before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Steering {
    /// `(first new token made under it, point)` for every change of the point.
    pub steered: Vec<(usize, Point)>,
    /// `(first new token made under it, what was silenced)` for every change; empty where all was heard from start to
    /// end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mutes: Vec<(usize, Mutes)>,
}

impl Steering {
    /// Of a row that starts with `mutes`.
    pub fn new(mutes: &Mutes) -> Self {
        let mut steering = Self::default();
        mark(&mut steering.mutes, &Mutes::default(), 0, mutes);
        steering
    }

    /// From token `at` on the row, which started out at `start`, stands at `point` and hears what `mutes` leaves.
    pub fn go(&mut self, start: &Point, at: usize, point: &Point, mutes: &Mutes) {
        mark(&mut self.steered, start, at, point);
        mark(&mut self.mutes, &Mutes::default(), at, mutes);
    }

    /// The point that token `token` was made under; beyond the last token, the one that the next is made under.
    pub fn point_at<'a>(&'a self, start: &'a Point, token: usize) -> &'a Point {
        at(&self.steered, token).unwrap_or(start)
    }

    /// What was silenced while token `token` was made, likewise; `None` where nothing ever was until then.
    pub fn mutes_at(&self, token: usize) -> Option<&Mutes> {
        at(&self.mutes, token)
    }

    /// The tokens from which on something changed, each once, ascending.
    pub fn changes(&self) -> Vec<usize> {
        let points = self.steered.iter().map(|(token, _)| *token);
        let mut tokens: Vec<usize> = points
            .chain(self.mutes.iter().map(|(token, _)| *token))
            .collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }
}

fn mark<T: Clone + PartialEq>(marks: &mut Vec<(usize, T)>, start: &T, at: usize, to: &T) {
    marks.retain(|(token, _)| *token < at);
    if marks.last().map_or(start, |(_, last)| last) != to {
        marks.push((at, to.clone()));
    }
}

fn at<T>(marks: &[(usize, T)], token: usize) -> Option<&T> {
    let under = marks.iter().rev().find(|(first, _)| *first <= token);
    under.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Channel, Preference};

    fn point(index: usize) -> Point {
        Point::Preference(Preference::one_hot(index, 3))
    }

    fn muted(adapter: usize) -> Mutes {
        let mut mutes = Mutes::default();
        mutes.toggle_mute(Channel::Adapter(adapter));
        mutes
    }

    #[test]
    fn several_moves_before_one_token_leave_one_mark() {
        let (start, heard) = (point(0), Mutes::default());
        let mut steering = Steering::new(&heard);
        steering.go(&start, 4, &point(1), &heard);
        steering.go(&start, 4, &point(2), &muted(1));
        assert_eq!(steering.steered, [(4, point(2))]);
        assert_eq!(steering.mutes, [(4, muted(1))]);
        steering.go(&start, 6, &point(2), &heard);
        assert_eq!(steering.steered, [(4, point(2))], "the point stayed");
        assert_eq!(steering.mutes, [(4, muted(1)), (6, heard.clone())]);
        assert_eq!(steering.changes(), [4, 6]);
        assert_eq!(steering.point_at(&start, 3), &start);
        assert_eq!(steering.point_at(&start, 4), &point(2));
        assert_eq!(steering.mutes_at(3), None);
        assert_eq!(steering.mutes_at(5), Some(&muted(1)));
    }

    #[test]
    fn there_and_back_before_one_token_is_no_change() {
        let (start, heard) = (point(0), Mutes::default());
        let mut steering = Steering::new(&muted(0));
        assert_eq!(steering.mutes, [(0, muted(0))]);
        steering.go(&start, 3, &point(1), &heard);
        steering.go(&start, 3, &start, &muted(0));
        assert_eq!(steering, Steering::new(&muted(0)));
        steering.go(&start, 0, &start, &heard);
        assert_eq!(steering, Steering::default());
    }

    #[test]
    fn it_reads_what_older_versions_wrote() {
        let stored = serde_json::json!({"steered": []});
        let steering: Steering = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(steering, Steering::default());
        assert_eq!(serde_json::to_value(steering).unwrap(), stored);
    }
}
