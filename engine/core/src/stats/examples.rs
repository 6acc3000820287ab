//! Which prompts show how two points differ. An example that is shown comes with its rank: a reader sees how it was chosen.

/// By what prompts are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The largest difference of standardised scores first: the length of the difference over objectives.
    Difference,
    /// The texts that have least in common first: words to change, of the longer text's.
    Text,
    /// The most typical first: the one whose difference of scores is nearest to the mean difference.
    Typical,
}

/// A prompt in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The prompt, by place.
    pub prompt: usize,
    /// From 1.
    pub rank: usize,
    /// Of so many.
    pub of: usize,
    /// The second point's scores less the first's, per objective.
    pub difference: Vec<f64>,
    /// What it was sorted by.
    pub value: f64,
}

/// An answer to a prompt: standardised scores and text.
pub type Answer<'a> = (&'a [f64], &'a str);

/// Sorts the prompts by how the answers of two points differ; `a` and `b` hold an answer per prompt, in one order. Prompts
/// with a score that is missing on either side are left out, but where texts alone are compared.
pub fn prompts_by_difference(a: &[Answer<'_>], b: &[Answer<'_>], by: By) -> Vec<Example> {
    let difference = |(one, other): (&Answer<'_>, &Answer<'_>)| -> Vec<f64> {
        one.0.iter().zip(other.0).map(|(x, y)| y - x).collect()
    };
    let all: Vec<Vec<f64>> = a.iter().zip(b).map(difference).collect();
    let whole = |difference: &Vec<f64>| difference.iter().all(|d| d.is_finite());
    let known: Vec<&Vec<f64>> = all.iter().filter(|d| whole(d)).collect();
    let width = known.first().map_or(0, |d| d.len());
    let mean: Vec<f64> = (0..width)
        .map(|k| known.iter().map(|d| d[k]).sum::<f64>() / known.len() as f64)
        .collect();
    let length = |of: &mut dyn Iterator<Item = f64>| of.map(|d| d * d).sum::<f64>().sqrt();
    let mut sorted: Vec<(usize, f64)> = all
        .iter()
        .enumerate()
        .filter(|(_, difference)| by == By::Text || whole(difference))
        .map(|(at, difference)| {
            let value = match by {
                By::Difference => length(&mut difference.iter().copied()),
                By::Text => text_distance(a[at].1, b[at].1),
                By::Typical => length(&mut difference.iter().zip(&mean).map(|(d, m)| d - m)),
            };
            (at, value)
        })
        .collect();
    // Stable: equal ones stay in the prompts' order.
    sorted.sort_by(|x, y| match by {
        By::Typical => x.1.total_cmp(&y.1),
        By::Difference | By::Text => y.1.total_cmp(&x.1),
    });
    let of = sorted.len();
    let ranked = sorted.into_iter().enumerate();
    ranked
        .map(|(rank, (prompt, value))| Example {
            prompt,
            rank: rank + 1,
            of,
            difference: all[prompt].clone(),
            value,
        })
        .collect()
}

/// Words to insert, delete or replace, as a share of the longer text's words; 0 for equal texts.
fn text_distance(a: &str, b: &str) -> f64 {
    let words = |text: &'_ str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (a, b) = (words(a), words(b));
    let longer = a.len().max(b.len()).max(1);
    strsim::generic_levenshtein(&a, &b) as f64 / longer as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_sorted_three_ways_with_their_ranks() {
        let zero = [0.0, 0.0];
        let a: Vec<Answer<'_>> = vec![
            (&zero, "the cat sat"),
            (&zero, "the cat sat"),
            (&zero, ""),
            (&zero, "one"),
        ];
        let scores = [[3.0, 4.0], [0.0, 1.0], [1.0, 1.0], [f64::NAN, 9.0]];
        let texts = ["the cat sat", "the dog sat", "two words", "two"];
        let b: Vec<Answer<'_>> = scores.iter().zip(texts).map(|(s, t)| (&s[..], t)).collect();
        let order = |by: By| -> Vec<(usize, usize, usize)> {
            let found = prompts_by_difference(&a, &b, by);
            found.iter().map(|e| (e.prompt, e.rank, e.of)).collect()
        };
        assert_eq!(order(By::Difference), [(0, 1, 3), (2, 2, 3), (1, 3, 3)]);
        // The mean difference is (4/3, 2): the third is nearest.
        assert_eq!(order(By::Typical), [(2, 1, 3), (1, 2, 3), (0, 3, 3)]);
        assert_eq!(
            order(By::Text),
            [(2, 1, 4), (3, 2, 4), (1, 3, 4), (0, 4, 4)]
        );
        let first = &prompts_by_difference(&a, &b, By::Difference)[0];
        assert_eq!(
            (first.value, first.difference.clone()),
            (5.0, vec![3.0, 4.0])
        );
        let text = &prompts_by_difference(&a, &b, By::Text)[2];
        assert!((text.value - 1.0 / 3.0).abs() < 1e-12);
        assert!(prompts_by_difference(&[], &[], By::Typical).is_empty());
    }
}
