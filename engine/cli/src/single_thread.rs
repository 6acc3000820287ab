//! Training gives each worker thread one thread of candle's, and candle reads how many it may use from
//! the environment, once.

use std::process::Command;

use paretoscope_engine::{Error, Result};

/// Inner threads off; freed memory kept, since every step asks for the same again.
const SETTINGS: [(&str, &str); 3] = [
    ("RAYON_NUM_THREADS", "1"),
    ("CANDLE_NUM_THREADS", "1"),
    ("MIMALLOC_PURGE_DELAY", "-1"),
];

/// Starts this program again with inner threads off, unless they are. Returns only where it goes on in
/// this process.
pub(crate) fn ensure() -> Result<()> {
    if std::env::var_os("CANDLE_NUM_THREADS").is_some() {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(Error::io("find", "this program".as_ref()))?;
    let mut again = Command::new(&program);
    again.args(std::env::args_os().skip(1)).envs(SETTINGS);
    restart(again).map_err(Error::io("start", &program))
}

#[cfg(unix)]
fn restart(mut again: Command) -> std::io::Result<()> {
    use std::os::unix::process::CommandExt as _;
    // The same process goes on, so signals and its parent find it.
    Err(again.exec())
}

#[cfg(not(unix))]
fn restart(mut again: Command) -> std::io::Result<()> {
    #[allow(
        clippy::exit,
        reason = "the other process has done the work; its status is ours"
    )]
    std::process::exit(again.status()?.code().unwrap_or(1))
}
