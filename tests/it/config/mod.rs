//! Settings and watcher files: what good ones mean, and how each fault of wrong ones reads.
#![allow(clippy::unwrap_used)]

mod calendars;
mod generated;
mod good;
mod secrets;
mod watcher_tests;
mod wrong_settings;
mod wrong_watchers;

use rowbell::config::{Environment, Settings, parse_settings};
use std::path::Path;

/// An environment of these variables.
fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Environment { variables, timezone: Some("Asia/Shanghai".to_owned()), ..Environment::default() }
}

/// Settings with two sources and two receivers.
fn settings() -> Settings {
    let text = r#"
[sources.erp]
url = "sqlite://erp.db"
[sources.shop]
url = "sqlite://shop.db"
[receivers.warehouse]
type = "dingtalk_robot"
webhook = "https://oapi.dingtalk.com/robot/send?access_token=1"
[receivers.duty]
type = "dingtalk_robot"
webhook = "https://oapi.dingtalk.com/robot/send?access_token=2"
"#;
    parse_settings(Path::new("rowbell.toml"), text, &environment(&[])).unwrap()
}
