//! What the engine's thread hears.

use super::loading::LoadEnd;
use super::planning::PlanEnd;
use super::recalls::RecallEnd;
use crate::protocol::EngineCommand;

/// What the engine's thread listens for.
pub(super) enum Heard {
    Command(EngineCommand),
    Loaded(LoadEnd),
    Planned(PlanEnd),
    Recalled(RecallEnd),
    /// Nobody can send commands any more.
    Nobody,
}

/// Whether a command is about the bundle that is loaded.
pub(super) fn needs_bundle(command: &EngineCommand) -> bool {
    match command {
        EngineCommand::LoadBundle { .. }
        | EngineCommand::Cancel { .. }
        | EngineCommand::Train { .. }
        | EngineCommand::Learn { .. }
        | EngineCommand::ReadPrompts { .. }
        | EngineCommand::FindRuns { .. }
        | EngineCommand::BundleWith { .. }
        | EngineCommand::Shutdown => false,
        EngineCommand::Generate { .. }
        | EngineCommand::Steer { .. }
        | EngineCommand::Sweep { .. }
        | EngineCommand::Pause { .. }
        | EngineCommand::Resume { .. }
        | EngineCommand::Recall { .. }
        | EngineCommand::CountHeld { .. }
        | EngineCommand::Compare { .. }
        | EngineCommand::Preview { .. }
        | EngineCommand::Retrace { .. }
        | EngineCommand::Score { .. } => true,
    }
}

/// Whether `command` stops something that waits for the bundle itself: then it waits behind it.
pub(super) fn stops_one_of(command: &EngineCommand, later: &[EngineCommand]) -> bool {
    let EngineCommand::Cancel { job: stopped } = command else {
        return false;
    };
    later.iter().any(|waiting| match waiting {
        EngineCommand::Generate { job, .. }
        | EngineCommand::Sweep { job, .. }
        | EngineCommand::Retrace { job, .. }
        | EngineCommand::Compare { job, .. } => job == stopped,
        _ => false,
    })
}
