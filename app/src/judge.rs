//! The only file that talks to the judge's thread. The window itself speaks to no network.

use std::collections::VecDeque;

use crossbeam_channel::{TryRecvError, TrySendError};
use paretoscope_core::protocol::{JudgeCommand, JudgeEnd, JudgeHandle, JudgeNews, Trouble};
use paretoscope_core::types::JudgeProgress;

/// The window's end of the two channels. Never blocks.
#[derive(Debug)]
pub struct JudgeBridge {
    /// `None` where the program was built without judges, or the thread is gone.
    handle: Option<JudgeHandle>,
    /// Commands that did not fit into the channel yet, in order.
    backlog: VecDeque<JudgeCommand>,
}

impl JudgeBridge {
    /// Takes over a running thread.
    pub fn new(handle: Option<JudgeHandle>) -> Self {
        Self {
            handle,
            backlog: VecDeque::new(),
        }
    }

    /// Whether there is anything to talk to.
    pub fn is_there(&self) -> bool {
        self.handle.is_some()
    }

    /// Sends a command, or keeps it until there is room.
    pub fn send(&mut self, command: JudgeCommand) {
        self.backlog.push_back(command);
        self.flush();
    }

    fn flush(&mut self) {
        let Some(handle) = &self.handle else {
            self.backlog.clear();
            return;
        };
        while let Some(command) = self.backlog.pop_front() {
            match handle.commands.try_send(command) {
                Ok(()) => {}
                Err(TrySendError::Full(command)) => return self.backlog.push_front(command),
                // `news` reports the end of the thread.
                Err(TrySendError::Disconnected(_)) => self.backlog.clear(),
            }
        }
    }

    /// News that are there; of a thread that is gone, once, that the run is over.
    pub fn news(&mut self) -> Vec<JudgeNews> {
        self.flush();
        let Some(handle) = &self.handle else {
            return Vec::new();
        };
        let mut news = Vec::new();
        loop {
            match handle.news.try_recv() {
                Ok(said) => news.push(said),
                Err(TryRecvError::Empty) => return news,
                Err(TryRecvError::Disconnected) => {
                    self.handle = None;
                    let gone = Trouble::system("the judge's thread ended; restart the program");
                    let end = JudgeEnd::Failed(gone);
                    news.push(JudgeNews::Ended(JudgeProgress::default(), end));
                    return news;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_thread_is_reported_once_and_none_says_nothing() {
        assert_eq!(JudgeBridge::new(None).news(), []);
        let (commands, asked) = crossbeam_channel::bounded(1);
        let (told, news) = crossbeam_channel::bounded(1);
        let mut bridge = JudgeBridge::new(Some(JudgeHandle { commands, news }));
        bridge.send(JudgeCommand::Cancel);
        bridge.send(JudgeCommand::Cancel);
        assert_eq!(asked.try_recv(), Ok(JudgeCommand::Cancel));
        assert!(asked.try_recv().is_err(), "it waits until there is room");
        assert_eq!(bridge.news(), []);
        assert_eq!(asked.try_recv(), Ok(JudgeCommand::Cancel));
        drop((asked, told));
        bridge.send(JudgeCommand::Cancel);
        assert!(matches!(
            &bridge.news()[..],
            [JudgeNews::Ended(_, JudgeEnd::Failed(_))]
        ));
        assert_eq!(bridge.news(), []);
    }
}
