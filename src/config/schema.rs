//! JSON Schema (Draft 2020-12) of the files, for editors: made from the same lists of fields that the reader uses.

use super::field::{Field, Kind, Spec};
use super::reader::MOST_POLLS;
use super::settings::fields::{OF_ONE_TYPE, SETTINGS};
use super::watcher::fields::{ALERT_ON, MEANINGFUL_FOR, WATCHER};
use super::watcher::{LASTING, OWN_PARAMS, STEP};
use super::watcher_test::fields::TESTS;
use serde_json::{Map, Value, json};

/// Keys of which exactly one must be there; the second is asked for when none is.
const EITHER: [(&str, &str); 3] = [("sources", "source"), ("schedule", "every"), ("query_file", "query")];

/// Keys that mean nothing without another.
const NEEDED: [(&str, &str); 7] = [
    ("clear_when", "when"),
    ("max_repeats", "repeat_interval"),
    ("cursor_start", "cursor"),
    ("overlap", "cursor"),
    ("reconcile", "cursor"),
    ("expect", "key"),
    ("expect_query", "key"),
];

/// The schema of `watchers/*.toml`.
///
/// Its rules are written for editors. A key that must not stand there is refused by itself, so that it is marked and not
/// the whole file; `if` is known to old validators, which `dependentRequired` is not; and they stand in a `then`, since
/// taplo, which serves most editors, completes no key of a schema with an `allOf` beside its properties.
pub fn watcher() -> Value {
    let mut schema = document(&WATCHER, false);
    let either = |(one, other): &(&str, &str)| json!({ "if": { "required": [one] }, "then": { "properties": { (*other): false } }, "else": { "required": [other] } });
    let needs = |(key, other): &(&str, &str)| json!({ "if": { "required": [key] }, "then": { "required": [other] } });
    let mut rules: Vec<Value> = EITHER.iter().map(either).chain(NEEDED.iter().map(needs)).collect();
    rules.push(json!({ "if": { "required": ["expect"] }, "then": { "properties": { "expect_query": false } } }));
    let has_past = json!({ "required": ["chart"], "properties": { "chart": { "required": ["value"] } } });
    rules.push(json!({ "if": has_past, "then": { "required": ["key"] } }));
    rules.extend(ALERT_ON.iter().map(|word| kind_rule(word)));
    let tables = &mut schema["properties"];
    tables["key"]["uniqueItems"] = json!(true);
    tables["active"]["minProperties"] = json!(1);
    tables["guard"]["anyOf"] = json!([{ "required": ["vanished"] }, { "required": ["fired"] }]);
    chart_rules(&mut tables["chart"]);
    tables["notify"]["items"]["if"] = json!({ "required": ["unless"] });
    tables["notify"]["items"]["then"] = json!({ "required": ["after"] });
    schema["if"] = json!({ "type": "object" });
    schema["then"] = json!({ "allOf": rules });
    schema
}

/// A chart is of rows, or of the past of a value; what may stand in it hangs on how it is drawn.
fn chart_rules(chart: &mut Value) {
    let is = |kind: &str| json!({ "properties": { "kind": { "const": kind } } });
    chart["properties"]["y"]["anyOf"][1]["uniqueItems"] = json!(true);
    chart["if"] = json!({ "type": "object" });
    chart["then"] = json!({ "allOf": [
        {
            "if": { "required": ["value"] },
            "then": { "properties": { "x": false, "y": false, "sort": false, "limit": false } },
            "else": { "required": ["y"] },
        },
        { "if": is("pie"), "then": { "properties": { "value": false, "threshold": false, "y": { "maxItems": 1 } } } },
        { "if": is("line"), "then": { "properties": { "sort": false, "limit": false } } },
    ] });
}

/// What may stand in a watcher of one kind only, and what it must have.
fn kind_rule(word: &str) -> Value {
    let senseless = MEANINGFUL_FOR.iter().filter(|(_, kinds)| !kinds.contains(&word));
    let senseless: Map<String, Value> = senseless.map(|(key, _)| ((*key).to_owned(), Value::Bool(false))).collect();
    let mut then = json!({ "properties": senseless });
    if matches!(word, "new" | "change" | "report") {
        then["properties"]["chart"] = json!({ "properties": { "value": false } });
    }
    if !LASTING.contains(&word) {
        let step: Map<String, Value> = STEP.iter().map(|key| ((*key).to_owned(), Value::Bool(false))).collect();
        then["properties"]["notify"] = json!({ "items": { "properties": step } });
    }
    if matches!(word, "new" | "change") {
        then["required"] = json!(["key"]);
    }
    // Without the key it is a `match` watcher.
    let this = json!({ "properties": { "alert_on": { "const": word } } });
    let condition =
        if word == "match" { this } else { json!({ "properties": { "alert_on": { "const": word } }, "required": ["alert_on"] }) };
    json!({ "if": condition, "then": then })
}

/// The schema of `watchers/*.test.toml`.
pub fn watcher_test() -> Value {
    document(&TESTS, false)
}

