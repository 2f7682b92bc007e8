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

#[test]
fn each_optional_line_of_a_new_watcher_may_be_used() {
    for kind in KINDS {
        let text = template::new_watcher("my_watch", kind, Some(&settings()));
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
    for (schema, expected) in [(schema::watcher(), 7), (schema::settings(), 5), (schema::watcher_test(), 6)] {
        let mut tables = 0;
        walk(&schema, &mut tables);
        assert_eq!(tables, expected);
    }
}
