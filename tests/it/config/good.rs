//! Good files parse to the values they say.

use super::environment;
use rowbell::config::{Environment, ReceiverKind, RobotSettings, Settings, load_settings, load_watchers, parse_settings, parse_watcher};
use rowbell::domain::alert::Severity;
use rowbell::domain::message::Language;
use rowbell::domain::watcher::{AlertOn, Mention};
use secrecy::ExposeSecret;
use std::path::Path;
use std::time::Duration;

#[test]
fn without_any_file_the_defaults_hold() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment { folder: folder.path().to_owned(), timezone: Some("Asia/Shanghai".into()), ..Environment::default() };
    let settings = load_settings(None, &environment).unwrap();
    assert_eq!(settings.language, Language::ZhCn);
    assert_eq!(settings.timezone, chrono_tz::Asia::Shanghai);
    assert_eq!(settings.store.url.expose_secret(), "sqlite://rowbell.db");
    assert_eq!(settings.store.retention, Duration::from_secs(90 * 86400));
    assert_eq!(settings.web.listen, "127.0.0.1:7788".parse().unwrap());
    assert_eq!(settings.watchers, folder.path().join("watchers"));
    assert_eq!(settings.file, None);
    assert!(settings.sources.is_empty() && settings.receivers.is_empty());
}

#[test]
fn a_whole_settings_file_with_the_environment_over_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pw"), "p4ss\n").unwrap();
    let text = r#"
language = "en"
timezone = "Europe/Berlin"
watchers = "w"
public_url = "https://rowbell.example.com"
[store]
retention = "30d"
[sources.ERP]
url = "postgres://reader:${file:pw}@${HOST}/erp?x=$${y}"
timezone = "Asia/Shanghai"
max_rows = 5_000
[sources.shop]
url = "sqlite://shop.db"
[receivers.warehouse]
type = "dingtalk_robot"
webhook = "https://oapi.dingtalk.com/robot/send?access_token=${TOKEN}"
secret = "SEC1"
keyword = "告警"
"#;
    let path = folder.path().join("rowbell.toml");
    std::fs::write(&path, text).unwrap();
    let variables = [
        ("HOST", "db"),
        ("TOKEN", "t${x}"),
        ("ROWBELL_CONFIG", path.to_str().unwrap()),
        ("ROWBELL__STORE__URL", "sqlite://other.db"),
        ("ROWBELL__SOURCES__ERP__MAX_CONNECTIONS", "7"),
        ("ROWBELL__WEB__LISTEN", "[::1]:80"),
    ];
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let settings = load_settings(None, &Environment { variables, ..Environment::default() }).unwrap();
    assert_eq!(settings.language, Language::En);
    assert_eq!(settings.watchers, folder.path().join("w"));
    assert_eq!(settings.public_url.unwrap().as_str(), "https://rowbell.example.com/");
    assert_eq!(settings.store.url.expose_secret(), "sqlite://other.db");
    assert_eq!(settings.store.retention, Duration::from_secs(30 * 86400));
    assert_eq!(settings.web.listen, "[::1]:80".parse().unwrap());
    let erp = &settings.sources["ERP"];
    assert_eq!(erp.url.expose_secret(), "postgres://reader:p4ss@db/erp?x=${y}");
    assert_eq!((erp.timezone, erp.max_connections, erp.max_rows), (chrono_tz::Asia::Shanghai, 7, 5_000));
    let shop = &settings.sources["shop"];
    assert_eq!((shop.timezone, shop.max_connections, shop.max_rows), (chrono_tz::Europe::Berlin, 2, 100_000));
    assert_eq!(shop.query_timeout, Duration::from_secs(30));
    let ReceiverKind::Robots(own) = &settings.receivers["warehouse"].kind else { panic!("robots") };
    let RobotSettings { webhook, secret, keyword } = &own.robots[0];
    assert!(webhook.expose_secret().ends_with("access_token=t${x}"));
    assert_eq!(secret.as_ref().unwrap().expose_secret(), "SEC1");
    assert_eq!(keyword.as_deref(), Some("告警"));
}

