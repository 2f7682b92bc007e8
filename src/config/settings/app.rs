//! Reads what a `dingtalk_app` has.

use super::AppSettings;
use crate::config::reader::{Reader, Report};
use crate::domain::delivery::AppForm;
use secrecy::SecretString;
use url::Url;

pub(super) fn read_app(reader: &Reader<'_>, report: &mut Report<'_>) -> Option<AppSettings> {
    for name in ["client_id", "client_secret"].into_iter().filter(|name| reader.node(name).is_none()) {
        reader.ask_for(name, report);
    }
    let client_id = reader.text("client_id", report).map(|id| id.value.trim().to_owned());
    let client_secret = reader.text("client_secret", report).map(|secret| SecretString::from(secret.value));
    let robot_code = reader.text("robot_code", report).map(|code| code.value.trim().to_owned());
    let mut list = |name: &str| {
        let texts = reader.node(name).and_then(|_| reader.some_texts(name, report)).unwrap_or_default();
        let mut unique: Vec<String> = Vec::new();
        for text in texts.iter().map(|text| text.value.trim().to_owned()) {
            if !unique.contains(&text) {
                unique.push(text);
            }
        }
        unique
    };
    let (users, mobiles, conversations, operators) = (list("users"), list("mobiles"), list("conversations"), list("operators"));
    let form = reader.word("form", report).map(form);
    let agent_id = reader.count("agent_id", report);
    check_whom(reader, form, report);
    if form == Some(AppForm::WorkNotification) && reader.node("agent_id").is_none() {
        reader.ask_for("agent_id", report);
    }
    let card_template = reader.text_or_default("card_template", report);
    let recall_resolved = reader.boolean("recall_resolved", report);
    let (api_url, oapi_url) = (address(reader, "api_url", report), address(reader, "oapi_url", report));
    Some(AppSettings {
        robot_code: robot_code.or_else(|| client_id.clone())?,
        client_id: client_id?,
        client_secret: client_secret?,
        users,
        mobiles,
        conversations,
        form: form?,
        card_template: card_template?,
        agent_id,
        recall_resolved: recall_resolved?,
        operators,
        api_url: api_url?,
        oapi_url: oapi_url?,
    })
}

fn form(word: &str) -> AppForm {
    match word {
        "card" => AppForm::Card,
        "ding" => AppForm::Ding,
        "ding_sms" => AppForm::DingSms,
        "ding_phone" => AppForm::DingPhone,
        "work_notification" => AppForm::WorkNotification,
        _ => AppForm::Message,
    }
}

/// Somebody must be named, and a DING or a work notification is for people.
fn check_whom(reader: &Reader<'_>, form: Option<AppForm>, report: &mut Report<'_>) {
    let has = |name: &str| reader.node(name).is_some();
    let is_for_people = form.is_some_and(|form| !matches!(form, AppForm::Message | AppForm::Card));
    if is_for_people && !has("users") && !has("mobiles") {
        let place = reader.node("form").map_or(reader.place, |node| &node.place);
        let hint = "write whom: users = [\"manager01\"] or mobiles = [\"13800000000\"]".to_owned();
        report.at(place, "this form reaches people, and none are named", Some(hint));
    } else if !has("users") && !has("mobiles") && !has("conversations") {
        let hint = "write whom: users = [\"manager01\"], mobiles = [\"13800000000\"] or conversations = [\"cid…\"]".to_owned();
        report.missing(reader.place, "this app names nobody who gets its messages", Some(hint));
    }
}

fn address(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Url> {
    let text = reader.text_or_default(name, report)?;
    let url = Url::parse(&text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    if url.is_none() {
        let place = reader.node(name).map_or(reader.place, |node| &node.place);
        report.at(place, format!("`{name}` is not an address"), Some("leave it out for DingTalk's public cloud".to_owned()));
    }
    url
}
