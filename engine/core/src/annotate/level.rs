//! Prompts about equally often, whichever of them each group can be asked about.

/// Moves items (group, case) to other cases of their groups, until cases are asked about as equally often as they can
/// be. `open` are the cases that each group has left, `asked` says how often each case was asked about.
///
/// An item moves to a case that was asked about less by two or more, at once or along a chain of cases each of which
/// gets an item and gives one. No such chain is left at the end, and so no other choice of as many cases of each group
/// is more even: choices are flows from groups to cases with a convex cost `f(asked)` at each case; a cycle in the
/// residual graph costs `f(b + 1) - f(b) + f(a - 1) - f(a)`, which is less than nothing where `b + 2 <= a`, whatever
/// `f`, and a flow without such a cycle has the least cost (Ahuja, Magnanti and Orlin 1993, "Network flows", theorem
/// 9.1). So the most, the least, and the sum of squares, are all as near to the mean as they can be.
pub(super) fn level(drawn: &mut [(usize, usize)], open: &mut [Vec<usize>], asked: &mut [u32]) {
    let mut items: Vec<Vec<usize>> = vec![Vec::new(); asked.len()];
    for (item, &(_, case)) in drawn.iter().enumerate() {
        items[case].push(item);
    }
    let most = asked.iter().copied().max().unwrap_or(0);
    // What cases asked `most` times reach in vain is asked at least `most - 1` times. No chain from cases asked less
    // often leads there, or it would not end at one asked less still; so none changes what is reached, and once is
    // enough.
    for most in (2..=most).rev() {
        while let Some((mut to, moves)) = chain(drawn, open, asked, &items, most) {
            asked[to] += 1;
            while let Some(item) = moves[to] {
                let (group, from) = drawn[item];
                drawn[item].1 = to;
                for left in open[group].iter_mut().filter(|left| **left == to) {
                    *left = from;
                }
                items[from].retain(|other| *other != item);
                items[to].push(item);
                to = from;
            }
            asked[to] -= 1;
        }
    }
}

/// The end of a shortest chain from a case that was asked about `most` times to one asked about two times less or
/// fewer, and of each case the item that moves there.
fn chain(
    drawn: &[(usize, usize)],
    open: &[Vec<usize>],
    asked: &[u32],
    items: &[Vec<usize>],
    most: u32,
) -> Option<(usize, Vec<Option<usize>>)> {
    let mut reached: Vec<bool> = asked.iter().map(|&asked| asked == most).collect();
    let mut cases: Vec<usize> = (0..asked.len()).filter(|&case| reached[case]).collect();
    let mut moves = vec![None; asked.len()];
    // A group reaches the same cases by each of its items.
    let mut tried = vec![false; open.len()];
    let mut next = 0;
    while let Some(&from) = cases.get(next) {
        next += 1;
        for &item in &items[from] {
            let (group, _) = drawn[item];
            if std::mem::replace(&mut tried[group], true) {
                continue;
            }
            for &to in &open[group] {
                if std::mem::replace(&mut reached[to], true) {
                    continue;
                }
                moves[to] = Some(item);
                if asked[to] + 2 <= most {
                    return Some((to, moves));
                }
                cases.push(to);
            }
        }
    }
    None
}