/// The schema of `rowbell.toml`.
pub fn settings() -> Value {
    let mut schema = document(&SETTINGS, true);
    let receiver = &mut schema["properties"]["receivers"]["additionalProperties"];
    let pool = json!({
        "if": { "required": ["robots"] },
        "then": { "properties": { "webhook": false, "secret": false, "keyword": false } },
        "else": { "required": ["webhook"] },
    });
    let without = |kind: &str| -> Map<String, Value> {
        let others = OF_ONE_TYPE.iter().filter(|(other, _)| *other != kind).flat_map(|(_, keys)| keys.iter());
        others.map(|key| ((*key).to_owned(), Value::Bool(false))).collect()
    };
    receiver["if"] = json!({ "properties": { "type": { "const": "dingtalk_app" } }, "required": ["type"] });
    receiver["then"] = json!({
        "properties": without("dingtalk_app"),
        "required": ["client_id", "client_secret"],
        "anyOf": [{ "required": ["users"] }, { "required": ["mobiles"] }, { "required": ["conversations"] }],
        "if": { "properties": { "form": { "const": "work_notification" } }, "required": ["form"] },
        "then": { "required": ["agent_id"] },
    });
    receiver["else"] = json!({ "properties": without("dingtalk_robot"), "allOf": [pool] });
    schema
}

fn document(spec: &'static Spec, variables: bool) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(spec.title));
    if let Value::Object(table) = table(spec, variables) {
        schema.extend(table);
    }
    Value::Object(schema)
}

/// `variables`: whether `${…}` may stand in its strings.
fn table(spec: &'static Spec, variables: bool) -> Value {
    let required: Vec<&str> = spec.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let properties: Map<String, Value> = spec.fields.iter().map(|field| (field.name.to_owned(), property(field, variables))).collect();
    let mut schema = json!({
        "description": spec.doc,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(field: &'static Field, variables: bool) -> Value {
    let mut schema = value(&field.kind, variables);
    schema["description"] = json!(field.doc);
    if let Some(default) = field.default.and_then(as_json) {
        schema["default"] = default;
    }
    if let Some(example) = as_json(field.example) {
        schema["examples"] = json!([example]);
    }
    schema
}

fn value(kind: &'static Kind, variables: bool) -> Value {
    // Not empty, and not only blanks.
    let text = json!({ "type": "string", "pattern": "\\S" });
    let or_variable = |schema: Value| match variables {
        true => json!({ "anyOf": [schema, { "type": "string", "pattern": "\\$\\{.+\\}" }] }),
        false => schema,
    };
    match kind {
        Kind::Text | Kind::Secret | Kind::Zone | Kind::Cron | Kind::Condition | Kind::Template => text,
        Kind::Duration(..) => or_variable(json!({ "type": "string", "pattern": "^\\s*([0-9]+(\\.[0-9]+)?\\s*[A-Za-zµ]+\\s*)+$" })),
        Kind::Span(_) => json!({ "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": MOST_POLLS },
            { "type": "string", "pattern": "^\\s*([0-9]+(\\.[0-9]+)?\\s*[A-Za-zµ]+\\s*)+$" },
        ] }),
        Kind::Share => json!({ "anyOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*%\\s*$" },
        ] }),
        Kind::Scalar => json!({ "type": ["string", "integer"] }),
        Kind::NumberOrText => json!({ "anyOf": [text, { "type": "number" }] }),
        Kind::Values => json!({ "type": "array", "minItems": 1, "items": { "anyOf": [
            { "type": ["string", "integer"] },
            { "type": "array", "minItems": 1, "items": { "type": ["string", "integer"] } },
        ] } }),
        Kind::Params => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": { "enum": OWN_PARAMS } },
            "additionalProperties": { "type": ["string", "number", "boolean"] },
        }),
        Kind::Count(least, most) => or_variable(json!({ "type": "integer", "minimum": least, "maximum": most })),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Word(words) => or_variable(json!({ "type": "string", "enum": words })),
        Kind::Words(words) => json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": words } }),
        Kind::Texts => json!({ "type": "array", "minItems": 1, "items": text }),
        Kind::TextsOrNone => json!({ "type": "array", "items": text }),
        Kind::TextOrTexts => json!({ "anyOf": [text, { "type": "array", "minItems": 1, "items": text }] }),
        Kind::Severity(spec) => json!({ "anyOf": [
            { "type": "string", "enum": ["info", "warning", "critical"] },
            { "type": "array", "minItems": 1, "items": table(spec, variables) },
        ] }),
        Kind::TextOrEmpty => json!({ "type": "string" }),
        Kind::Moment => text,
        Kind::Columns(words) => json!({ "anyOf": [
            { "type": "array", "minItems": 1, "items": text },
            { "type": "object", "additionalProperties": { "type": "string", "enum": words } },
        ] }),
        Kind::Rows => {
            let of_one = json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "object" } }] });
            json!({ "anyOf": [of_one, { "type": "object", "additionalProperties": of_one }] })
        }
        Kind::PerSource => json!({ "anyOf": [text, { "type": "object", "additionalProperties": text }] }),
        Kind::Events(spec) => json!({ "type": "array", "items": { "anyOf": [text, table(spec, variables)] } }),
        Kind::Messages(spec) => {
            let one = json!({ "anyOf": [{ "type": "string" }, table(spec, variables)] });
            json!({ "type": "object", "additionalProperties": { "anyOf": [one, { "type": "array", "items": one }] } })
        }
        Kind::Table(spec) => table(spec, variables),
        Kind::Tables(spec) => json!({ "type": "array", "minItems": 1, "items": table(spec, variables) }),
        Kind::Named(spec) => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[\\p{L}\\p{N}_-]+$" },
            "additionalProperties": table(spec, variables),
        }),
    }
}

/// A TOML value as JSON.
fn as_json(toml: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {toml}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}
