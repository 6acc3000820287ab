//! Stop strings, found across token borders.

/// What came of a piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Text that can be shown: no stop string begins in it.
    pub text: String,
    /// Whether a stop string came; everything from its first byte on is dropped.
    pub stopped: bool,
}

/// Holds back what could be the beginning of a stop string.
///
/// Of several stop strings the one that is complete first counts, so that the result does not
/// depend on how the text is cut into pieces.
#[derive(Debug, Clone, Default)]
pub struct StopScanner {
    stops: Vec<String>,
    held: String,
    stopped: bool,
}

impl StopScanner {
    /// Looks for these strings; empty ones are ignored.
    pub fn new(stops: &[String]) -> Self {
        let stops = stops
            .iter()
            .filter(|stop| !stop.is_empty())
            .cloned()
            .collect();
        Self {
            stops,
            held: String::new(),
            stopped: false,
        }
    }

    /// Takes more text. After a stop nothing comes any more.
    pub fn push(&mut self, piece: &str) -> Scan {
        if self.stopped {
            return Scan {
                text: String::new(),
                stopped: true,
            };
        }
        self.held.push_str(piece);
        if let Some(start) = self.first_match() {
            self.held.truncate(start);
            self.stopped = true;
            return Scan {
                text: std::mem::take(&mut self.held),
                stopped: true,
            };
        }
        let keep = self.beginning_of_a_stop();
        let rest = self.held.split_off(self.held.len() - keep);
        Scan {
            text: std::mem::replace(&mut self.held, rest),
            stopped: false,
        }
    }

    /// Gives out what was held back: no more text comes, so it was no stop string.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the stop string begins that is complete first (the longest of those that end together).
    fn first_match(&self) -> Option<usize> {
        let found = self.stops.iter().filter_map(|stop| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start))
        });
        found.min().map(|(_, start)| start)
    }

    /// Bytes at the end that a stop string could begin with.
    fn beginning_of_a_stop(&self) -> usize {
        let longest = self
            .stops
            .iter()
            .map(|stop| stop.len() - 1)
            .max()
            .unwrap_or(0);
        let from = self.held.len().saturating_sub(longest);
        (from..self.held.len())
            .filter(|&at| self.held.is_char_boundary(at))
            .find(|&at| {
                self.stops.iter().any(|stop| {
                    stop.len() > self.held.len() - at && stop.starts_with(&self.held[at..])
                })
            })
            .map_or(0, |at| self.held.len() - at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|&s| s.to_owned()).collect();
        let mut scanner = StopScanner::new(&stops);
        let mut out = Vec::new();
        for piece in pieces {
            let scan = scanner.push(piece);
            out.push(scan.text);
            if scan.stopped {
                return (out, true);
            }
        }
        out.push(scanner.finish());
        (out, false)
    }

    #[test]
    fn a_stop_string_across_pieces_ends_the_text_before_it() {
        assert_eq!(
            run(&["\n\nHuman:"], &["Yes.\n", "\nHu", "man: no"]),
            (vec!["Yes.".into(), String::new(), String::new()], true)
        );
    }

    #[test]
    fn a_false_beginning_is_given_back() {
        let (out, stopped) = run(&["END"], &["the E", "N", "tropy E"]);
        assert_eq!((out.concat().as_str(), stopped), ("the ENtropy E", false));
        assert_eq!(out[0], "the ");
    }

    #[test]
    fn the_stop_string_that_is_complete_first_counts() {
        assert_eq!(run(&["abcd", "bc"], &["xabcd"]).0.concat(), "xa");
        assert_eq!(
            run(&["abcd", "bc"], &["xa", "b", "c", "d"]).0.concat(),
            "xa"
        );
    }

    #[test]
    fn empty_stop_strings_are_ignored() {
        assert_eq!(run(&[""], &["text"]).0.concat(), "text");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in "[abé]{0,24}",
            stops in prop::collection::vec("[abé]{1,4}", 0..3),
            cuts in prop::collection::vec(0usize..30, 0..6),
        ) {
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|&c| c <= text.len() && text.is_char_boundary(c)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            let (whole, stopped) = run(&stops, &[text.as_str()]);
            let (cut, cut_stopped) = run(&stops, &pieces);
            prop_assert_eq!(whole.concat(), cut.concat());
            prop_assert_eq!(stopped, cut_stopped);
            prop_assert_eq!(stopped, stops.iter().any(|s| text.contains(s)));
        }
    }
}
