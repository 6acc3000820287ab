//! The gates of an answer: those that the study keeps, else found again with the bundle that made it.

use paretoscope_engine::generate::retrace;
use paretoscope_engine::study::{Stored, Study};
use paretoscope_engine::types::GateRecord;
use paretoscope_engine::{Error, Result};
use paretoscope_figure::of_study;
use paretoscope_figure::plot::Gates;

use super::super::file::drawn;
use super::super::verify::request;
use super::Args;
use crate::commands::place::load;
use crate::options::Global;

pub(super) fn gates(study: &Study, args: &Args, global: &Global) -> Result<Gates> {
    let Some(begin) = &args.answer else {
        let problem = "a strip and a heatmap are of one answer; give the first digits of its uid, which `study export --what generations` lists";
        return Err(Error::option("--answer", problem));
    };
    let number = study.answer_named("--answer", begin)?;
    let answer = study
        .answer(number)?
        .ok_or_else(|| Error::internal("an answer that was found is gone"))?;
    let record = match (study.trace(number)?, &args.bundle) {
        (Some(record), _) => record,
        (None, Some(_)) => again(study, &answer, args, global)?,
        (None, None) => {
            let problem = format!(
                "the routing of {} is not in {}: a sweep keeps the mean gates alone; add --bundle DIR, with the bundle that made it, to find it again",
                answer.uid,
                study.path().display()
            );
            return Err(Error::option("--answer", problem));
        }
    };
    of_study::gates(study, &answer, &record).map_err(drawn)
}

/// Feeds the answer's tokens through the bundle again.
fn again(study: &Study, answer: &Stored, args: &Args, global: &Global) -> Result<GateRecord> {
    let Some(folder) = &args.bundle else {
        return Err(Error::internal("no bundle is named"));
    };
    let bundle = load(folder, global, false)?;
    let asked = request(&bundle, answer, &study.asked_at(answer.id)?)?;
    let (Some(asked), Some(mut run)) = (asked, answer.run()) else {
        let problem = format!(
            "{} did not make {} as it is now: its files, or this program, changed since; name the bundle that made it",
            folder.display(),
            answer.uid
        );
        return Err(Error::option("--bundle", problem));
    };
    run.prompt_tokens = bundle.tokenizer.at(asked.time).encode_prompt(&run.prompt)?;
    retrace(&bundle, &run)
}
