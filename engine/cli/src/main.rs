//! The command line: everything that the window shows can be had without one.
//!
//! Standard output carries the result alone; logs, progress and errors go to standard error. Exit
//! status 0 is done, 2 the input is at fault, 1 anything else.
mod commands;
mod interrupt;
mod options;
mod print;
mod say;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use paretoscope_engine::Error;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Mixtures of LoRA experts, steered per row.
#[derive(Debug, clap::Parser)]
#[command(name = "paretoscope-engine", version, propagate_version = true)]
struct Options {
    #[command(flatten)]
    global: options::Global,
    #[command(subcommand)]
    command: commands::Command,
}

const INPUT_AT_FAULT: u8 = 2;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => return usage(&error),
    };
    let filter =
        EnvFilter::try_from_env("PARETOSCOPE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(|| say::Plain)
        .init();

    let goes_on = options.command.goes_on();
    let in_options = options.command.in_options();
    match commands::run(options.command, &options.global) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has seen enough (`... | head`).
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Error::Cancelled) => {
            say::line(&format!("error: cancelled; {goes_on}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            let words = in_options(&error.to_string());
            say::line(&format!("error: {}", say::one_line(&words)));
            if error.is_input() {
                ExitCode::from(INPUT_AT_FAULT)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Help and version as asked for; anything else that clap has to say, on one line.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return if error.print().is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let text = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "a command is missing".to_owned()
    } else {
        error.to_string()
    };
    // The first paragraph says what is wrong; usage and hints follow it.
    let wrong = text.split("\n\n").next().unwrap_or(&text);
    let wrong = say::one_line(wrong);
    let wrong = wrong.strip_prefix("error: ").unwrap_or(&wrong);
    say::line(&format!(
        "error: {wrong}; `paretoscope-engine --help` lists what is right"
    ));
    ExitCode::from(INPUT_AT_FAULT)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }
}
