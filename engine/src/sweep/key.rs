//! The name of a row: what it is the result of, and nothing else.
//!
//! A row whose key is in the store never runs again. The key covers everything that the answer and
//! its scores depend on; what it leaves out (the grid, the order, the device) may change between
//! two starts of a sweep.

use sha2::{Digest, Sha256};

use crate::digest::hexadecimal;
use crate::types::{BundleIdentity, Point, Prompt, Sampling};

/// Changes whenever the encoding below does.
const FORMAT: &str = "paretoscope row 2";

/// The key of a row, SHA-256 in hexadecimal. `sampling` holds the row's own seed.
pub fn row_key(
    identity: &BundleIdentity,
    point: &Point,
    prompt: &Prompt,
    sampling: &Sampling,
) -> String {
    let mut fields = Fields::new(FORMAT);
    fields.text(&identity.model);
    fields.texts(&identity.adapters);
    fields.texts(&identity.rewards);
    match point {
        Point::Preference(_) => {
            fields.count(identity.places.len());
            for place in &identity.places {
                fields.count(place.len());
                for &value in place {
                    fields.number(value);
                }
            }
        }
        // Free weights name their adapters one by one, wherever experts stand.
        Point::Weights(_) => {
            fields.count(identity.values.len());
            for &adapter in &identity.values {
                fields.count(adapter);
            }
        }
    }
    fields.text(match point {
        Point::Preference(_) => "preference",
        Point::Weights(_) => "weights",
    });
    fields.count(point.as_slice().len());
    for &value in point.as_slice() {
        fields.number(value);
    }
    fields.prompt(prompt);
    fields.number(sampling.temperature);
    fields.number(sampling.top_p);
    fields.whole(sampling.seed);
    fields.count(sampling.max_tokens);
    fields.texts(&sampling.stop);
    fields.count(usize::from(sampling.ignore_eos));
    hexadecimal(&fields.digest())
}

/// The seed of a row, from the sweep's seed and its prompt. It is the same at all points: points
/// then differ by their gates and not by luck, and the differences between them are less noisy.
pub fn row_seed(sweep_seed: u64, prompt: &Prompt) -> u64 {
    let mut fields = Fields::new("paretoscope seed 1");
    fields.whole(sweep_seed);
    fields.prompt(prompt);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&fields.digest()[..8]);
    u64::from_le_bytes(bytes)
}

/// A hash over fields, each with its length before it, so that no two lists of fields run together
/// into the same bytes.
struct Fields(Sha256);

impl Fields {
    fn new(format: &str) -> Self {
        let mut fields = Self(Sha256::new());
        fields.text(format);
        fields
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn whole(&mut self, value: u64) {
        self.0.update(value.to_le_bytes());
    }

    fn count(&mut self, value: usize) {
        self.whole(value as u64);
    }

    fn number(&mut self, value: f64) {
        // Adding zero turns -0 into 0, which is the same point.
        self.whole((value + 0.0).to_bits());
    }

    fn prompt(&mut self, prompt: &Prompt) {
        match prompt {
            Prompt::Text(text) => {
                self.text("text");
                self.text(text);
            }
            Prompt::Chat(text) => {
                self.text("chat");
                self.text(text);
            }
            Prompt::Messages(turns) => {
                self.text("messages");
                self.count(turns.len());
                for turn in turns {
                    self.text(&turn.role);
                    self.text(&turn.content);
                    // A template tells parts from a text; a text adds nothing here.
                    if let Some(parts) = turn.given_parts() {
                        self.texts(parts);
                    }
                }
            }
            Prompt::Tokens(tokens) => {
                self.text("tokens");
                self.count(tokens.len());
                for &token in tokens {
                    self.whole(u64::from(token));
                }
            }
        }
    }

    fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::types::{Preference, Weights};

    fn identity() -> BundleIdentity {
        BundleIdentity {
            model: "m".to_owned(),
            adapters: vec!["a".to_owned(), "b".to_owned()],
            places: vec![vec![1.0, 0.0], vec![0.0, 1.0]],
            values: vec![0, 1],
            rewards: vec!["r".to_owned()],
        }
    }

    #[test]
    fn every_ingredient_matters() {
        let point = Point::Preference(Preference::uniform(2));
        let prompt = Prompt::Text("hello".to_owned());
        let sampling = Sampling::default();
        let with =
            |change: &dyn Fn(&mut BundleIdentity, &mut Point, &mut Prompt, &mut Sampling)| {
                let (mut i, mut p, mut q, mut s) =
                    (identity(), point.clone(), prompt.clone(), sampling.clone());
                change(&mut i, &mut p, &mut q, &mut s);
                row_key(&i, &p, &q, &s)
            };
        let keys = [
            with(&|_, _, _, _| {}),
            with(&|i, _, _, _| i.model = "n".to_owned()),
            with(&|i, _, _, _| i.adapters.reverse()),
            with(&|i, _, _, _| i.adapters = vec!["ab".to_owned()]),
            with(&|i, _, _, _| i.rewards.clear()),
            with(&|i, _, _, _| i.places.reverse()),
            with(&|_, p, _, _| *p = Point::Weights(Weights::new(vec![0.0, 0.5]).unwrap())),
            with(&|i, p, _, _| {
                i.values.reverse();
                *p = Point::Weights(Weights::new(vec![0.0, 0.5]).unwrap());
            }),
            with(&|_, p, _, _| *p = Point::Preference(Preference::one_hot(0, 2))),
            with(&|_, p, _, _| *p = Point::Weights(Weights::new(vec![0.5, 0.5]).unwrap())),
            with(&|_, _, q, _| *q = Prompt::Chat("hello".to_owned())),
            with(&|_, _, q, _| *q = Prompt::Text("hello ".to_owned())),
            with(&|_, _, q, _| *q = Prompt::Tokens(vec![1])),
            with(&|_, _, _, s| s.seed = 1),
            with(&|_, _, _, s| s.temperature = 1.0),
            with(&|_, _, _, s| s.top_p = 0.9),
            with(&|_, _, _, s| s.max_tokens = 1),
            with(&|_, _, _, s| s.stop = vec![String::new()]),
            with(&|_, _, _, s| s.ignore_eos = true),
        ];
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        assert!(
            keys.iter()
                .all(|k| k.len() == 64 && k.bytes().all(|b| b.is_ascii_hexdigit()))
        );
    }

    /// Keys live on disk: this one may change only together with `FORMAT`.
    #[test]
    fn the_encoding_stands() {
        let point = Point::Weights(Weights::new(vec![0.0, 0.25]).unwrap());
        let key = |point: &Point| {
            row_key(
                &identity(),
                point,
                &Prompt::Tokens(vec![7, 8]),
                &Sampling::default(),
            )
        };
        assert_eq!(
            key(&point),
            "c45b7510086a2d6ff1780f02663500819eee5044e2ead870a612cecce3caf6fc"
        );
        assert_eq!(
            key(&point),
            key(&Point::Weights(Weights::new(vec![-0.0, 0.25]).unwrap()))
        );
    }

    #[test]
    fn seeds_follow_prompt_and_sweep() {
        let (a, b) = (Prompt::Text("a".to_owned()), Prompt::Text("b".to_owned()));
        assert_eq!(row_seed(1, &a), row_seed(1, &a));
        assert_ne!(row_seed(1, &a), row_seed(1, &b));
        assert_ne!(row_seed(1, &a), row_seed(2, &a));
    }
}
