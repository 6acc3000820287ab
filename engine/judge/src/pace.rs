//! How often, how long, and when again.

use std::time::{Duration, Instant};

use paretoscope_core::types::JudgeLimits;

use crate::{Error, Result};

/// The longest wait that an endpoint may ask for.
const LONGEST: Duration = Duration::from_mins(5);
/// The longest wait of our own.
const CAP: Duration = Duration::from_mins(1);
/// How long is slept between two looks at whether a person stopped it.
const NAP: Duration = Duration::from_millis(25);

/// Refuses limits that make no sense.
pub(crate) fn check(limits: &JudgeLimits) -> Result<()> {
    let wrong = |name, problem: &str| {
        Err(Error::Option {
            name,
            problem: problem.to_owned(),
        })
    };
    if limits.tries == 0 {
        return wrong("tries", "is 0; a question is asked at least once");
    }
    if limits.timeout.is_zero() {
        return wrong("timeout", "is 0; a request needs some seconds");
    }
    let fits = |number: Option<f64>, rule: fn(f64) -> bool| {
        number.is_none_or(|number| number.is_finite() && rule(number))
    };
    if !fits(limits.per_minute, |rate| rate > 0.0) {
        return wrong("per-minute", "must be above 0; leave it out for no limit");
    }
    if !fits(limits.budget, |budget| budget >= 0.0) {
        return wrong("budget", "must be at least 0");
    }
    Ok(())
}

/// The wait after the failure of this number, from 1; `None` where the endpoint asks for more than is waited.
pub(crate) fn wait(
    limits: &JudgeLimits,
    failure: usize,
    asked: Option<Duration>,
) -> Option<Duration> {
    let doubled = 2_u32.checked_pow(u32::try_from(failure.saturating_sub(1)).ok()?);
    let own = doubled
        .and_then(|factor| limits.backoff.checked_mul(factor))
        .map_or(CAP, |wait| wait.min(CAP));
    match asked {
        Some(asked) if asked > LONGEST => None,
        Some(asked) => Some(own.max(asked)),
        None => Some(own),
    }
}

/// Holds requests apart.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last: Option<Instant>,
}

impl Pace {
    /// Waits until the next request may go.
    pub(crate) fn next(
        &mut self,
        limits: &JudgeLimits,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<()> {
        if let (Some(last), Some(rate)) = (self.last, limits.per_minute) {
            let apart = Duration::try_from_secs_f64(60.0 / rate).unwrap_or(Duration::MAX);
            sleep(apart.saturating_sub(last.elapsed()), cancelled)?;
        }
        self.last = Some(Instant::now());
        Ok(())
    }
}

/// Sleeps, unless a person stops it.
pub(crate) fn sleep(wait: Duration, cancelled: &dyn Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    loop {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let left = wait.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(NAP));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_follow_the_endpoint_within_reason() {
        let limits = JudgeLimits::default();
        let seconds = |failure, asked: Option<u64>| {
            let wait = wait(&limits, failure, asked.map(Duration::from_secs));
            wait.map(|wait| wait.as_secs())
        };
        assert_eq!(
            [1, 2, 3, 7, 40].map(|n| seconds(n, None)),
            [1, 2, 4, 60, 60].map(Some)
        );
        assert_eq!(
            (
                seconds(1, Some(30)),
                seconds(3, Some(1)),
                seconds(1, Some(3_600))
            ),
            (Some(30), Some(4), None)
        );
        assert!(sleep(Duration::from_mins(1), &|| true).is_err());
    }
}
