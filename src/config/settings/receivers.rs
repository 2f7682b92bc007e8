//! Reads receivers and the organisations they belong to, and checks what they say of one another.

use super::app::read_app;
use super::fields::{OF_ONE_TYPE, ORGANISATION, RECEIVER, ROBOT};
use super::{OrganisationSettings, ReceiverKind, ReceiverSettings, RobotSettings, RobotsSettings, unknown};
use crate::config::node::{Content, Node, Table};
use crate::config::reader::{Reader, Report, Text};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use url::Url;

/// DingTalk takes no more custom robots into one group.
const MOST_ROBOTS: usize = 6;

pub(super) fn read_organisation(title: &str, node: &Node, report: &mut Report<'_>) -> Option<OrganisationSettings> {
    let reader = Reader::titled(&ORGANISATION, title, node, report)?;
    let tell = reader.node("tell").and_then(|_| reader.some_texts("tell", report)).unwrap_or_default();
    Some(OrganisationSettings {
        monthly_quota: reader.count("monthly_quota", report),
        api_quota: reader.count("api_quota", report),
        tell: tell.into_iter().map(|name| name.value.to_owned()).collect(),
    })
}

pub(super) fn read_receiver(title: &str, node: &Node, report: &mut Report<'_>) -> Option<ReceiverSettings> {
    let reader = Reader::titled(&RECEIVER, title, node, report)?;
    reader.require(report);
    let kind = reader.word("type", report);
    refuse_keys_of_others(&reader, kind?, report);
    let text = |name: &str, report: &mut Report<'_>| reader.text(name, report).map(|text| text.value.to_owned());
    let organisation = text("organisation", report);
    let fallback = text("fallback", report);
    let digest = reader.duration("digest", report);
    let kind = match kind {
        Some("dingtalk_app") => ReceiverKind::App(Box::new(read_app(&reader, report)?)),
        _ => ReceiverKind::Robots(read_robots(&reader, report)?),
    };
    Some(ReceiverSettings { organisation, digest, fallback, kind })
}

/// A key of another type of receiver is a mistake, of the key or of the type.
fn refuse_keys_of_others(reader: &Reader<'_>, kind: &str, report: &mut Report<'_>) {
    for (other, keys) in OF_ONE_TYPE.iter().filter(|(other, _)| *other != kind) {
        for key in keys.iter().filter(|key| reader.node(key).is_some()) {
            let place = reader.key_place(key).unwrap_or(reader.place);
            let hint = format!("remove it, or write type = \"{other}\"");
            report.at(place, format!("`{key}` means nothing for a receiver of type \"{kind}\""), Some(hint));
        }
    }
}

