//! Settings of an expert, searched on validation prompts: the factor that a compressed expert is multiplied by (HoE,
//! appendix D.1), or the coefficients, density and factor of a merge (as PCB-Merging and FREE-Merging search theirs).
//!
//! | step | in → out | file |
//! |---|---|---|
//! | plan | a bundle, a method, ranges → what is searched, on which prompts and points | `plan` |
//! | try | settings → an adapter, and a bundle with it | `made` |
//! | measure | a bundle → answers, rewards, the volume of their front between anchors | `measure` |
//! | log | every try with what it measured and cost; a search goes on from it | `log` |
//! | search | tries until the budget is spent → the best, its gain and what was spent | `run` |

mod log;
mod made;
mod measure;
mod plan;
mod run;

pub use log::Tried;
pub use plan::{Range, SearchPlan, Searched, Setting, Target};
pub use run::{SearchListener, SearchNews, SearchOutcome, search};
