//! A planted secret shows in no fault and no `Debug`, whatever else is wrong.

use super::environment;
use proptest::prelude::*;
use rowbell::config::{Environment, load_settings, parse_settings, parse_watcher, render_faults};
use std::path::Path;

const SECRET: &str = "hunter2";

/// A settings file with secrets in every place where one may stand.
const FULL: &str = r#"language = "en"
timezone = "Asia/Shanghai"
[store]
url = "sqlite://hunter2.db"
retention = "90d"
[sources.erp]
url = "postgres://reader:hunter2@10.0.0.5/erp"
max_connections = 2
[sources.shop]
url = '''
mysql://reader:hunter2@10.0.0.5/erp'''
[receivers]
duty = { type = "dingtalk_robot", webhook = "https://h/?access_token=hunter2", secret = "hunter2" }
[receivers.warehouse]
type = "dingtalk_robot"
webhook = "https://h/?access_token=${TOKEN}"
secret = "hunter2"
keyword = "告警"
"#;

fn tell(text: &str, environment: &Environment) -> String {
    match parse_settings(Path::new("rowbell.toml"), text, environment) {
        Ok(settings) => format!("{settings:?}"),
        Err(faults) => {
            let json = serde_json::to_string(&faults).unwrap();
            format!("{}\n{faults:?}\n{json}\n{}", render_faults(&faults, false), faults[0])
        }
    }
}

#[test]
fn debug_of_settings_and_environment_shows_no_secret() {
    let environment = environment(&[("TOKEN", SECRET)]);
    let shown = tell(FULL, &environment);
    assert!(shown.contains("Settings"), "{shown}");
    assert!(!shown.contains(SECRET));
    assert!(!format!("{environment:?}").contains(SECRET));
}

#[test]
fn a_file_cut_off_anywhere_shows_no_secret() {
    let environment = environment(&[("TOKEN", SECRET)]);
    for (end, _) in FULL.char_indices() {
        let shown = tell(&FULL[..end], &environment);
        assert!(!shown.contains("hunte"), "cut at {end}: {shown}");
    }
}

#[test]
fn a_file_with_any_character_replaced_shows_no_secret() {
    let environment = environment(&[("TOKEN", SECRET)]);
    let kept = |at: usize| !FULL[..at + 1].ends_with(['h', 'u', 'n', 't', 'e', 'r']);
    for (at, c) in FULL.char_indices().filter(|(at, c)| c.is_ascii() && kept(*at)) {
        for by in ["", "\"", "'", "\n", "=", "x", "[", "#", "\u{0}"] {
            let text = format!("{}{by}{}", &FULL[..at], &FULL[at + c.len_utf8()..]);
            let shown = tell(&text, &environment);
            assert!(!shown.contains("hunter"), "{by:?} at {at} of {text}:\n{shown}");
        }
    }
}

#[test]
fn what_was_put_in_is_not_shown_when_it_is_wrong() {
    let keys = ["language", "timezone", "watchers", "public_url", "web.listen", "store.url", "store.retention", "sources.a.url"];
    for key in keys {
        let by_file = tell(&format!("{key} = \"${{S}}\"\n"), &environment(&[("S", SECRET)]));
        assert!(!by_file.contains(SECRET) || key == "watchers", "{by_file}");
    }
    for key in ["SOURCES__A__URL", "RECEIVERS__A__WEBHOOK", "RECEIVERS__A__SECRET", "STORE__URL", "STORE"] {
        let by_variable = tell("", &environment(&[(&format!("ROWBELL__{key}"), SECRET)]));
        assert!(!by_variable.contains(SECRET), "{by_variable}");
    }
}

#[test]
fn a_secret_that_strayed_into_a_watcher_is_not_shown() {
    for line in [
        "webhook = \"https://h/?access_token=hunter2\"",
        "secret = \"hunter2\"",
        "db_password = \"hunter2\"",
        "source = \"postgres://reader:hunter2@db/erp\"",
        "[[notify]]\nreceivers = [\"https://h/?access_token=hunter2\"]",
    ] {
        let faults = parse_watcher("x", Path::new("x.toml"), &format!("{line}\n"), &super::settings()).unwrap_err();
        let shown = format!("{}{faults:?}", render_faults(&faults, false));
        assert!(!shown.contains(SECRET), "{shown}");
    }
}

#[test]
fn a_secret_file_that_is_too_large_or_no_text_is_refused_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("large"), SECRET.repeat(20_000)).unwrap();
    std::fs::write(folder.path().join("binary"), b"hunter2\xff").unwrap();
    let text = "public_url = \"${file:large}\"\ntimezone = \"${file:binary}\"\n";
    std::fs::write(folder.path().join("rowbell.toml"), text).unwrap();
    let environment = Environment { folder: folder.path().to_owned(), ..environment(&[]) };
    let faults = load_settings(None, &environment).unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(!format!("{}{faults:?}", render_faults(&faults, false)).contains(SECRET));
}

/// Lines that are nearly settings or watchers.
fn nearly_toml() -> impl Strategy<Value = String> {
    let pieces = [
        "source",
        "url",
        "key",
        "[",
        "]",
        "[[",
        "]]",
        "notify",
        "message",
        "sources.a",
        "=",
        "\"",
        "'",
        "'''",
        "\"\"\"",
        "\n",
        "\r\n",
        ".",
        ",",
        "{",
        "}",
        "#",
        "\\",
        "\\u",
        "5",
        "${",
        "x}",
        "when",
        "severity",
        "select 1",
        "库",
        "\u{feff}",
        "true",
        "1979-05-27",
        " ",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat())
}

#[test]
fn a_broken_escape_before_a_wide_character_is_survived() {
    let shown = tell("timezone = \"\\u,]\u{feff}\\库${x}\"\n", &environment(&[]));
    assert!(shown.contains("not valid TOML"), "{shown}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in prop_oneof![any::<String>(), nearly_toml()]) {
        let environment = environment(&[]);
        if let Err(faults) = parse_settings(Path::new("rowbell.toml"), &text, &environment) {
            prop_assert!(!faults.is_empty());
            render_faults(&faults, true);
        }
        if let Err(faults) = parse_watcher("x", Path::new("x.toml"), &text, &super::settings()) {
            prop_assert!(!faults.is_empty());
            render_faults(&faults, true);
        }
    }

    #[test]
    fn arbitrary_variables_never_panic(name in "[A-Z_.\\[\\]0-9-]{0,20}", value in any::<String>()) {
        let variable = format!("ROWBELL__{name}");
        if let Err(faults) = parse_settings(Path::new("rowbell.toml"), "", &environment(&[(&variable, &value)])) {
            render_faults(&faults, true);
        }
    }
}
