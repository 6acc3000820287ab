//! What the commands of a study share: opening one, naming its sweeps, errors of its figures.

use std::path::Path;

use paretoscope_engine::study::Study;
use paretoscope_engine::{Error, Result};

/// The numbers of the sweeps that words name.
pub(super) fn numbers_of(study: &Study, words: &[String]) -> Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for word in words {
        let named = study.sweeps_named("--sweep", word)?;
        numbers.extend(named.into_iter().map(|sweep| sweep.id));
    }
    Ok(numbers)
}

/// An error of a figure or a table, in the program's words.
pub(crate) fn drawn(error: paretoscope_figure::Error) -> Error {
    match error {
        paretoscope_figure::Error::Core(error) => error.into(),
        other => Error::option("study", other.to_string()),
    }
}

/// Opens a study that is there already: to be looked at it needs no right to write.
pub(crate) fn existing(path: &Path) -> Result<Study> {
    if !path.exists() {
        let problem = format!(
            "{} does not exist; a sweep makes one: sweep --out X.study",
            path.display()
        );
        return Err(Error::option("FILE", problem));
    }
    Ok(Study::open(path)?)
}
