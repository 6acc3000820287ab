//! `demo talk`: the talk of three minutes that ships with the demonstration, recorded from its bundle.

use std::path::PathBuf;
use std::time::Instant;

use paretoscope_engine::bundle::Bundle;
use paretoscope_engine::generate::{Generator, RowNews, RowTag};
use paretoscope_engine::study::{
    Deck, DeckEdit, NewAnswer, Stop, StopLayout, StopMode, Study, SweepState, Uid, bundle_uid,
};
use paretoscope_engine::types::{
    Mutes, Point, Preference, Prompt, RowRequest, Run, Sampling, TraceLevel,
};
use paretoscope_engine::{Error, Result};
use serde::Serialize;
use serde_json::json;

use super::super::place::load;
use crate::options::Global;
use crate::print::json_line;

/// Options of `demo talk`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The demonstration bundle
    #[arg(long, value_name = "DIR", default_value = "assets/demo")]
    bundle: PathBuf,
    /// A study with a sweep of this bundle, which the talk's front shows; answers and stops are added to it
    #[arg(long, value_name = "FILE")]
    study: PathBuf,
    /// The talk: a copy of all of it, in one file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What is asked on stage.
const QUESTION: &str = "How do I get red wine out of a carpet?";
/// Token at which the recorded drag begins, and tokens from one of its steps to the next.
const DRAG: (usize, usize) = (6, 2);
/// Steps of the drag.
const STEPS: usize = 8;
/// Seconds that a replay takes on stage.
const SHOWN: f64 = 8.0;

#[derive(Serialize)]
struct Made {
    stops: usize,
    seconds: f64,
    answers: Vec<String>,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<()> {
    let bundle = load(&args.bundle, global, false)?;
    let study = Study::open(&args.study)?;
    let ours = bundle_uid(&bundle.info);
    let mut sweeps = study.sweeps()?.into_iter().rev();
    let sweep = sweeps.find(|sweep| bundle_uid(&sweep.info) == ours && sweep.done > 0);
    let sweep = sweep.ok_or_else(|| {
        let problem = format!(
            "{} has no sweep of {}: make one with `sweep --out`",
            args.study.display(),
            args.bundle.display()
        );
        Error::option("--study", problem)
    })?;
    let recorder = Recorder {
        number: study.bundle(&bundle.info)?,
        bundle: &bundle,
        study: &study,
    };
    let (stops, answers) = stops(&recorder, &sweep)?;
    let made = Made {
        stops: stops.len(),
        seconds: stops.iter().filter_map(|stop| stop.seconds).sum(),
        answers,
    };
    let deck = Deck {
        title: "Three minutes".to_owned(),
        ..Deck::default()
    };
    study.edit_deck("New talk", &DeckEdit::New(deck, stops))?;
    study.copy_to(&args.out)?;
    json_line(&made)
}

/// Answers into the study, with routing and pace.
struct Recorder<'a> {
    bundle: &'a Bundle,
    study: &'a Study,
    number: i64,
}

impl Recorder<'_> {
    /// Records an answer, which is steered at some tokens; its name.
    fn record(&self, point: &Point, steps: &[(usize, Point)]) -> Result<(Uid, Run)> {
        let request = RowRequest {
            prompt: Prompt::Chat(QUESTION.to_owned()),
            point: point.clone(),
            mutes: Mutes::default(),
            sampling: sampling(),
            trace: TraceLevel::Full,
            time: None,
        };
        let (tag, mut generator) = (RowTag(0), Generator::new(1));
        generator.add(self.bundle, tag, request, Instant::now())?;
        let (mut there, mut next) = (0, 0);
        let run = loop {
            if let Some((at, to)) = steps.get(next)
                && there >= *at
            {
                generator.steer(self.bundle, tag, to, &Mutes::default())?;
                next += 1;
            }
            let mut ended = None;
            for (_, news) in generator.step(self.bundle)? {
                match news {
                    RowNews::Started(_) => there += 1,
                    RowNews::Tokens(news) => there = there.max(news.first + news.tokens.len()),
                    RowNews::Finished(run) => ended = Some(*run),
                    RowNews::Reading(_) => {}
                }
            }
            if let Some(run) = ended {
                break run;
            }
        };
        let mean = run.record.as_ref().map(|record| record.mean());
        let answer = NewAnswer {
            run: &run,
            mean: mean.unwrap_or_default(),
            bundle: self.number,
            interactive: true,
            split: None,
            place: None,
        };
        let number = self.study.add(&[answer])?.first().copied().unwrap_or(0);
        let stored = self.study.answer(number)?;
        let lost = || Error::option("--study", "an answer is gone right after it was written");
        Ok((stored.ok_or_else(lost)?.uid, run))
    }
}

fn sampling() -> Sampling {
    Sampling {
        max_tokens: 96,
        ..Sampling::default()
    }
}

fn at(shares: [f64; 3]) -> Result<Point> {
    let preference = Preference::new(shares.to_vec());
    preference
        .map(Point::Preference)
        .map_err(Error::point("preference"))
}

