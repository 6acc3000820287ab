//! Texts that tell who wrote them: a name of an expert, an adapter, an objective in an answer gives it away.

/// Names to look for.
#[derive(Debug, Clone)]
pub struct Names(Vec<String>);

impl Names {
    /// These names, each once, whatever their case; empty ones are left out.
    pub fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut all: Vec<String> = names
            .into_iter()
            .map(|name| name.as_ref().trim().to_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Those that stand in a text as words of their own.
    pub fn told_by(&self, text: &str) -> Vec<&str> {
        let text = text.to_lowercase();
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let stands = |name: &&String| {
            text.match_indices(name.as_str()).any(|(at, found)| {
                edge(text[..at].chars().next_back())
                    && edge(text[at + found.len()..].chars().next())
            })
        };
        self.0.iter().filter(stands).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_words_alone() {
        let names = Names::new(["Humor", "humor", "1-1-2", "", "mod_x"]);
        assert_eq!(names.told_by("As the HUMOR expert, I"), ["humor"]);
        assert_eq!(names.told_by("(1-1-2)"), ["1-1-2"]);
        assert!(names.told_by("humorous; 11-1-2; mod_xy; 1-1-23").is_empty());
        assert_eq!(names.told_by("mod_x"), ["mod_x"]);
    }
}
