//! Methods as settings keep them. One that this program does not know is none, and costs nothing else of what was kept.

use paretoscope_core::method::Method;
use serde::{Deserialize, Deserializer};

/// One, or none.
pub(super) fn one<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Method>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

/// Several.
pub(super) fn many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Method>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use crate::state::{SamplingForm, SweepForm};

    #[test]
    fn what_is_not_known_is_none_and_the_rest_is_read() {
        let text = r#"{"seed": 3, "method": "of-tomorrow:c=1"}"#;
        let read: SamplingForm = serde_json::from_str(text).unwrap();
        assert_eq!((read.seed, read.method), (3, None));
        let text = r#"{"k": 4, "methods": ["mod:c=2", "of-tomorrow", "pcb"]}"#;
        let read: SweepForm = serde_json::from_str(text).unwrap();
        assert_eq!(read.k, 4);
        let names: Vec<String> = read.methods.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["mod:c=2", "pcb"]);
        let again = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<SweepForm>(&again).unwrap(), read);
    }
}
