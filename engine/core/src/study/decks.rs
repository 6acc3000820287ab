//! Talks: decks of stops, which are data. An edit of one is an edit of the study: it can be taken back, also after a
//! restart. Of two programs' edits of one thing the later one stands, field by field, and what it replaced is what undo
//! brings back.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::file::{Study, to_json};
use super::hash::Uid;
use super::notes::Target;
use super::undo::Edit;
use crate::types::{Mutes, Point, Prompt, Sampling};
use crate::{Error, Result};

/// A talk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Deck {
    /// Shown to its speaker.
    pub title: String,
    /// What programs after this one keep of it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// What stands on the stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopLayout {
    /// The triangle and one answer.
    #[default]
    Answer,
    /// The triangle and two answers, with the words that differ.
    Pair,
    /// The triangle and a front.
    Front,
    /// The triangle, one answer and a front.
    Whole,
    /// One answer, its words coloured by who spoke, and a small triangle.
    Strip,
}

impl StopLayout {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::Answer,
        Self::Pair,
        Self::Front,
        Self::Whole,
        Self::Strip,
    ];

    /// Whether a front is part of it.
    pub fn has_front(self) -> bool {
        matches!(self, Self::Front | Self::Whole)
    }
}

/// How a stop's answer comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StopMode {
    /// It is generated on stage.
    Live,
    /// It comes as it was recorded, so many times as fast.
    Replay {
        /// 1 is the recorded speed.
        times: f64,
    },
    /// It stands there.
    #[default]
    Still,
}

/// A stop of a talk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stop {
    /// Where it stands among the others: they are shown by it, ascending.
    pub place: f64,
    /// Shown on stage.
    pub title: String,
    /// For the speaker alone.
    pub notes: String,
    /// How long it is meant to take, in seconds.
    pub seconds: Option<f64>,
    /// What stands on the stage.
    pub layout: StopLayout,
    /// What is asked.
    pub prompt: Option<Prompt>,
    /// Where the point stands.
    pub point: Option<Point>,
    /// Who is silenced.
    pub mutes: Mutes,
    /// How tokens are chosen live; as usual where `None`.
    pub sampling: Option<Sampling>,
    /// The recorded answer.
    #[serde(with = "named")]
    pub current: Option<Uid>,
    /// The recorded answer that it is compared with.
    #[serde(with = "named")]
    pub pinned: Option<Uid>,
    /// The sweep of the front.
    #[serde(with = "named")]
    pub sweep: Option<Uid>,
    /// The objectives of the front to the right and up, by their places in the bundle.
    pub pair: Option<(usize, usize)>,
    /// The part of the front that is shown, as `[[low, high] to the right, [low, high] up]`, in raw scores.
    pub zoom: Option<[[f64; 2]; 2]>,
    /// The modules whose routing colours the words, as the window names them.
    pub site: Value,
    /// How its answer comes.
    pub mode: StopMode,
    /// The recorded answer that comes where a live one does not.
    #[serde(with = "named")]
    pub fallback: Option<Uid>,
    /// How the example was chosen, in words: `largest difference, 1 of 318`.
    pub chosen: String,
    /// What programs after this one keep of it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Stop {
    /// Why it cannot be shown as it is meant, or `None`.
    pub fn problem(&self) -> Option<String> {
        match self.mode {
            StopMode::Live if self.fallback.is_none() => {
                Some("a live stop needs a recorded answer to fall back on: record one".to_owned())
            }
            StopMode::Replay { times } if !(times.is_finite() && times > 0.0) => Some(format!(
                "a replay {times} times as fast never ends; the factor is a number above 0"
            )),
            StopMode::Replay { .. } | StopMode::Still
                if self.layout != StopLayout::Front && self.current.is_none() =>
            {
                Some("there is no recorded answer to show: record one".to_owned())
            }
            _ if self.layout.has_front() && self.sweep.is_none() => {
                Some("its front has no sweep".to_owned())
            }
            _ => None,
        }
    }

    /// Names of all recorded answers that it shows or may show.
    pub fn answers(&self) -> impl Iterator<Item = &Uid> {
        [&self.current, &self.pinned, &self.fallback]
            .into_iter()
            .flatten()
    }
}

/// A stop, as the study has it.
#[derive(Debug, Clone, PartialEq)]
pub struct StopState {
    /// Its name in every file.
    pub uid: Uid,
    /// Counts its edits.
    pub rev: i64,
    /// What it is.
    pub stop: Stop,
}

