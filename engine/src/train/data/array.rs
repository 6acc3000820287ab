//! A JSON array of examples, taken apart so that one bad element is that element's fault.

/// The elements of an array that begins with `[`, each as it stands, and what is wrong with the array itself.
pub(super) fn elements(array: &[u8]) -> (Vec<&[u8]>, Option<&'static str>) {
    let mut elements = Vec::new();
    let (mut begin, mut depth) = (1, 0usize);
    let (mut quoted, mut escaped) = (false, false);
    for (index, &byte) in array.iter().enumerate().skip(1) {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            b',' if depth == 0 => {
                elements.push(&array[begin..index]);
                begin = index + 1;
            }
            b']' => {
                let last = &array[begin..index];
                if !(elements.is_empty() && last.trim_ascii().is_empty()) {
                    elements.push(last);
                }
                let behind = array[index + 1..].trim_ascii();
                let problem = (!behind.is_empty()).then_some(
                    "is followed by more behind the array's end; a file is one array, or JSON Lines",
                );
                return (elements, problem);
            }
            _ => {}
        }
    }
    let last = array.get(begin..).unwrap_or_default();
    if !last.trim_ascii().is_empty() {
        elements.push(last);
    }
    (
        elements,
        Some(
            "is the last, and the array's `]` does not follow: the file is cut short, or a bracket or quote is missing",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(text: &str) -> (Vec<&str>, bool) {
        let (all, problem) = elements(text.as_bytes());
        let words = all
            .into_iter()
            .map(|e| std::str::from_utf8(e).unwrap().trim());
        (words.collect(), problem.is_some())
    }

    #[test]
    fn commas_and_brackets_within_an_element_do_not_end_it() {
        let text = r#"[{"a": [1, 2], "b": "],\"}"}, 3 , "x,y"]"#;
        let all = vec![r#"{"a": [1, 2], "b": "],\"}"}"#, "3", r#""x,y""#];
        assert_eq!(apart(text), (all, false));
        assert_eq!(apart("[ ]\n"), (vec![], false));
        assert_eq!(apart("[1,]"), (vec!["1", ""], false));
    }

    #[test]
    fn an_array_that_does_not_end_or_goes_on_is_told() {
        assert_eq!(apart("[1, 2"), (vec!["1", "2"], true));
        assert_eq!(
            apart("[{\"a\": 1, {\"b\": 2}]"),
            (vec!["{\"a\": 1, {\"b\": 2}]"], true)
        );
        assert_eq!(apart("[1]\n[2]"), (vec!["1"], true));
        assert_eq!(apart("["), (vec![], true));
    }
}
