//! Adapters and routers that are silenced, as on a mixing desk.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::RowGates;

/// What can be silenced: a channel of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// An adapter of the bank, a LoRA expert or a value vector, by its place there.
    Adapter(usize),
    /// A router expert, by its place among the routers.
    Router(usize),
}

/// Which channels are muted and which are heard alone.
///
/// A channel is silent where it is muted, or where others are soloed and it is not. What remains keeps
/// the shares that it had: nothing is normalised again. A silent adapter's gate is zero at every module
/// and token, whatever routers vote; a silent router casts no votes. While a router is soloed, the
/// adapters are heard through its votes alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mutes {
    /// Silent.
    #[serde(default)]
    pub muted: BTreeSet<Channel>,
    /// Heard alone; nothing where empty.
    #[serde(default)]
    pub solo: BTreeSet<Channel>,
}

impl Mutes {
    /// Whether everything is heard.
    pub fn is_empty(&self) -> bool {
        self.muted.is_empty() && self.solo.is_empty()
    }

    /// Whether a channel has no say of its own.
    pub fn silences(&self, channel: Channel) -> bool {
        self.muted.contains(&channel) || (!self.solo.is_empty() && !self.solo.contains(&channel))
    }

    /// Mutes a channel, or lets it be heard again.
    pub fn toggle_mute(&mut self, channel: Channel) {
        if !self.muted.remove(&channel) {
            self.muted.insert(channel);
        }
    }

    /// Hears a channel alone (with the others that are), or no longer.
    pub fn toggle_solo(&mut self, channel: Channel) {
        if !self.solo.remove(&channel) {
            self.solo.insert(channel);
        }
    }

    /// In words, e.g. `muted: humor` or `solo: helpful`; `None` where everything is heard.
    pub fn in_words<'a>(&self, name: impl Fn(Channel) -> &'a str) -> Option<String> {
        let list = |what: &str, channels: &BTreeSet<Channel>| {
            let names: Vec<&str> = channels.iter().map(|&channel| name(channel)).collect();
            (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
        };
        let parts: Vec<String> = [list("solo", &self.solo), list("muted", &self.muted)]
            .into_iter()
            .flatten()
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Silences the gates of a row.
    pub fn apply(&self, gates: &mut RowGates) {
        if self.is_empty() {
            return;
        }
        // A soloed router is heard through the adapters that it votes for.
        let through_routers = self.solo.iter().any(|c| matches!(c, Channel::Router(_)));
        for (index, gate) in gates.adapters.iter_mut().enumerate() {
            let channel = Channel::Adapter(index);
            if self.silences(channel) {
                *gate = 0.0;
            }
            if self.muted.contains(&channel) || (self.silences(channel) && !through_routers) {
                gates.muted.push(index);
            }
        }
        for (index, share) in gates.routers.iter_mut().enumerate() {
            let channel = Channel::Router(index);
            let unheard = self.silences(channel) && through_routers;
            if self.muted.contains(&channel) || unheard {
                *share = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates() -> RowGates {
        RowGates {
            adapters: vec![0.25, 0.5, 0.0],
            ..RowGates::base(3, 2)
        }
    }

    fn silenced(muted: &[Channel], solo: &[Channel]) -> RowGates {
        let mutes = Mutes {
            muted: muted.iter().copied().collect(),
            solo: solo.iter().copied().collect(),
        };
        let mut gates = RowGates {
            routers: vec![0.125, 0.125],
            ..gates()
        };
        mutes.apply(&mut gates);
        gates
    }

    #[test]
    fn a_muted_adapter_is_silent_and_the_others_keep_their_shares() {
        let gates = silenced(&[Channel::Adapter(1)], &[]);
        assert_eq!(gates.adapters, [0.25, 0.0, 0.0]);
        assert_eq!(gates.routers, [0.125, 0.125]);
        assert_eq!(gates.muted, [1], "routers may not vote for it either");
    }

    #[test]
    fn a_muted_router_casts_no_votes() {
        let gates = silenced(&[Channel::Router(0)], &[]);
        assert_eq!(gates.adapters, [0.25, 0.5, 0.0]);
        assert_eq!(gates.routers, [0.0, 0.125]);
        assert!(gates.muted.is_empty());
    }

    #[test]
    fn a_soloed_adapter_is_heard_at_its_own_gate_with_what_routers_give_it() {
        let gates = silenced(&[], &[Channel::Adapter(0)]);
        assert_eq!(gates.adapters, [0.25, 0.0, 0.0]);
        assert_eq!(gates.routers, [0.125, 0.125]);
        assert_eq!(gates.muted, [1, 2]);
    }

    #[test]
    fn a_soloed_router_is_heard_through_the_adapters_that_are_not_muted() {
        let gates = silenced(&[Channel::Adapter(2)], &[Channel::Router(1)]);
        assert_eq!(gates.adapters, [0.0, 0.0, 0.0]);
        assert_eq!(gates.routers, [0.0, 0.125]);
        assert_eq!(gates.muted, [2]);
    }

    #[test]
    fn buttons_undo_themselves_and_words_name_the_channels() {
        let mut mutes = Mutes::default();
        let name = |channel| match channel {
            Channel::Adapter(0) => "helpful",
            _ => "humor",
        };
        mutes.toggle_mute(Channel::Adapter(1));
        assert_eq!(mutes.in_words(name).as_deref(), Some("muted: humor"));
        mutes.toggle_solo(Channel::Adapter(0));
        assert_eq!(
            mutes.in_words(name).as_deref(),
            Some("solo: helpful; muted: humor")
        );
        mutes.toggle_mute(Channel::Adapter(1));
        mutes.toggle_solo(Channel::Adapter(0));
        assert!(mutes.is_empty() && mutes.in_words(name).is_none());
    }
}