/// A talk, as the study has it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeckState {
    /// Its name in every file.
    pub uid: Uid,
    /// Counts the edits of all but its stops.
    pub rev: i64,
    /// What it is.
    pub deck: Deck,
    /// In the order of the talk.
    pub stops: Vec<StopState>,
}

/// A change of talks.
#[derive(Debug, Clone, PartialEq)]
pub enum DeckEdit {
    /// A new talk with its first stops.
    New(Deck, Vec<Stop>),
    /// Another title.
    Rename(Uid, String),
    /// The talk and its stops go.
    Remove(Uid),
    /// A new stop of a talk, at the end.
    AddStop(Uid, Box<Stop>),
    /// A stop changes from what was known of it; fields that do not differ stay as they stand.
    Change {
        /// Which.
        stop: Uid,
        /// What was known of it.
        from: Box<Stop>,
        /// What it becomes.
        to: Box<Stop>,
    },
    /// A stop goes by so many places towards the end.
    Move(Uid, isize),
    /// A stop goes.
    RemoveStop(Uid),
}

impl Study {
    /// All talks, the oldest first, each with its stops in order.
    pub fn decks(&self) -> Result<Vec<DeckState>> {
        let mut decks: Vec<DeckState> = Vec::new();
        let sql = "SELECT uid, rev, json FROM deck WHERE json <> 'null' ORDER BY uid";
        self.each(sql, [], |row| {
            decks.push(DeckState {
                uid: Uid(self.get(row, 0)?),
                rev: self.get(row, 1)?,
                deck: self.json(&self.get::<String>(row, 2)?, "deck.json")?,
                stops: Vec::new(),
            });
            Ok(())
        })?;
        let sql = "SELECT s.uid, s.rev, s.json, d.uid FROM stop s JOIN deck d ON d.id = s.deck
                   WHERE s.json <> 'null' ORDER BY s.uid";
        self.each(sql, [], |row| {
            let deck: Vec<u8> = self.get(row, 3)?;
            // A stop of a newer program that this one cannot read is left out, and stays in the file.
            let stop = self.json(&self.get::<String>(row, 2)?, "stop.json");
            if let Some(deck) = decks.iter_mut().find(|d| d.uid.0 == deck)
                && let Ok(stop) = stop
            {
                deck.stops.push(StopState {
                    uid: Uid(self.get(row, 0)?),
                    rev: self.get(row, 1)?,
                    stop,
                });
            }
            Ok(())
        })?;
        for deck in &mut decks {
            // Stops of one place stand in the order of their names.
            deck.stops
                .sort_by(|a, b| a.stop.place.total_cmp(&b.stop.place));
        }
        Ok(decks)
    }

    /// Makes a change as one edit, which [`Self::undo`] takes back as one; gives whether anything changed.
    pub fn edit_deck(&self, title: &str, edit: &DeckEdit) -> Result<bool> {
        self.together(|| {
            let edits = self.deck_edits(edit)?;
            self.edit(title, &edits)
        })
        .flatten()
    }

    /// What a change does to the study's things. Rows of new ones are there already, empty.
    fn deck_edits(&self, edit: &DeckEdit) -> Result<Vec<Edit>> {
        match edit {
            DeckEdit::New(deck, stops) => {
                let uid = self.new_deck(EMPTY)?;
                let mut edits = vec![set(Target::Deck(uid.clone()), deck)?];
                for (place, stop) in stops.iter().enumerate() {
                    edits.push(self.added(&uid, stop, place as f64)?);
                }
                Ok(edits)
            }
            DeckEdit::Rename(uid, title) => {
                let mut deck = self.deck(uid)?.deck;
                deck.title.clone_from(title);
                Ok(vec![set(Target::Deck(uid.clone()), &deck)?])
            }
            DeckEdit::Remove(uid) => {
                let deck = self.deck(uid)?;
                let stops = deck.stops.into_iter().map(|stop| Target::Stop(stop.uid));
                let all = std::iter::once(Target::Deck(uid.clone())).chain(stops);
                let gone = |target| Edit {
                    target,
                    value: None,
                };
                Ok(all.map(gone).collect())
            }
            DeckEdit::AddStop(uid, stop) => {
                let deck = self.deck(uid)?;
                let place = deck.stops.last().map_or(0.0, |last| last.stop.place + 1.0);
                Ok(vec![self.added(uid, stop, place)?])
            }
            DeckEdit::Change { stop, from, to } => {
                let target = Target::Stop(stop.clone());
                let stands = self.state(&target)?.value.ok_or_else(|| gone(stop))?;
                let mut fields: Map<String, Value> = self.json(&stands, "stop.json")?;
                for (name, value) in changed(from, to)? {
                    fields.insert(name, value);
                }
                Ok(vec![set(target, &fields)?])
            }
            DeckEdit::Move(uid, by) => self.moved(uid, *by),
            DeckEdit::RemoveStop(uid) => Ok(vec![Edit {
                target: Target::Stop(uid.clone()),
                value: None,
            }]),
        }
    }

