//! Methods: a prompt and a point become the streams of a row, and their logits one next token.
//!
//! A row is a list of streams, each with a prompt, gates and perhaps experts or vectors beside the bundle's bank, and
//! one [`Mixer`]. Most methods have one stream, and cost what any row costs.
//!
//! | what a method does | file |
//! |---|---|
//! | mixes the bundle's experts | [`gates`](self) |
//! | rewrites the prompt | `wording` |
//! | answers twice: a second model corrects the first answer | `trained` |
//! | runs several streams and mixes their logits | `streams`, `mixer` |
//! | scores candidates of each token | `guided` |
//! | answers with experts that are made for the point, or were trained for it | `made`, `trained`, `side` |

mod gates;
mod made;
mod mixer;
mod plan;
mod row;
mod side;
mod streams;
mod trained;
mod wording;

pub(crate) use mixer::top;
pub use mixer::{Among, Guide, Mixer};
pub use paretoscope_core::method::{Acts, Method, MethodError, MethodKind, Setting, Value, Wanted};
pub use plan::plan;
pub use row::{Choice, ReceivedPlan, RowPlan, SecondPass, StreamPlan, Then};
pub use side::{Recipe, SidePlan};
pub use trained::TrainedPart;
