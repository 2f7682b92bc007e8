use super::*;
use crate::config::{Environment, parse_settings, parse_watcher};
use std::path::Path;

/// What is said of a query: the words that are marked, and the beginning of the message.
fn said(alert_on: &str, more: &str, query: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.toml");
    let text = format!("source = 's'\nevery = '1m'\nalert_on = '{alert_on}'\nquery = '''\n{query}'''\n{more}\n");
    std::fs::write(&path, &text).expect("written");
    let settings = "[sources.s]\nurl = 'sqlite://s.db'\n[receivers.r]\ntype = 'dingtalk_robot'\nwebhook = 'https://h/?access_token=1'";
    let settings = parse_settings(Path::new("rowbell.toml"), settings, &Environment::default()).expect("valid settings");
    let watcher = parse_watcher("w", &path, &text, &settings).unwrap_or_else(|faults| panic!("{faults:?}"));
    let lines: Vec<&str> = text.lines().collect();
    let marked = |fault: &Fault| {
        let (line, column) = (fault.line().expect("a line"), fault.column().expect("a column"));
        lines[line - 1].chars().skip(column - 1).take(8).collect::<String>()
    };
    let warnings = warnings(&watcher, Dialect::Sqlite, &WatcherText::read(&path).expect("read"));
    warnings.iter().map(|fault| (marked(fault), fault.message.chars().take(34).collect())).collect()
}

#[track_caller]
fn assert_says(alert_on: &str, more: &str, query: &str, expected: &[(&str, &str)]) {
    let said = said(alert_on, more, query);
    let said: Vec<(&str, &str)> = said.iter().map(|(marked, message)| (marked.as_str(), message.as_str())).collect();
    assert_eq!(said, expected, "{query}");
}

const AT_RANDOM: &str = "without `order by`, which rows the";
const KEY: &str = "key = ['id']";

#[test]
fn a_limit_without_an_order_cuts_at_random() {
    for query in [
        "select id from t limit 10",
        "select id\nfrom t fetch first 5 rows only",
        "with a as (select 1 order by 1) select id from a limit 1",
    ] {
        assert_eq!(said("match", KEY, query).iter().map(|(_, message)| message.as_str()).collect::<Vec<_>>(), [AT_RANDOM], "{query}");
    }
    for query in [
        "select id from t order by id limit 10",
        "select id, (select x from u limit 1) from t",
        "select id from (select id from t limit 3) as a",
        "select 'limit 5' from t -- limit 7",
        "select id from t limit all",
        "select \"limit\" from t",
    ] {
        assert_says("match", KEY, query, &[]);
    }
}

#[test]
fn where_any_row_will_do_a_limit_needs_no_order() {
    assert_says("match", "", "select 1 from t limit 1", &[]);
    assert_says("missing", "", "select 1 from t limit 1", &[]);
    assert_says("report", "", "select 1 from t limit 1", &[("limit 1'", AT_RANDOM)]);
}

#[test]
fn a_limit_behind_a_cursor_loses_rows() {
    let more = "key = ['id']\ncursor = 'id'";
    assert_says("new", more, "select id from t order by id limit 10", &[("limit 10", "the limit is applied before the cu")]);
    let by_hand = "key = ['id']\ncursor = 'id'\ncursor_start = 0";
    let query = "select id from t where id >= :cursor order by id limit 10";
    assert_says("new", by_hand, query, &[("limit 10", "a limit keeps the cursor back: wha")]);
    assert_says("new", by_hand, "select id from t where id >= :cursor group by id order by x", &[]);
}

#[test]
fn what_is_computed_as_a_whole_gains_nothing_from_a_cursor() {
    let more = "key = ['id']\ncursor = 'id'";
    for (query, marked) in [
        ("select id, sum(x) from t group by id", "group by"),
        ("select distinct id from t", "distinct"),
        ("select id from t union select id from u", "union se"),
    ] {
        assert_eq!(said("new", more, query).iter().map(|(marked, _)| marked.as_str()).collect::<Vec<_>>(), [marked], "{query}");
    }
    assert_says("new", more, "select id from t order by created_at", &[("order by", "an order by another column than th")]);
    for query in [
        "select id from t order by t.ID desc",
        "select id from t order by \"id\"",
        "select id, count(distinct x) over (partition by y order by z) from t where a is distinct from b",
        "select id from t union all select id from u",
    ] {
        assert_says("new", more, query, &[]);
    }
}

#[test]
fn a_watched_column_that_is_computed_from_the_clock_is_told() {
    for (query, marked) in [
        ("select id, julianday('now') - made as age from t", "'now') -"),
        ("select id, now() - made age from t", "now() - "),
        ("select id, current_timestamp as at from t", "current_"),
        ("select id, :now as at from t", ":now as "),
        ("select id, coalesce(a, random()) from t", "random()"),
    ] {
        assert_eq!(said("change", KEY, query).iter().map(|(marked, _)| marked.as_str()).collect::<Vec<_>>(), [marked], "{query}");
    }
    for query in [
        "select id, status from t where made > now()",
        "select id, now as x, 'now' as y from t",
        "select id, (case when a > 1 then 2 end) from t",
        "select now() as id, status from t",
    ] {
        assert_says("change", KEY, query, &[]);
    }
    let columns = "key = ['id']\ncolumns = ['status']";
    assert_says("change", columns, "select id, status, now() as read_at from t", &[]);
    assert_says("match", KEY, "select id, now() as read_at from t", &[]);
}

#[test]
fn a_parameter_that_no_query_names_is_told() {
    let more = "key = ['id']\nparams = { a = 1, b = 2 }";
    assert_says("match", more, "select id, ':b' as x from t where n > :a", &[("2 }", "the query does not use `:b`")]);
    let expected = "key = ['id']\nexpect_query = 'select id from u where n > :b'\nparams = { b = 2 }";
    assert_says("missing", expected, "select id from t", &[]);
}
