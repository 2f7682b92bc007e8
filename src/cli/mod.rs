//! The commands: one file each. Data goes to stdout, talk to stderr. Exit codes: 0 all well; 1 something failed at run
//! time; 2 wrong use, or settings or watchers that are not valid.

mod ack;
mod alerts;
mod backtest;
mod check;
mod deliveries;
mod demo;
mod explain;
mod history;
mod migrate;
mod moment;
mod new;
mod output;
mod poll;
mod polls;
mod preview;
mod receivers;
mod release;
mod reload;
mod run;
mod schema;
mod send_test;
mod silence;
mod simulator;
pub mod telemetry;
mod test;
mod who;
mod wiring;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Watches business databases and rings in DingTalk.
#[derive(Debug, Parser)]
#[command(name = "rowbell", version, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Under what the help lists them: below a command's own.
const GLOBAL: &str = "Options of every command";

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The settings file [default: ./rowbell.toml when it is there]
    #[arg(long, short, global = true, env = "ROWBELL_CONFIG", hide_env_values = true, value_name = "FILE", help_heading = GLOBAL)]
    config: Option<PathBuf>,
    /// One JSON object a line on stdout, for programs
    #[arg(long, global = true, help_heading = GLOBAL)]
    json: bool,
    /// What is logged: a level, or a filter such as `info,rowbell::engine=debug`
    #[arg(long, global = true, env = "ROWBELL_LOG", hide_env_values = true, value_name = "FILTER", help_heading = GLOBAL)]
    log: Option<String>,
    /// Log lines as JSON
    #[arg(long, global = true, help_heading = GLOBAL)]
    log_json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole thing on embedded parts: a shop that changes, its watchers, a DingTalk to look at
    Demo(demo::Options),
    /// Run the service
    Run(run::Options),
    /// Poll now, for real, and deliver all that waits
    Poll(poll::Options),
    /// Show what a poll would fire and the exact message; write nothing, send nothing
    Preview(preview::Options),
    /// Play the past again: how many events and messages a day each receiver would have had
    Backtest(backtest::Options),
    /// Check the settings and the watchers, and prepare every query on its source
    Check(check::Options),
    /// Run the watchers' tests: no database is read, and no time passes
    Test(test::Options),
    /// What fires now
    Alerts(alerts::Options),
    /// Take an alert: no reminders until it escalates or is over
    Ack(ack::Options),
    /// For a time, record what happens and tell no one; at the end tell what still fires
    Silence(silence::Options),
    /// Take the next result of a watcher, although its guard holds it
    Release(release::Options),
    /// What happened
    History(history::Options),
    /// Why a watcher, or one of its keys, did or did not alert
    Explain(explain::Options),
    /// The readings of the sources
    Polls(polls::Options),
    /// What waits to be sent, what was sent, what failed and why
    Deliveries(deliveries::Options),
    /// What each receiver may still be sent this minute and this month, and what keeps it from being sent
    Receivers,
    /// Send one message through the real path, and explain a refusal
    SendTest(send_test::Options),
    /// Run the DingTalk simulator alone
    Simulator(simulator::Options),
    /// Bring the store's schema up to date (`run` does it by itself)
    Migrate,
    /// Write a commented watcher to edit, or tests of one
    New(new::Options),
    /// Print the JSON Schema of watchers, their tests or the settings, for editors
    Schema(schema::Options),
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Exit code 1: it failed at run time.
    Run(anyhow::Error),
    /// Exit code 2: wrong use, or files that are not valid. The text is already fit to be read.
    Invalid(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failed {
    fn from(error: E) -> Failed {
        Failed::Run(error.into())
    }
}

/// What a command comes to: whether all went well.
pub(crate) type Outcome = Result<bool, Failed>;

/// Enough that a long evaluation of one watcher does not hold up the clock, the signals and the health of all.
const WORKERS: usize = 4;

/// Runs the command that was asked for.
pub fn main(arguments: Arguments) -> ExitCode {
    crate::notify::install_tls();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime cannot be started: {error}");
            return ExitCode::from(1);
        }
    };
    let outcome = runtime.block_on(dispatch(arguments));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Failed::Run(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
        Err(Failed::Invalid(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

async fn dispatch(arguments: Arguments) -> Outcome {
    let global = &arguments.global;
    match arguments.command {
        Command::Demo(options) => demo::demo(global, options).await,
        Command::Run(options) => run::run(global, options).await,
        Command::Poll(options) => poll::poll(global, options).await,
        Command::Preview(options) => preview::preview(global, options).await,
        Command::Backtest(options) => backtest::backtest(global, options).await,
        Command::Check(options) => check::check(global, options).await,
        Command::Test(options) => test::test(global, options).await,
        Command::Alerts(options) => alerts::alerts(global, options).await,
        Command::Ack(options) => ack::ack(global, options).await,
        Command::Silence(options) => silence::silence(global, options).await,
        Command::Release(options) => release::release(global, options).await,
        Command::History(options) => history::history(global, options).await,
        Command::Explain(options) => explain::explain(global, options).await,
        Command::Polls(options) => polls::polls(global, options).await,
        Command::Deliveries(options) => deliveries::deliveries(global, options).await,
        Command::Receivers => receivers::receivers(global).await,
        Command::SendTest(options) => send_test::send_test(global, options).await,
        Command::Simulator(options) => simulator::simulator(global, options).await,
        Command::Migrate => migrate::migrate(global).await,
        Command::New(options) => new::new(global, &options),
        Command::Schema(options) => schema::schema(&options),
    }
}

impl Arguments {
    /// Whether the command is one that runs for long and logs as it goes.
    fn is_service(&self) -> bool {
        matches!(self.command, Command::Run(_) | Command::Simulator(_))
    }
}
