//! `rowbell simulator`: the DingTalk simulator alone. Any token is a robot of its own, unless robots are named.

use super::{Failed, Global, Outcome, output};
use crate::clock::Clock;
use crate::notify::dingtalk::simulator::{Language, SimulatedRobot, Simulator, SimulatorSettings};
use anyhow::Context;
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:7789", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A robot: NAME=TOKEN, or NAME=TOKEN,SECRET with signing, or NAME=TOKEN,SECRET,KEYWORD; again for more. Then only
    /// these are known; without any, every token becomes a robot
    #[arg(long = "robot", value_name = "NAME=TOKEN")]
    robots: Vec<String>,
    /// Post a message again although its msgUuid was seen
    #[arg(long)]
    no_dedupe: bool,
    /// Append every posted message to this file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The language of its pages
    #[arg(long, default_value = "zh-CN", value_parser = ["zh-CN", "en"], value_name = "LANGUAGE")]
    language: String,
}

pub(super) async fn simulator(global: &Global, options: Options) -> Outcome {
    let mut settings = SimulatorSettings::new(Clock::System);
    settings.listen = options.listen;
    settings.dedupe_uuid = !options.no_dedupe;
    settings.accept_any_token = options.robots.is_empty();
    settings.record = options.record;
    settings.language = if options.language == "en" { Language::English } else { Language::Chinese };
    settings.timezone = iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC);
    for robot in &options.robots {
        settings.robots.push(parse_robot(robot)?);
    }
    let simulator = Simulator::start(settings).await.with_context(|| format!("starting the simulator on {}", options.listen))?;
    let webhook = simulator.webhook("TOKEN");
    if global.json {
        output::json(&json!({ "chat": simulator.page(), "webhook": webhook }));
    } else {
        output::line(&format!("chat     {}\nwebhook  {webhook}\nCtrl-C stops it", simulator.page()));
    }
    tokio::signal::ctrl_c().await?;
    simulator.stop().await;
    Ok(true)
}

fn parse_robot(text: &str) -> Result<SimulatedRobot, Failed> {
    let usage = || {
        Failed::Invalid(format!("error: `--robot {}…` is not NAME=TOKEN[,SECRET[,KEYWORD]]", text.split('=').next().unwrap_or_default()))
    };
    let (name, rest) = text.split_once('=').ok_or_else(usage)?;
    let mut parts = rest.split(',');
    let token = parts.next().filter(|token| !token.is_empty()).ok_or_else(usage)?;
    let mut robot = SimulatedRobot::new(token, name);
    robot.secret = parts.next().filter(|secret| !secret.is_empty()).map(str::to_owned);
    robot.keywords = parts.next().filter(|keyword| !keyword.is_empty()).map(str::to_owned).into_iter().collect();
    Ok(robot)
}