    fn added(&self, deck: &Uid, stop: &Stop, place: f64) -> Result<Edit> {
        let stop = Stop {
            place,
            ..stop.clone()
        };
        set(Target::Stop(self.new_stop(deck, EMPTY)?), &stop)
    }

    fn deck(&self, uid: &Uid) -> Result<DeckState> {
        let mut decks = self.decks()?.into_iter();
        let found = decks.find(|deck| deck.uid == *uid);
        found.ok_or_else(|| Error::option("talk", format!("there is no talk {uid} (any more)")))
    }

    /// The stop goes between two others; where numbers have no room between them, all stops get new places.
    fn moved(&self, uid: &Uid, by: isize) -> Result<Vec<Edit>> {
        let holds = |deck: &DeckState| deck.stops.iter().any(|stop| stop.uid == *uid);
        let deck = self.decks()?.into_iter().find(holds);
        let mut stops = deck.ok_or_else(|| gone(uid))?.stops;
        let Some(from) = stops.iter().position(|stop| stop.uid == *uid) else {
            return Err(gone(uid));
        };
        let to = from.saturating_add_signed(by).min(stops.len() - 1);
        if to == from {
            return Ok(Vec::new());
        }
        let mut stop = stops.remove(from);
        let place_of = |at: Option<usize>| Some(stops.get(at?)?.stop.place);
        let around = (place_of(to.checked_sub(1)), place_of(Some(to)));
        if let Some(place) = between(around) {
            stop.stop.place = place;
            return Ok(vec![set(Target::Stop(stop.uid), &stop.stop)?]);
        }
        stops.insert(to, stop);
        let numbered = stops.into_iter().enumerate().map(|(place, mut stop)| {
            stop.stop.place = place as f64;
            set(Target::Stop(stop.uid), &stop.stop)
        });
        numbered.collect()
    }
}

/// What stands for nothing in the column of a deck or a stop.
const EMPTY: &str = "null";

fn set(target: Target, value: &impl Serialize) -> Result<Edit> {
    let value = Some(to_json("talk", value)?);
    Ok(Edit { target, value })
}

fn gone(uid: &Uid) -> Error {
    Error::option("stop", format!("there is no stop {uid} (any more)"))
}

/// A place between two others; `None` where there is no number between them.
fn between(around: (Option<f64>, Option<f64>)) -> Option<f64> {
    let place = match around {
        (None, None) => 0.0,
        (Some(before), None) => before + 1.0,
        (None, Some(after)) => after - 1.0,
        (Some(before), Some(after)) => before + (after - before) / 2.0,
    };
    let above = around.0.is_none_or(|before| before < place);
    let below = around.1.is_none_or(|after| place < after);
    (above && below).then_some(place)
}

/// The fields of a stop that differ, as they become.
fn changed(from: &Stop, to: &Stop) -> Result<Vec<(String, Value)>> {
    let fields = |stop: &Stop| -> Result<Map<String, Value>> {
        let fields = serde_json::to_value(stop);
        let fields = fields.map_err(|e| Error::option("stop", format!("is no JSON: {e}")))?;
        Ok(fields.as_object().cloned().unwrap_or_default())
    };
    let old = fields(from)?;
    let new = fields(to)?.into_iter();
    Ok(new
        .filter(|(name, value)| old.get(name) != Some(value))
        .collect())
}

/// A name as its words; `null` where there is none.
mod named {
    use super::{Deserialize, Deserializer, Serializer, Uid};

    #[expect(clippy::ref_option, reason = "so serde calls it")]
    pub(super) fn serialize<S: Serializer>(
        uid: &Option<Uid>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match uid {
            Some(uid) => serializer.collect_str(uid),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Uid>, D::Error> {
        let words: Option<String> = Option::deserialize(deserializer)?;
        let Some(words) = words else { return Ok(None) };
        let wrong = || serde::de::Error::custom(format!("`{words}` is no name of an answer"));
        Uid::parse(&words).map(Some).ok_or_else(wrong)
    }
}
