//! `rowbell simulator`: the DingTalk simulator alone. Any token is a robot of its own, unless robots are named; there is an app
//! with a few people and a conversation, unless apps are named.

use super::{Failed, Global, Outcome, output};
use crate::clock::Clock;
use crate::notify::dingtalk::simulator::{Language, SimulatedApp, SimulatedRobot, Simulator, SimulatorSettings};
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
    /// An app: CLIENT_ID=SECRET; again for more. Without any there is one, with what to put into rowbell.toml for it
    #[arg(long = "app", value_name = "CLIENT_ID=SECRET")]
    apps: Vec<String>,
    /// Someone whom the apps reach: USER_ID=NAME, or USER_ID=NAME,MOBILE; again for more
    #[arg(long = "person", value_name = "USER_ID=NAME", requires = "apps")]
    people: Vec<String>,
    /// A group conversation that the apps' robots are in: ID=TITLE (the last = of an ID is its own); again for more
    #[arg(long = "conversation", value_name = "ID=TITLE", requires = "apps")]
    conversations: Vec<String>,
    /// "Webhook & Stream" messages a month [default: no limit]
    #[arg(long, value_name = "N")]
    webhook_quota: Option<u32>,
    /// API calls a month [default: no limit]
    #[arg(long, value_name = "N")]
    api_quota: Option<u32>,
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
    settings.record = options.record.clone();
    settings.language = if options.language == "en" { Language::English } else { Language::Chinese };
    settings.timezone = iana_time_zone::get_timezone().ok().and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC);
    for robot in &options.robots {
        settings.robots.push(parse_robot(robot)?);
    }
    (settings.webhook_quota, settings.api_quota) = (options.webhook_quota, options.api_quota);
    settings.apps = apps(&options, settings.language)?;
    let own = options.apps.is_empty().then(|| settings.apps[0].clone());
    let simulator = Simulator::start(settings).await.with_context(|| format!("starting the simulator on {}", options.listen))?;
    let webhook = simulator.webhook("TOKEN");
    if global.json {
        output::json(&json!({ "chat": simulator.page(), "webhook": webhook, "api": simulator.api_url() }));
    } else {
        output::line(&format!("chat     {}\nwebhook  {webhook}\napi      {}", simulator.page(), simulator.api_url()));
        if let Some(app) = own {
            output::line(&format!("\nfor the app, put into rowbell.toml:\n\n{}", receiver(&app, &simulator.api_url())));
        }
        output::line("Ctrl-C stops it");
    }
    tokio::signal::ctrl_c().await?;
    simulator.stop().await;
    Ok(true)
}

/// The apps that are named, or one of its own.
fn apps(options: &Options, language: Language) -> Result<Vec<SimulatedApp>, Failed> {
    if options.apps.is_empty() {
        return Ok(vec![own_app(language)]);
    }
    let mut apps = Vec::new();
    for text in &options.apps {
        let (client_id, secret) = text.split_once('=').filter(|(id, secret)| !id.is_empty() && !secret.is_empty()).ok_or_else(|| {
            Failed::Invalid(format!("error: `--app {}…` is not CLIENT_ID=SECRET", text.split('=').next().unwrap_or_default()))
        })?;
        let mut app = SimulatedApp::new(client_id, secret, client_id);
        for text in &options.people {
            let (user_id, rest) = named(text, "--person", "USER_ID=NAME[,MOBILE]", text.find('='))?;
            let (name, mobile) = rest.split_once(',').unwrap_or((rest, ""));
            app = app.with_person(user_id, mobile, name);
        }
        for text in &options.conversations {
            let (id, title) = named(text, "--conversation", "ID=TITLE", text.rfind('='))?;
            app = app.with_conversation(id, title);
        }
        apps.push(app);
    }
    Ok(apps)
}

fn named<'a>(text: &'a str, option: &str, form: &str, at: Option<usize>) -> Result<(&'a str, &'a str), Failed> {
    let parts = at.map(|at| (&text[..at], &text[at + 1..])).filter(|(id, name)| !id.is_empty() && !name.is_empty());
    parts.ok_or_else(|| Failed::Invalid(format!("error: `{option} {text}` is not {form}")))
}

/// An app to try things with. Its secret is no secret: everyone has it.
fn own_app(language: Language) -> SimulatedApp {
    let words = match language {
        Language::Chinese => ["告警助手", "店长", "仓管", "值班", "值班群"],
        Language::English => ["Alert assistant", "Shop manager", "Warehouse keeper", "On duty", "Duty group"],
    };
    SimulatedApp::new("dingsimulator", "everyone-knows-this-secret", words[0])
        .with_person("manager", "13800000001", words[1])
        .with_person("keeper", "13800000002", words[2])
        .with_person("duty", "13800000003", words[3])
        .with_conversation("cidSimulator+/0==", words[4])
}

/// A receiver that reaches this app.
fn receiver(app: &SimulatedApp, url: &str) -> String {
    let ids = |ids: Vec<&str>| ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
    let people = ids(app.people.iter().take(1).map(|person| person.user_id.as_str()).collect());
    let conversations = ids(app.conversations.iter().map(|conversation| conversation.id.as_str()).collect());
    format!(
        "[receivers.duty]\ntype = \"dingtalk_app\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\nagent_id = {}\nusers = [{people}]\n\
         conversations = [{conversations}]\noperators = [{people}]\nform = \"card\"\napi_url = \"{url}\"\noapi_url = \"{url}\"\n",
        app.client_id, app.client_secret, app.agent_id
    )
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
