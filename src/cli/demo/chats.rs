//! The demo's DingTalk: two groups with a robot each, and an app with a group and two people.

use super::folder::quoted;
use crate::cli::Failed;
use crate::clock::Clock;
use crate::config::Environment;
use crate::notify::dingtalk::simulator::{Language, SimulatedApp, SimulatedRobot, Simulator, SimulatorSettings};
use anyhow::Context;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// Where the chats are, when the port is free.
const CHAT_PORT: u16 = 7789;
/// The robots: as receivers in the settings, and as the chats call them in Chinese and in English.
const ROBOTS: [(&str, &str, &str); 2] = [("warehouse", "仓库告警群", "Warehouse"), ("sales", "销售告警群", "Sales")];
/// The conversation of the app.
const CONVERSATION: &str = "cidRowbellDemo0==";
/// Those who may write commands to the app's robot. The first gets every card on the phone, too.
const OPERATORS: [(&str, &str, &str); 2] = [("manager01", "店长", "Shop manager"), ("keeper01", "仓管", "Warehouse keeper")];

/// Robots and app. Each robot asks for a signature and a keyword, so that the whole path is shown.
pub(super) struct Chats {
    robots: Vec<SimulatedRobot>,
    app: SimulatedApp,
    language: Language,
}

impl Chats {
    pub(super) fn new(language: &str) -> Chats {
        let language = if language == "en" { Language::English } else { Language::Chinese };
        let said = |chinese: &'static str, english: &'static str| if language == Language::English { english } else { chinese };
        let secret = || format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let robot = |(_, chinese, english): &(&str, &'static str, &'static str)| SimulatedRobot {
            secret: Some(format!("SEC{}", secret())),
            keywords: vec![said("告警", "alert").to_owned()],
            ..SimulatedRobot::new(&secret(), said(chinese, english))
        };
        let app = SimulatedApp::new("dingrowbelldemo", &secret(), said("告警助手", "Alert assistant"))
            .with_conversation(CONVERSATION, said("值班群", "On duty"));
        let with_person = |app: SimulatedApp, (id, chinese, english): &(&str, &'static str, &'static str)| {
            app.with_person(id, "", said(chinese, english))
        };
        Chats { robots: ROBOTS.iter().map(robot).collect(), app: OPERATORS.iter().fold(app, with_person), language }
    }

    pub(super) async fn start(&self, clock: &Clock, environment: &Environment, folder: &Path) -> Result<Simulator, Failed> {
        let mut settings = SimulatorSettings::new(clock.clone()).with_app(self.app.clone());
        settings.language = self.language;
        settings.timezone = environment.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::UTC);
        settings.robots = self.robots.clone();
        settings.record = Some(folder.join("messages.jsonl"));
        settings.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, CHAT_PORT));
        let anywhere = SimulatorSettings { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..settings.clone() };
        let started = match Simulator::start(settings).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Simulator::start(anywhere).await,
            started => started,
        };
        Ok(started.context("starting the DingTalk simulator")?)
    }

    /// The receivers of the settings file.
    pub(super) fn receivers(&self, simulator: &Simulator) -> String {
        let robots = ROBOTS.iter().zip(&self.robots).map(|((name, ..), robot)| {
            format!(
                "\n[receivers.{name}]\ntype = \"dingtalk_robot\"\nwebhook = {}\nsecret = {}\nkeyword = {}\n",
                quoted(&simulator.webhook(&robot.token)),
                quoted(robot.secret.as_deref().unwrap_or_default()),
                quoted(&robot.keywords.concat())
            )
        });
        let url = quoted(&simulator.api_url());
        let operators: Vec<String> = OPERATORS.iter().map(|(id, ..)| quoted(id)).collect();
        let app = format!(
            "\n[receivers.duty]\ntype = \"dingtalk_app\"\nform = \"card\"\nclient_id = {}\nclient_secret = {}\nconversations = [{}]\nusers = [{}]\n\
             operators = [{}]\napi_url = {url}\noapi_url = {url}\n",
            quoted(&self.app.client_id),
            quoted(&self.app.client_secret),
            quoted(CONVERSATION),
            operators[0],
            operators.join(", ")
        );
        robots.chain([app]).collect()
    }
}
