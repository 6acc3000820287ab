//! Who rows are for.

use crate::protocol::JobId;

/// Who a row under way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowOwner {
    /// A person, who asked for it by this job.
    Person(JobId),
    /// The sweep, which knows it by this number.
    Sweep(u64),
}