#[test]
fn receivers_belong_to_organisations_have_pools_and_fall_back() {
    let text = r#"
[organisations.main]
monthly_quota = 3_000
tell = ["ops"]
[receivers.ops]
type = "dingtalk_robot"
webhook = "https://oapi.dingtalk.com/robot/send?access_token=1"
[receivers.warehouse]
type = "dingtalk_robot"
robots = [
  { webhook = "https://oapi.dingtalk.com/robot/send?access_token=2", secret = "SEC2", keyword = "告警" },
  { webhook = "https://oapi.dingtalk.com/robot/send?access_token=3" },
]
monthly_cap = 100
digest = "10m"
fallback = "ops"
"#;
    let settings = parse_settings(Path::new("rowbell.toml"), text, &Environment::default()).unwrap();
    let warehouse = &settings.receivers["warehouse"];
    assert_eq!((warehouse.digest, warehouse.fallback.as_deref()), (Some(Duration::from_secs(600)), Some("ops")));
    let ReceiverKind::Robots(own) = &warehouse.kind else { panic!("robots") };
    assert_eq!((own.robots.len(), own.monthly_cap, own.robots[0].keyword.as_deref()), (2, Some(100), Some("告警")));
    let (name, quotas) = settings.organisation_of(warehouse);
    assert_eq!((name.as_str(), quotas.monthly_quota, quotas.api_quota, quotas.tell), ("main", Some(3_000), None, vec!["ops".to_owned()]));
    let without = text.replace("[organisations.main]\nmonthly_quota = 3_000\ntell = [\"ops\"]\n", "");
    let settings = parse_settings(Path::new("rowbell.toml"), &without, &Environment::default()).unwrap();
    assert_eq!(settings.organisation_of(&settings.receivers["ops"]).1.monthly_quota, None, "counted, not limited");
}

/// One source, one receiver.
fn settings() -> Settings {
    let text = r#"
timezone = "Asia/Shanghai"
[sources.erp]
url = "sqlite://erp.db"
[receivers.warehouse]
type = "dingtalk_robot"
webhook = "https://oapi.dingtalk.com/robot/send?access_token=1"
"#;
    parse_settings(Path::new("rowbell.toml"), text, &Environment::default()).unwrap()
}

#[test]
fn a_whole_watcher() {
    let text = r#"
description = "库存低于补货点"
source = "erp"
schedule = "*/5 * * * *"
timezone = "Europe/Berlin"
alert_on = "match"
key = ["sku", "shop"]
query = '''
  select * from products where name like '${x}'
'''
when = "stock < 100"
repeat_interval = "4h"
send_resolved = false
severity = [{ when = "stock = 0", level = "critical" }, { level = "info" }]
timeout = "5s"
max_rows = 7
failures_before_alert = 5

[message]
title = "库存不足 {{ events | length }} 项"
buttons = [{ title = "打开 ERP", url = "https://erp.example/items/{{ key.sku }}" }]

[[notify]]
receivers = ["warehouse", "warehouse"]
[[notify]]
when = "severity = 'critical'"
receivers = ["warehouse"]
mention = ["13800000000", "manager01", "all"]
"#;
    let watcher = parse_watcher("low_stock", Path::new("watchers/low_stock.toml"), text, &settings()).unwrap();
    assert_eq!(watcher.name, "low_stock");
    assert_eq!(watcher.description.as_deref(), Some("库存低于补货点"));
    assert_eq!(watcher.timezone, chrono_tz::Europe::Berlin);
    assert_eq!(watcher.alert_on, AlertOn::Match);
    assert_eq!(watcher.key, ["sku", "shop"]);
    assert_eq!(watcher.query, "  select * from products where name like '${x}'\n");
    assert_eq!(watcher.when.as_ref().map(|when| when.text()), Some("stock < 100"));
    assert_eq!(watcher.repeat_interval, Some(Duration::from_secs(4 * 3600)));
    assert!(!watcher.send_resolved);
    let levels: Vec<_> = watcher.severity.cases.iter().map(|(when, level)| (when.is_some(), *level)).collect();
    assert_eq!(levels, [(true, Severity::Critical), (false, Severity::Info)]);
    assert_eq!((watcher.timeout, watcher.max_rows, watcher.failures_before_alert), (Some(Duration::from_secs(5)), Some(7), 5));
    assert_eq!(watcher.message.buttons.len(), 1);
    assert_eq!(watcher.notify.len(), 2);
    assert_eq!(watcher.notify[0].receivers, ["warehouse"]);
    assert_eq!(watcher.notify[1].mention, [Mention::Mobile("13800000000".into()), Mention::User("manager01".into()), Mention::All]);
}

