//! How a reward model that was trained here read its texts, kept in its folder.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::output::write_json;
use crate::weights::read_json;

/// The file's name.
pub const TRAINED_READING: &str = "paretoscope_reading.json";

/// What a model read in training beside prompt and answer, and reads in use for that reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedReading {
    /// The id that stood after every answer. Prompt and answer were one text then, not the tokenizer's pair.
    pub closing_token: u32,
    /// Whether conversations went through the tokenizer's chat template. Where they did not, training had plain texts.
    #[serde(default)]
    pub chat_template: bool,
}

impl TrainedReading {
    /// The reading of a folder; `None` for models that were trained elsewhere.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(TRAINED_READING);
        if path.exists() {
            read_json(&path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Leaves it in a folder.
    pub fn save(self, folder: &Path) -> Result<()> {
        write_json(&folder.join(TRAINED_READING), &self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(TrainedReading::load(folder.path()).unwrap(), None);
        let reading = TrainedReading {
            closing_token: 260,
            chat_template: true,
        };
        reading.save(folder.path()).unwrap();
        assert_eq!(TrainedReading::load(folder.path()).unwrap(), Some(reading));
        let write = |text: &str| std::fs::write(folder.path().join(TRAINED_READING), text).unwrap();
        write("{\"closing_token\": 260}");
        let older = TrainedReading::load(folder.path()).unwrap();
        assert!(older.is_some_and(|reading| !reading.chat_template));
        write("{\"closing\": 1}");
        assert!(TrainedReading::load(folder.path()).unwrap_err().is_input());
    }
}