/// A factor with one digit, such that a replay takes as long as a stage shows it.
fn slowed(seconds: f64) -> f64 {
    let times = seconds / SHOWN;
    let power = 10_f64.powf(times.max(1e-3).log10().floor());
    ((times / power).round().max(1.0) * power).clamp(0.01, 20.0)
}

/// The stops, and what their answers say.
#[allow(clippy::too_many_lines, reason = "a table: one stop after the other")]
fn stops(recorder: &Recorder<'_>, sweep: &SweepState) -> Result<(Vec<Stop>, Vec<String>)> {
    let [helpful, humor, router] = [
        at([1.0, 0.0, 0.0])?,
        at([0.0, 0.0, 1.0])?,
        at([0.25, 0.25, 0.5])?,
    ];
    let way: Vec<(usize, Point)> = (1..=STEPS)
        .map(|step| {
            let share = step as f64 / STEPS as f64;
            let to = at([1.0 - share, 0.0, share])?;
            Ok((DRAG.0 + (step - 1) * DRAG.1, to))
        })
        .collect::<Result<_>>()?;
    let (plain, first) = recorder.record(&helpful, &[])?;
    let (dragged, drag) = recorder.record(&helpful, &way)?;
    let (joke, last) = recorder.record(&humor, &[])?;
    let (mixed, mixture) = recorder.record(&router, &[])?;
    let played = recorder.study.played_sweep(sweep.id)?;
    let lasts = played.last().map_or(0.0, |point| point.seconds);
    let asked = |title: &str, seconds: f64, notes: &str, point: &Point| Stop {
        title: title.to_owned(),
        notes: notes.to_owned(),
        seconds: Some(seconds),
        prompt: Some(Prompt::Chat(QUESTION.to_owned())),
        point: Some(point.clone()),
        sampling: Some(sampling()),
        ..Stop::default()
    };
    let recorded = |uid: &Uid, stop: Stop| Stop {
        current: Some(uid.clone()),
        fallback: Some(uid.clone()),
        ..stop
    };
    let replay = |run: &Run| StopMode::Replay {
        times: slowed(run.seconds),
    };
    let one = recorded(
        &plain,
        Stop {
            mode: StopMode::Live,
            ..asked(
                "One question, one corner",
                25.0,
                "Three experts share one model. The point says how much each has to say: here, helpful alone.",
                &helpful,
            )
        },
    );
    let two = recorded(
        &dragged,
        Stop {
            mode: replay(&drag),
            ..asked(
                "Drag it towards humor",
                30.0,
                "First the recorded drag: the ring moves while the answer comes, and its words turn. Then drag the point \
                 yourself: the engine answers where it rests.",
                &helpful,
            )
        },
    );
    let three = Stop {
        pinned: Some(plain.clone()),
        ..recorded(
            &joke,
            Stop {
                layout: StopLayout::Pair,
                mode: StopMode::Live,
                ..asked(
                    "Before and after",
                    25.0,
                    "Left what helpful said, right what humor says to the same question. Marked words differ.",
                    &humor,
                )
            },
        )
    };
    let four = recorded(
        &joke,
        Stop {
            mode: replay(&last),
            ..asked(
                "And when the engine is gone",
                10.0,
                "This is what the audience sees if the engine dies: the recorded answer, and the word REPLAY.",
                &humor,
            )
        },
    );
    let five = Stop {
        layout: StopLayout::Front,
        sweep: Some(sweep.uid.clone()),
        pair: Some((0, 2)),
        mode: StopMode::Replay {
            times: slowed(lasts),
        },
        ..asked(
            "All of the triangle",
            30.0,
            "A sweep, replayed in the order in which it was made. Each dot is a mean over the prompts of the \
             demonstration, scored by its reward models. What none other beats is the front.",
            &at([1.0, 1.0, 1.0])?,
        )
    };
    let six = recorded(
        &mixed,
        Stop {
            layout: StopLayout::Strip,
            mode: replay(&mixture),
            site: json!({ "layer": "Mean", "module": "Mean" }),
            ..asked(
                "Who speaks for which word",
                30.0,
                "Here a router decides token by token. The colour and the letter say which expert is loudest.",
                &router,
            )
        },
    );
    let seven = recorded(
        &mixed,
        Stop {
            layout: StopLayout::Whole,
            sweep: Some(sweep.uid.clone()),
            pair: Some((0, 2)),
            mode: StopMode::Still,
            ..asked(
                "What a point is worth",
                30.0,
                "Drag the point: the ring on the front follows it. Between measured points its place is interpolated, \
                 and the stage says so.",
                &router,
            )
        },
    );
    let texts = [first, drag, last, mixture].map(|run| run.text);
    Ok((
        vec![one, two, three, four, five, six, seven],
        texts.to_vec(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replays_take_as_long_as_they_are_shown() {
        assert_eq!(slowed(8.0), 1.0);
        assert!((slowed(0.16) - 0.02).abs() < 1e-12);
        assert_eq!(slowed(1e9), 20.0);
        assert_eq!(slowed(0.0), 0.01);
    }
}