#[test]
fn a_short_watcher_tells_the_only_receiver() {
    let text = "source = \"erp\"\nevery = \"30s\"\nalert_on = \"new\"\nfirst_poll = \"alert\"\nkey = [\"id\"]\nquery = \"select 1\"\n";
    let watcher = parse_watcher("orders", Path::new("orders.toml"), text, &settings()).unwrap();
    assert_eq!(watcher.alert_on, AlertOn::New { alert_on_first_poll: true, cursor: None });
    assert_eq!(watcher.timezone, chrono_tz::Asia::Shanghai);
    assert_eq!(watcher.notify.len(), 1);
    assert_eq!(watcher.receivers(), ["warehouse"]);
    assert!(watcher.send_resolved);
    assert_eq!(watcher.severity.cases.iter().map(|(_, level)| *level).collect::<Vec<_>>(), [Severity::Warning]);
}

#[test]
fn one_bad_file_never_hurts_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    let good = b"source = \"erp\"\nevery = \"30s\"\nquery_file = \"q.sql\"\n";
    write("q.sql", b"select 1");
    write("a.toml", good);
    write("b.toml", b"source = ");
    write("c.toml", b"description = \"\xbf\xe2\"");
    write("d e.toml", good);
    write("a.test.toml", b"not = for us");
    write(".hidden.toml", b"not = for us");
    write("f.TOML", good);
    write("f.toml", good);
    std::fs::create_dir(folder.path().join("g.toml")).unwrap();
    let settings = settings();
    let files = load_watchers(folder.path(), &settings).unwrap();
    let names: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.watcher.is_ok())).collect();
    assert_eq!(names, [("a", true), ("b", false), ("c", false), ("d e", false), ("f", true), ("f", false)]);
    assert_eq!(files[0].watcher.as_ref().unwrap().query, "select 1");
    write("q.sql", b"select 2");
    let again = load_watchers(folder.path(), &settings).unwrap();
    assert_ne!(files[0].text_hash, again[0].text_hash);
    assert_eq!(files[1].text_hash, again[1].text_hash);
}

#[test]
fn what_only_looks_into_the_store_needs_no_secret() {
    let text = "[store]\nurl = \"sqlite://s.db\"\n[receivers.r]\ntype = \"dingtalk_robot\"\nwebhook = \"${NOT_SET}\"\n";
    let path = std::path::Path::new("rowbell.toml");
    let environment = rowbell::config::Environment::default();
    assert!(rowbell::config::parse_settings(path, text, &environment).is_err());
    let store_only = rowbell::config::Environment { store_only: true, ..environment };
    assert!(rowbell::config::parse_settings(path, text, &store_only).expect("valid settings").receivers.is_empty());
}

#[test]
fn an_app_has_defaults_for_all_but_its_credentials_and_its_people() {
    let text =
        "[receivers.duty]\ntype = \"dingtalk_app\"\nclient_id = \"ding1\"\nclient_secret = \"s3cret\"\nmobiles = [\"138\", \"138\"]\n";
    let settings = parse_settings(Path::new("rowbell.toml"), text, &environment(&[])).expect("valid settings");
    let ReceiverKind::App(app) = &settings.receivers["duty"].kind else { panic!("an app") };
    assert_eq!((app.robot_code.as_str(), app.form, app.agent_id), ("ding1", rowbell::domain::delivery::AppForm::Message, None));
    assert_eq!(app.mobiles, ["138"]);
    assert_eq!((app.api_url.as_str(), app.oapi_url.as_str()), ("https://api.dingtalk.com/", "https://oapi.dingtalk.com/"));
    assert!(!app.recall_resolved && app.users.is_empty() && app.operators.is_empty());
    assert_eq!(app.card_template, rowbell::notify::dingtalk::app::DEFAULT_CARD_TEMPLATE);
    assert!(!format!("{settings:?}").contains("s3cret"));
}
