//! Text in, token ids out, and back again without tearing characters.
//!
//! | step | in → out | file |
//! |---|---|---|
//! | chat | a user's turn → the text that the model was trained on | `template`, `jinja` |
//! | files | `tokenizer.json`, or the older files → a tokenizer | `slow`, `tokenizer` |
//! | files | the fields of a GGUF file → a tokenizer | `gguf` |
//! | encode | text → ids, with the tokenizer's own special tokens | `tokenizer` |
//! | stream | one id at a time → whole characters, with byte offsets per token | `stream` |
//! | stop | text → text that cannot be part of a stop string | `stop` |

mod added;
mod answer;
mod caught;
mod correction;
mod gguf;
mod jinja;
mod json;
mod score_tags;
mod slow;
mod stop;
mod stream;
mod template;
mod tokenizer;

pub use answer::{AnswerStream, Step};
pub use correction::{Aspect, Correction};
pub use score_tags::{ScoreTags, TaggedObjective, tagged, tenth};
pub use stop::{Scan, StopScanner};
pub use stream::TokenStream;
pub use template::ChatTemplate;
pub use tokenizer::{Tokenizer, check_ids};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
