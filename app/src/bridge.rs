//! The only file that talks to the engine.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crossbeam_channel::TrySendError;
use paretoscope_core::protocol::{EngineCommand, EngineEvent, EngineHandle};

/// Time per frame that may go into taking events.
pub const DRAIN_BUDGET: Duration = Duration::from_millis(2);

/// The window's end of the two channels. Never blocks.
#[derive(Debug)]
pub struct Bridge {
    handle: EngineHandle,
    /// Commands that did not fit into the channel yet, in order.
    backlog: VecDeque<EngineCommand>,
    /// Whether the end of the engine was reported.
    ended: bool,
}

impl Bridge {
    /// Takes over a running engine, or a scripted one.
    pub fn new(handle: EngineHandle) -> Self {
        Self {
            handle,
            backlog: VecDeque::new(),
            ended: false,
        }
    }

    /// Sends a command, or keeps it until there is room. Of several moves of one row that wait,
    /// only the last counts.
    pub fn send(&mut self, command: EngineCommand) {
        if let (EngineCommand::Steer { job, .. }, Some(EngineCommand::Steer { job: waiting, .. })) =
            (&command, self.backlog.back())
            && job == waiting
        {
            self.backlog.pop_back();
        }
        // Nor does anybody wait for what the model would be given for an older prompt.
        if matches!(command, EngineCommand::Preview { .. }) {
            self.backlog
                .retain(|waiting| !matches!(waiting, EngineCommand::Preview { .. }));
        }
        self.backlog.push_back(command);
        self.flush();
    }

    /// Sends what waits. `false` where something still waits.
    pub fn flush(&mut self) -> bool {
        while let Some(command) = self.backlog.pop_front() {
            match self.handle.commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => {
                    self.backlog.push_front(command);
                    return false;
                }
                // `drain` reports the end of the engine.
                Err(TrySendError::Disconnected(_)) => self.backlog.clear(),
            }
        }
        true
    }

    /// Events that are there, within the budget; `true` where more may wait.
    pub fn drain(&mut self, budget: Duration, mut take: impl FnMut(EngineEvent)) -> bool {
        let start = Instant::now();
        loop {
            match self.handle.events.try_recv() {
                Ok(event) => {
                    self.ended |= matches!(event, EngineEvent::Stopped { .. });
                    take(event);
                }
                Err(crossbeam_channel::TryRecvError::Empty) => return false,
                Err(crossbeam_channel::TryRecvError::Disconnected) => {
                    if !self.ended {
                        self.ended = true;
                        take(EngineEvent::Stopped { panic: None });
                    }
                    return false;
                }
            }
            if start.elapsed() >= budget {
                return true;
            }
        }
    }

    /// Asks the engine to end, and takes its last words for at most `patience`, so that no
    /// finished row waits at a full channel.
    pub fn shut_down(&mut self, patience: Duration, mut take: impl FnMut(EngineEvent)) {
        self.send(EngineCommand::Shutdown);
        let deadline = Instant::now() + patience;
        while !self.ended {
            self.flush();
            let rest = deadline.saturating_duration_since(Instant::now());
            match self
                .handle
                .events
                .recv_timeout(rest.min(Duration::from_millis(50)))
            {
                Ok(event) => {
                    self.ended |= matches!(event, EngineEvent::Stopped { .. });
                    take(event);
                }
                Err(crossbeam_channel::RecvTimeoutError::Disconnected) => self.ended = true,
                Err(crossbeam_channel::RecvTimeoutError::Timeout) if rest.is_zero() => return,
                Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use paretoscope_core::protocol::JobId;
    use paretoscope_core::types::{Mutes, Point, Preference};

    use super::*;

    fn steer(index: usize) -> EngineCommand {
        EngineCommand::Steer {
            job: JobId(1),
            point: Point::Preference(Preference::one_hot(index, 2)),
            mutes: Mutes::default(),
        }
    }

    #[test]
    fn a_full_channel_keeps_order_and_the_last_move() {
        let (commands, engine) = crossbeam_channel::bounded(1);
        let (_events, from_engine) = crossbeam_channel::bounded(1);
        let mut bridge = Bridge::new(EngineHandle {
            commands,
            events: from_engine,
        });
        bridge.send(EngineCommand::Cancel { job: JobId(9) });
        bridge.send(steer(0));
        bridge.send(steer(1));
        assert!(!bridge.flush());
        assert_eq!(
            engine.try_recv(),
            Ok(EngineCommand::Cancel { job: JobId(9) })
        );
        assert!(bridge.flush());
        assert_eq!(engine.try_recv(), Ok(steer(1)));
        assert!(engine.try_recv().is_err());
    }

    #[test]
    fn a_lost_engine_is_reported_once() {
        let (commands, _engine) = crossbeam_channel::bounded(1);
        let (events, from_engine) = crossbeam_channel::bounded(1);
        drop(events);
        let mut bridge = Bridge::new(EngineHandle {
            commands,
            events: from_engine,
        });
        let mut seen = Vec::new();
        for _ in 0..2 {
            bridge.drain(DRAIN_BUDGET, |event| seen.push(event));
        }
        assert_eq!(seen, [EngineEvent::Stopped { panic: None }]);
    }
}
