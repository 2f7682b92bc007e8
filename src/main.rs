//! The program: parse, start telemetry, run the command, exit code.

use clap::Parser;
use rowbell::cli::{Arguments, telemetry};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::start(&arguments);
    rowbell::cli::main(arguments)
}
