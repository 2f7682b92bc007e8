//! The schema and the commented template say what the reader does.

use super::{environment, settings};
use rowbell::config::{parse_settings, parse_watcher, render_faults, schema, template};
use serde_json::Value;
use std::path::Path;

const KINDS: [&str; 5] = ["match", "new", "change", "missing", "report"];

fn check(text: &str) -> Result<(), String> {
    parse_watcher("my_watch", Path::new("watchers/my_watch.toml"), text, &settings())
        .map(|_| ())
        .map_err(|faults| format!("{}\n{text}", render_faults(&faults, false)))
}

#[test]
fn a_new_watcher_is_valid_as_it_stands() {
    for kind in KINDS {
        assert_eq!(check(&template::new_watcher("my_watch", kind, Some(&settings()))), Ok(()));
    }
}

/// A new watcher's file with every optional line used.
fn with_optional_lines(text: &str) -> String {
    // The alternatives cannot stand beside what they replace, and the file of the query does not exist.
    let alternatives = ["schedule", "every", "query_file", "sources", "expect_query"];
    let mut used = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let optional = line.strip_prefix("# ").filter(|_| !line.starts_with("##"));
        if let Some(key) = optional.and_then(|line| line.split_once(" = ")).map(|(key, _)| key) {
            skipping = alternatives.contains(&key);
        }
        match optional {
            Some(line) if !skipping => used.push_str(line),
            _ => used.push_str(line),
        }
        used.push('\n');
    }
    used
}

#[test]
fn each_optional_line_of_a_new_watcher_may_be_used() {
    for kind in KINDS {
        let used = with_optional_lines(&template::new_watcher("my_watch", kind, Some(&settings())));
        assert!(used.matches("\nwhen = ").count() == 2 && used.contains("\n[message]\n"), "{used}");
        assert_eq!(check(&used), Ok(()));
    }
}

#[test]
fn a_new_watcher_reads_well() {
    insta::assert_snapshot!(template::new_watcher("low_stock", "match", Some(&settings())));
}

#[test]
fn the_schema_of_a_watcher_reads_well() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema::watcher()).unwrap());
}

