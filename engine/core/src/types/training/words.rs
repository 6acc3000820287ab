//! Settings in errors: named as in the job, and said as each front calls them.

/// `text` with every setting that it names as `word` calls it; one that `word` does not know stays as it is. A setting
/// is named by its name in the job: in `backticks`, or, alone or as one of several, before the first colon, as in
/// `max_length: is 0; it must be ...`.
pub fn say_settings(text: &str, word: impl Fn(&str) -> Option<String>) -> String {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let word = |name: &str| Some(name).filter(|name| is_name(name)).and_then(&word);
    let (head, rest) = match text.split_once(": ") {
        Some((names, rest)) => {
            let said: Option<Vec<String>> = names.split(", ").map(&word).collect();
            let head = said.map_or_else(|| names.to_owned(), |said| said.join(", "));
            (head + ": ", rest)
        }
        None => (String::new(), text),
    };
    let in_ticks = |text: &str| {
        let parts: Vec<&str> = text.split('`').collect();
        let last = parts.len() - 1;
        let said = parts.iter().enumerate().map(|(at, part)| {
            // Every second one stands in backticks, but for one that is not closed.
            match word(part).filter(|_| at % 2 == 1 && at < last) {
                Some(said) => said,
                None if at % 2 == 1 && at < last => format!("`{part}`"),
                None if at % 2 == 1 => format!("`{part}"),
                None => (*part).to_owned(),
            }
        });
        said.collect::<String>()
    };
    in_ticks(&(head + rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_said_in_a_front_s_words_and_all_else_stays() {
        let flag = |name: &str| {
            let known = [
                "skip_bad",
                "max_length",
                "against",
                "penalty",
                "weight_decay",
            ];
            let known = known.contains(&name);
            known.then(|| format!("--{}", name.replace('_', "-")))
        };
        for (text, said) in [
            ("max_length: is 0", "--max-length: is 0"),
            (
                "against, penalty: need `lora`",
                "--against, --penalty: need `lora`",
            ),
            (
                "a.jsonl, line 2: `chosen` is empty; or set `skip_bad`",
                "a.jsonl, line 2: `chosen` is empty; or set --skip-bad",
            ),
            (
                "penalty: `weight-decay` has no `against`",
                "--penalty: `weight-decay` has no --against",
            ),
            ("`max_length", "`max_length"),
            ("cancelled", "cancelled"),
            ("", ""),
        ] {
            assert_eq!(say_settings(text, flag), said);
        }
    }
}
