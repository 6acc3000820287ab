//! One answer by the beginning of its name, what stands behind it, and the texts of many.

use std::collections::HashMap;

use super::file::Study;
use super::hash::Uid;
use crate::types::BundleInfo;
use crate::{Error, Result};

/// The fewest characters of a name that are looked for.
const LEAST: usize = 4;
/// Names that an error lists.
const SHOWN: usize = 5;

impl Study {
    /// The number of the one answer whose name begins so: four hexadecimal digits at least.
    ///
    /// # Errors
    /// [`Error::Option`] of `option` where no name begins so, or several do.
    pub fn answer_named(&self, option: &str, begin: &str) -> Result<i64> {
        let begin = begin.to_lowercase();
        if !(LEAST..=64).contains(&begin.len()) || !begin.bytes().all(|b| b.is_ascii_hexdigit()) {
            let problem = format!(
                "`{begin}` is not the beginning of an answer's name, which is {LEAST} hexadecimal digits at least; `study export --what generations` lists them"
            );
            return Err(Error::option(option, problem));
        }
        // Between the least and the greatest name with that beginning.
        let filled = |digit: char| {
            let digits = if begin.len() > 32 { 64 } else { 32 };
            let rest = std::iter::repeat_n(digit, digits - begin.len());
            let whole: String = begin.chars().chain(rest).collect();
            Uid::parse(&whole).map_or_else(Vec::new, |uid| uid.0)
        };
        let (low, mut high) = (filled('0'), filled('f'));
        high.extend([0xFF; 32]);
        let mut found: Vec<(i64, Uid)> = Vec::new();
        let sql =
            "SELECT id, uid FROM generation WHERE uid BETWEEN ?1 AND ?2 ORDER BY uid LIMIT ?3";
        self.each(sql, rusqlite::params![low, high, SHOWN as i64 + 1], |row| {
            found.push((self.get(row, 0)?, Uid(self.get(row, 1)?)));
            Ok(())
        })?;
        match &found[..] {
            [(id, _)] => Ok(*id),
            [] => {
                let problem = format!(
                    "no answer of {} has a name that begins with {begin}; `study export --what generations` lists them",
                    self.path().display()
                );
                Err(Error::option(option, problem))
            }
            several => {
                let names = several.iter().take(SHOWN);
                let names: Vec<String> = names.map(|(_, uid)| uid.to_string()).collect();
                let more = if several.len() > SHOWN { ", ..." } else { "" };
                let names = names.join(", ");
                let problem =
                    format!("several answers begin with {begin}: {names}{more}; give more digits");
                Err(Error::option(option, problem))
            }
        }
    }

    /// The texts of a sweep's answers, by the answers' numbers.
    pub fn sweep_texts(&self, sweep: i64) -> Result<HashMap<i64, String>> {
        let sql = "SELECT g.id, g.text FROM sweep_row r JOIN generation g ON g.id = r.generation WHERE r.sweep = ?1";
        let mut found = HashMap::new();
        self.each(sql, [sweep], |row| {
            found.insert(self.get(row, 0)?, self.get(row, 1)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// What a bundle was when it made its answers, by its number; without its prompts.
    pub fn bundle_info(&self, bundle: i64) -> Result<Option<BundleInfo>> {
        let mut found = None;
        self.each("SELECT json FROM bundle WHERE id = ?1", [bundle], |row| {
            found = Some(self.json(&self.get::<String>(row, 0)?, "bundle.json")?);
            Ok(())
        })?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::tests::{answer, info, run};

    #[test]
    fn an_answer_is_found_by_the_beginning_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let study = Study::open(&folder.path().join("a.study")).unwrap();
        let number = study.bundle(&info("demo")).unwrap();
        let runs: Vec<_> = (0..20)
            .map(|i| run(&format!("prompt {i}"), 0.5, "text"))
            .collect();
        let ids: Vec<i64> = runs
            .iter()
            .map(|run| study.add(&[answer(run, number)]).unwrap()[0])
            .collect();
        for id in &ids {
            let uid = study.answer(*id).unwrap().unwrap().uid.to_string();
            assert_eq!(study.answer_named("--answer", &uid).unwrap(), *id);
            let most = &uid.to_uppercase()[..uid.len() - 1];
            if let Ok(found) = study.answer_named("--answer", most) {
                assert_eq!(found, *id);
            }
        }
        // Names begin with the time: the first digits are those of all.
        let uid = study.answer(ids[0]).unwrap().unwrap().uid.to_string();
        let words = |begin: &str| {
            let refused = study.answer_named("--answer", begin);
            refused.unwrap_err().to_string()
        };
        assert!(
            words(&uid[..5]).contains("several answers begin with"),
            "{}",
            words(&uid[..5])
        );
        assert!(words(&uid[..3]).contains("4 hexadecimal digits"));
        assert!(words("café").contains("4 hexadecimal digits"));
        assert!(words("ffffffff").contains("no answer of"));
        assert_eq!(study.bundle_info(number).unwrap().unwrap().name, "demo");
        assert!(study.bundle_info(99).unwrap().is_none());
    }
}