/// One robot written straight into the table, or several below `robots`.
fn read_robots(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<RobotsSettings> {
    let monthly_cap = reader.count("monthly_cap", report);
    if reader.node("robots").is_none() {
        if reader.node("webhook").is_none() {
            reader.ask_for("webhook", report);
        }
        return Some(RobotsSettings { robots: vec![read_robot(reader, report)?], monthly_cap });
    }
    for name in ["webhook", "secret", "keyword"] {
        if let Some(node) = reader.node(name) {
            let hint = "each robot of the pool has its own: robots = [{ webhook = \"…\", secret = \"…\" }, …]".to_owned();
            report.at(&node.place, format!("`{name}` and `robots` exclude each other"), Some(hint));
        }
    }
    let tables = reader.tables("robots", &ROBOT, report);
    if let Some(one_more) = tables.get(MOST_ROBOTS) {
        let hint = "give the rest to another receiver, in another group".to_owned();
        report.at(one_more.place, format!("a group takes at most {MOST_ROBOTS} robots"), Some(hint));
    }
    let mut robots: Vec<RobotSettings> = Vec::new();
    for table in &tables {
        table.require(report);
        let Some(robot) = read_robot(table, report) else { continue };
        if robots.iter().any(|other| other.webhook.expose_secret() == robot.webhook.expose_secret()) {
            let hint = "write the webhook of another robot, or remove it: one robot has one budget, however often it is named".to_owned();
            report.at(table.place, "this robot stands twice in `robots`", Some(hint));
        }
        robots.push(robot);
    }
    (!robots.is_empty()).then_some(RobotsSettings { robots, monthly_cap })
}

fn read_robot(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<RobotSettings> {
    let webhook = reader.text("webhook", report);
    if let Some(webhook) = webhook {
        let url = Url::parse(webhook.value).ok();
        if !url.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()) {
            let hint = "copy it from the robot's settings: https://oapi.dingtalk.com/robot/send?access_token=…".to_owned();
            report.at(webhook.place(), "`webhook` is not the address of a robot", Some(hint));
        }
    }
    let secret = reader.text("secret", report).map(|secret| SecretString::from(secret.value));
    let keyword = reader.text("keyword", report).map(|keyword| keyword.value.to_owned());
    Some(RobotSettings { webhook: SecretString::from(webhook?.value), secret, keyword })
}

/// What receivers and organisations say of one another: everything that is named must be there, and a fallback must not
/// lead back to where it began.
pub(super) fn check_references(root: &Reader<'_>, organisations: &BTreeMap<String, OrganisationSettings>, report: &mut Report<'_>) {
    let empty = Table::default();
    let table = |name: &str| root.node(name).and_then(Node::table).unwrap_or(&empty);
    let (receivers, written) = (table("receivers"), table("organisations"));
    let names: Vec<&String> = receivers.entries.iter().map(|entry| &entry.name).collect();
    for organisation in &written.entries {
        let Some(Content::Array(told)) = organisation.node.table().and_then(|table| table.get("tell")).map(|entry| &entry.node.content)
        else {
            continue;
        };
        for name in told.iter().filter_map(Text::of).filter(|name| !names.iter().any(|known| *known == name.value)) {
            let (message, hint) = unknown("receiver", "receivers", name, names.iter().copied());
            report.at(name.place(), message, Some(hint));
        }
    }
    for receiver in &receivers.entries {
        let text = |key: &str| receiver.node.table().and_then(|table| table.get(key)).and_then(|entry| Text::of(&entry.node));
        match text("organisation") {
            Some(name) if name.value.trim().is_empty() => {}
            Some(name) if !organisations.contains_key(name.value) => {
                let (message, hint) = unknown("organisation", "organisations", name, written.entries.iter().map(|entry| &entry.name));
                report.at(name.place(), message, Some(hint));
            }
            None if written.entries.len() > 1 && receiver.node.table().is_some() => {
                let named: Vec<String> = written.entries.iter().map(|entry| format!("\"{}\"", entry.name)).collect();
                let hint = format!("write one of them: organisation = {}", named.join(" or "));
                let message = format!("[receivers.{}] does not say to which organisation it belongs", receiver.name);
                report.missing(&receiver.key_place, message, Some(hint));
            }
            _ => {}
        }
        if let Some(name) = text("fallback").filter(|name| !name.value.trim().is_empty()) {
            check_fallback(&receiver.name, name, receivers, report);
        }
    }
}

fn check_fallback(receiver: &str, name: Text<'_>, receivers: &Table, report: &mut Report<'_>) {
    let fallback_of = |name: &str| receivers.get(name)?.node.table()?.get("fallback").and_then(|entry| Text::of(&entry.node));
    if receivers.get(name.value).is_none() {
        let (message, hint) = unknown("receiver", "receivers", name, receivers.entries.iter().map(|entry| &entry.name));
        return report.at(name.place(), message, Some(hint));
    }
    if name.value == receiver {
        let hint = "name a receiver in another group, or remove it".to_owned();
        return report.at(name.place(), "a receiver cannot be its own fallback", Some(hint));
    }
    let mut way = vec![receiver, name.value];
    while let Some(next) = fallback_of(way[way.len() - 1]) {
        let is_back = next.value == receiver;
        if is_back || way.contains(&next.value) {
            // Each of the circle finds it; one tells.
            if is_back && way.iter().min() == Some(&receiver) {
                way.push(receiver);
                let hint = "let one of them have no fallback".to_owned();
                report.at(name.place(), format!("these fallbacks go round in a circle: {}", way.join(" → ")), Some(hint));
            }
            return;
        }
        way.push(next.value);
    }
}
