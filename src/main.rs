//! The program: parse, set up logging, call a command, print what went wrong, pick the exit code.

mod cli;
mod commands;
mod complaint;

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command, LogFormat};
use tikv_jemallocator::Jemalloc;
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let is_server = matches!(cli.command, Command::Scheduler(_) | Command::Executor(_));
    set_up_logging(cli.log_format, is_server);
    complaint::set_format(cli.log_format);
    log_panics_of_workers();
    let result = match &cli.command {
        Command::Run(args) => commands::run::run(args),
        Command::Check(args) => commands::check::run(args),
        Command::Plan(args) => commands::plan::run(args),
        Command::Backfill(args) => commands::backfill::run(args),
        Command::Maintain(args) => commands::maintain::run(args),
        Command::Send(args) => commands::send::run(args),
        Command::Runs(args) => commands::runs::run(args),
        Command::Diff(args) => commands::diff::run(args),
        Command::Explain(args) => commands::explain::run(args),
        Command::Label(args) => commands::label::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Query(args) => commands::query::run(args),
        Command::Evaluate(args) => commands::evaluate::run(args),
        Command::Scheduler(args) => commands::server::scheduler(args),
        Command::Executor(args) => commands::server::executor(args),
        Command::Import(args) => commands::import::run(args),
        Command::Demo(args) => commands::demo::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complaint::complain(&error);
            ExitCode::from(error.blame() as u8)
        }
    }
}

/// `RUST_LOG` decides what is logged; without it, warnings for a person and stages for a machine.
fn set_up_logging(format: LogFormat, is_server: bool) {
    let default = match format {
        LogFormat::Text if is_server => "warn",
        LogFormat::Text => "crannog=warn",
        LogFormat::Json => "warn,crannog=info,buoyant_kernel=off,deltalake=off",
    };
    // The loop of an executor says twenty times a second that its scheduler is gone; `cluster` says it once.
    let default = format!("{default},ballista_executor::execution_loop=error");
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colours = wants_colours(
        std::io::stderr().is_terminal(),
        std::env::var_os("NO_COLOR").as_deref(),
    );
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// A terminal takes colours, a log file does not; nobody gets them whose NO_COLOR says anything (no-color.org).
fn wants_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
}

/// What panics on a thread of the engine comes to the command as an error: it is told there, and once.
fn log_panics_of_workers() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match std::thread::current().name() {
        Some("tokio-rt-worker") => tracing::debug!(%panic, "a task of the engine panicked"),
        _ => tell(panic),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_that_wants_them_gets_colours() {
        assert!(wants_colours(true, None));
        assert!(wants_colours(true, Some(OsStr::new(""))));
        assert!(!wants_colours(true, Some(OsStr::new("1"))));
        assert!(!wants_colours(false, None));
    }
}