/// A file as an editor's schema validator sees it: TOML's dates are texts there.
fn as_json(text: &str) -> Option<Value> {
    fn json(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(moment) => Value::String(moment.to_string()),
            toml::Value::Array(items) => items.into_iter().map(json).collect(),
            toml::Value::Table(table) => table.into_iter().map(|(name, value)| (name, json(value))).collect(),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    Some(json(toml::Value::Table(toml::from_str(text).ok()?)))
}

/// What the schema has against a file.
fn against(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let json = as_json(text).unwrap();
    validator.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn what_the_reader_takes_the_schema_takes_too() {
    let validator = jsonschema::draft202012::new(&schema::watcher()).unwrap();
    let mut texts: Vec<(String, String)> = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("watchers")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".toml") && !name.ends_with(".test.toml") {
            texts.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(texts.len() >= 11);
    for kind in KINDS {
        let text = template::new_watcher("my_watch", kind, Some(&settings()));
        texts.extend([(format!("new {kind}"), text.clone()), (format!("the whole of new {kind}"), with_optional_lines(&text))]);
    }
    for (name, text) in texts {
        assert_eq!(against(&validator, &text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_schema_of_tests_takes_the_shipped_tests_and_what_update_fills_in() {
    let validator = jsonschema::draft202012::new(&schema::watcher_test()).unwrap();
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("watchers")).unwrap();
    let paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().ends_with(".test.toml")).collect();
    assert!(paths.len() >= 11);
    for path in paths {
        assert_eq!(against(&validator, &std::fs::read_to_string(&path).unwrap()), Vec::<String>::new(), "{}", path.display());
    }
    let poll = |lines: &str| format!("[[test]]\nname = \"one\"\n[[test.poll]]\n{lines}\n");
    for good in ["message.a = \"\"", "message.a = [{ title = \"\" }]", "firing = []\nack = [\"A\"]\nsilence = \"2h\"", "rows.shop_1 = 'a'"]
    {
        assert_eq!(against(&validator, &poll(good)), Vec::<String>::new(), "{good}");
    }
    for wrong in ["row = []", "rows = 5", "events = [5]", "message = \"x\"", "restart = 1", "fails = true", "message.a = { txt = \"x\" }"] {
        assert!(!against(&validator, &poll(wrong)).is_empty(), "{wrong}");
    }
}

/// Wrong files that a schema cannot tell from good ones: they are wrong by what their texts say, by the settings, by the
/// bounds of a duration, or by each other's keys.
const BEYOND_A_SCHEMA: &[&str] = &[
    "an_interval_that_is_too_short",
    "a_timeout_that_is_too_long",
    "a_zone_with_a_slip",
    "a_zone_that_is_none",
    "an_unknown_source_names_the_nearest",
    "a_query_file_that_is_not_there",
    "nobody_is_told",
    "an_unknown_receiver_names_the_nearest",
    "a_condition_that_breaks_off",
    "a_condition_with_a_fault_behind_a_multi_line_query",
    "a_condition_over_several_lines",
    "a_condition_with_escapes",
    "conditions_of_severity_and_notify",
    "what_was_before_in_a_new_watcher",
    "what_was_before_in_a_notify_block",
    "a_query_as_a_condition",
    "a_cron_line_with_a_word_too_many",
    "a_cron_line_out_of_bounds",
    "templates_with_faults",
    "sources_that_match_nothing",
    "a_former_name_that_is_its_own",
    "a_for_that_is_too_long",
    "a_clear_when_with_a_fault",
    "a_cursor_start_without_its_place_in_the_query",
    "a_place_in_the_query_without_a_cursor_start",
    "a_place_in_the_query_without_a_cursor",
    "a_place_of_the_cursor_in_match",
    "an_overlap_of_nothing",
    "a_reconcile_that_is_no_cron_line",
    "columns_of_the_key",
    "an_expect_with_too_few_cells",
    "a_past_of_two_columns",
    "a_chart_with_a_threshold_in_quotes",
    "an_active_with_faults",
    "the_same_step_twice",
];

#[test]
fn what_the_reader_refuses_the_schema_refuses_too_where_it_can() {
    let validator = jsonschema::draft202012::new(&schema::watcher()).unwrap();
    let mut taken = Vec::new();
    for (name, text) in super::wrong_watchers::CASES.iter().filter(|(_, text)| as_json(text).is_some()) {
        let read = parse_watcher("low_stock", Path::new("watchers/low_stock.toml"), text, &settings());
        assert!(read.is_err(), "{name}");
        if against(&validator, text).is_empty() {
            taken.push(*name);
        }
    }
    assert!(super::wrong_watchers::CASES.len() > 120, "{}", super::wrong_watchers::CASES.len());
    assert_eq!(taken, BEYOND_A_SCHEMA);
}

/// Each example of the schema, as TOML, is accepted by the reader.
#[test]
fn each_example_of_the_settings_is_accepted() {
    let variables = environment(&[("ERP_PASSWORD", "x"), ("WAREHOUSE_WEBHOOK", "https://h/?access_token=1"), ("WAREHOUSE_SECRET", "s")]);
    let schema = schema::settings();
    let properties = schema["properties"].as_object().unwrap();
    assert!(properties.len() >= 9);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("calendars")).unwrap();
    for (name, property) in properties {
        let example: toml::Value = serde_json::from_value(property["examples"][0].clone()).unwrap();
        let text = toml::to_string(&toml::Table::from_iter([(name.clone(), example)])).unwrap();
        let result = parse_settings(&folder.path().join("rowbell.toml"), &text, &variables);
        assert!(result.is_ok(), "{text}{}", render_faults(&result.unwrap_err(), false));
    }
}

#[test]
fn every_table_of_the_schemas_is_closed_and_every_key_is_described() {
    fn walk(value: &Value, tables: &mut usize) {
        if let Some(properties) = value.get("properties").and_then(Value::as_object).filter(|_| value.get("type").is_some()) {
            *tables += 1;
            assert_eq!(value["additionalProperties"], Value::Bool(false));
            for (name, property) in properties {
                assert!(property["description"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
            }
        }
        match value {
            Value::Object(entries) => entries.values().for_each(|value| walk(value, tables)),
            Value::Array(items) => items.iter().for_each(|value| walk(value, tables)),
            _ => {}
        }
    }
    for (schema, expected) in [(schema::watcher(), 8), (schema::settings(), 7), (schema::watcher_test(), 6)] {
        let mut tables = 0;
        walk(&schema, &mut tables);
        assert_eq!(tables, expected);
    }
}
