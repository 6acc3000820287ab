//! Signs that somebody did not read. They are reported, and nothing is dropped for them.

use super::ballot::Picked;

/// Under this part of one's usual time per character a vote is hasty.
const HASTY: f64 = 0.25;
/// Votes that a usual time needs.
const FEWEST: usize = 5;

/// Which of a person's votes came too fast to have been read: their time per character is under a quarter of this person's
/// median. `votes` hold characters shown and milliseconds looked.
pub fn hasty(votes: &[(usize, u64)]) -> Vec<bool> {
    let pace = |&(characters, ms): &(usize, u64)| ms as f64 / characters.max(1) as f64;
    let mut sorted: Vec<f64> = votes.iter().map(pace).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.len() < FEWEST {
        return vec![false; votes.len()];
    }
    let middle = sorted.len() / 2;
    let median = f64::midpoint(sorted[middle], sorted[(sorted.len() - 1) / 2]);
    votes
        .iter()
        .map(|vote| pace(vote) < HASTY * median)
        .collect()
}

/// Whether a choice, with sides as they are stored, sees that a side is wrong; `None` where it says nothing.
pub fn passes(picked: &Picked, wrong: usize) -> Option<bool> {
    match picked {
        Picked::Left => Some(wrong == 1),
        Picked::Right => Some(wrong == 0),
        Picked::Tie | Picked::Bad => Some(false),
        Picked::Rating(rating) => Some(*rating <= 2),
        Picked::Order(places) => Some(places.last() == Some(&wrong)),
        Picked::Skip | Picked::Undone => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_usual_time_is_hasty() {
        let mut votes = vec![(100, 4_000); 9];
        votes.push((100, 999));
        votes.push((200, 1_999));
        votes.push((100, 1_000));
        let flags = hasty(&votes);
        assert_eq!(flags[9..], [true, true, false]);
        assert!(!flags[..9].contains(&true));
        assert_eq!(
            hasty(&votes[8..]),
            [false; 4],
            "too few to know what is usual"
        );
        assert!(hasty(&[]).is_empty());
    }

    #[test]
    fn a_check_is_passed_by_seeing_what_is_wrong() {
        assert_eq!(passes(&Picked::Left, 1), Some(true));
        assert_eq!(passes(&Picked::Left, 0), Some(false));
        assert_eq!(passes(&Picked::Tie, 0), Some(false));
        assert_eq!(passes(&Picked::Rating(2), 0), Some(true));
        assert_eq!(passes(&Picked::Order(vec![1, 2, 0]), 0), Some(true));
        assert_eq!(passes(&Picked::Skip, 0), None);
    }
}
