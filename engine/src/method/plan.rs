//! Which streams a row has, by its method.

use super::row::{RowPlan, StreamPlan};
use super::{Method, MethodKind, gates, made, streams, trained, wording};
use crate::bundle::Bundle;
use crate::types::{Mutes, Point, Prompt};
use crate::{Error, Result};

/// The streams of a row, and how they are mixed; `None` is the method of rows that name none. Reads trained parts where
/// the method has some; makes nothing yet. Fails, and says which command trains it, where the bundle lacks a part.
pub fn plan(
    bundle: &Bundle,
    method: Option<&Method>,
    point: &Point,
    prompt: &Prompt,
    mutes: &Mutes,
) -> Result<RowPlan> {
    let usual = || Method::of(point.kind());
    let method = method.cloned().unwrap_or_else(usual);
    method
        .check(point.kind())
        .map_err(|e| Error::option(e.of, e.problem))?;
    let mut plan = match method.kind() {
        MethodKind::Hoe | MethodKind::Mva => {
            RowPlan::alone(StreamPlan::of(bundle.plan.gates(point)?))
        }
        MethodKind::Base => RowPlan::alone(StreamPlan::of(gates::base(bundle))),
        MethodKind::Nearest => RowPlan::alone(StreamPlan::of(gates::nearest(bundle, point)?)),
        MethodKind::Rs if method.is("average", "factor") => made::factor_average(bundle, point)?,
        MethodKind::Rs => RowPlan::alone(StreamPlan::of(gates::soup(bundle, point)?)),
        MethodKind::Soup => wording::personalised_soup(bundle, point, prompt)?,
        MethodKind::Ties | MethodKind::Dare | MethodKind::Pcb | MethodKind::Fourier => {
            made::merged(bundle, &method, point)?
        }
        MethodKind::Prompting => wording::prompting(bundle, point, prompt)?,
        MethodKind::Mod => streams::decoding(bundle, &method, point)?,
        MethodKind::Genarm => streams::genarm(bundle, &method, point)?,
        MethodKind::Parm => streams::parm(bundle, &method, point)?,
        MethodKind::Pad => streams::pad(bundle, &method, point, prompt)?,
        MethodKind::Args => streams::args(bundle, &method, point)?,
        MethodKind::Steering => trained::steering(bundle, &method, point)?,
        MethodKind::Modpo | MethodKind::DpoLw | MethodKind::DpoSeqt | MethodKind::Morlhf => {
            trained::at_point(bundle, &method, point)?
        }
        MethodKind::Loramoe => trained::loramoe(bundle)?,
        MethodKind::Aligner | MethodKind::Metaaligner => {
            trained::correction(bundle, &method, point)?
        }
        MethodKind::Ric => trained::ric(bundle, point, prompt)?,
        MethodKind::BestOfN => streams::best_of_n(bundle, &method, point)?,
    };
    for stream in &mut plan.streams {
        mutes.apply(&mut stream.gates);
    }
    Ok(plan)
}
