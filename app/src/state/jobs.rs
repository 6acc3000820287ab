//! Which part of the window each job of the engine is for.

use std::collections::BTreeMap;

use paretoscope_core::protocol::{JobId, JobIds};

use super::RunId;

/// What a job is for. Of all but runs there is one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A bundle that is being loaded.
    Bundle,
    /// An answer, and its scores.
    Run(RunId),
    /// The sweep.
    Sweep,
    /// What the sweep's store holds already.
    Held,
    /// The stored rows of the selected dot.
    Recall,
    /// The routing of a stored row.
    Retrace,
    /// What the model would be given.
    Preview,
    /// The comparison of adapters.
    Interference,
    /// A training run.
    Training,
    /// What is learnt from votes.
    Learning,
    /// A text that is scored by hand.
    Trial,
    /// The live answer on the stage of a talk.
    Talk,
}

/// The jobs under way.
#[derive(Debug, Default)]
pub struct Jobs {
    ids: JobIds,
    owners: BTreeMap<JobId, Owner>,
}

impl Jobs {
    /// A new job. It takes the place of an older one for the same thing, whose news are late from now on.
    pub fn begin(&mut self, owner: Owner) -> JobId {
        self.forget(owner);
        let job = self.ids.next();
        self.owners.insert(job, owner);
        job
    }

    /// Nothing is waited for any more of what is for `owner`.
    pub fn forget(&mut self, owner: Owner) {
        self.owners.retain(|_, other| *other != owner);
    }

    /// The job for `owner`, where one is under way.
    pub fn of(&self, owner: Owner) -> Option<JobId> {
        let mut jobs = self.owners.iter();
        jobs.find_map(|(job, other)| (*other == owner).then_some(*job))
    }

    /// What a job is for; `None` where it is over or another took its place.
    pub fn owner(&self, job: JobId) -> Option<Owner> {
        self.owners.get(&job).copied()
    }

    /// A job is over; what it was for.
    pub fn end(&mut self, job: JobId) -> Option<Owner> {
        self.owners.remove(&job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_job_takes_the_place_of_an_older_one() {
        let mut jobs = Jobs::default();
        let (first, run, other) = (
            jobs.begin(Owner::Sweep),
            jobs.begin(Owner::Run(RunId(1))),
            jobs.begin(Owner::Run(RunId(2))),
        );
        let second = jobs.begin(Owner::Sweep);
        assert_eq!(jobs.owner(first), None);
        assert_eq!(jobs.owner(second), Some(Owner::Sweep));
        assert_eq!(jobs.owner(run), Some(Owner::Run(RunId(1))));
        assert_eq!(jobs.end(other), Some(Owner::Run(RunId(2))));
        assert_eq!(jobs.end(other), None);
    }
}
