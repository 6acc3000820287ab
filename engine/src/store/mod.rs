//! Every finished row, at once and durable, in one SQLite file.

mod database;
mod encode;
mod export;
mod migrations;
mod open;
mod records;

pub use database::Store;
pub use export::export_rows;
pub use records::{StoredRow, StoredRun, SweepRecord, gates_mean};
