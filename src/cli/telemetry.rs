//! Logs: sentences on stderr, or JSON lines.

use super::Arguments;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging. The service tells what it does; other commands print what went wrong by themselves.
pub fn start(arguments: &Arguments) {
    let default = if arguments.is_service() { "info,sqlx=warn" } else { "error" };
    let wanted = arguments.global.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|error| {
        eprintln!("warning: the log filter `{wanted}` cannot be read ({error}); using `{default}`");
        EnvFilter::new(default)
    });
    // It logs what it sends and receives, and that holds the addresses that answers in a chat go to.
    let filter =
        ["tungstenite=off", "tokio_tungstenite=off"].iter().filter_map(|quiet| quiet.parse().ok()).fold(filter, EnvFilter::add_directive);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if arguments.global.log_json {
        builder.json().init();
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).init();
    }
}
