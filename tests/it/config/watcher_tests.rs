//! Files of tests: what good ones say, and wrong ones with all that a person reads of them.

use rowbell::config::watcher_test::{TestPoll, WatcherTests, load_watcher_tests, new_watcher_test, parse_watcher_tests};
use rowbell::config::{Environment, parse_settings, render_faults};
use rowbell::domain::row::Row;
use rowbell::domain::watcher::AlertOn;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A watcher on one source, polled every five minutes.
const STOCK: &str = "source = \"anywhere\"\nevery = \"5m\"\ntimezone = \"Asia/Shanghai\"\nkey = [\"sku\"]\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"someone\"]\n";
/// One on several, at nine each day.
const SHOPS: &str = "sources = [\"shop_*\"]\nschedule = \"0 9 * * *\"\ntimezone = \"Asia/Shanghai\"\nkey = [\"sku\"]\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"someone\"]\n";

/// The faults of a file of tests, or `no fault`.
fn faults(watcher: &str, text: &str) -> String {
    match read(watcher, text) {
        Ok(_) => "no fault".to_owned(),
        Err(text) => text,
    }
}

fn read(watcher: &str, text: &str) -> Result<WatcherTests, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stock.toml"), watcher).unwrap();
    let tests = parse_watcher_tests("stock", &folder.path().join("stock.test.toml"), text, &super::settings());
    tests.map_err(|faults| render_faults(&faults, false).replace(&folder.path().display().to_string(), "watchers"))
}

fn good(watcher: &str, text: &str) -> WatcherTests {
    read(watcher, text).unwrap_or_else(|faults| panic!("{faults}"))
}

macro_rules! wrong {
    ($($name:ident: $watcher:expr, $text:expr;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(faults($watcher, $text));
        }
    )+};
}

/// A test with one poll, whose lines are a case's.
macro_rules! poll {
    ($lines:literal) => {
        concat!("[[test]]\nname = \"one\"\n[[test.poll]]\n", $lines, "\n")
    };
}

wrong! {
    an_empty_file_of_tests: STOCK, "";
    a_test_without_a_name_and_polls: STOCK, "[[test]]\n";
    a_misspelt_key_of_a_poll: STOCK, poll!("row = []");
    a_key_that_belongs_to_the_file: STOCK, poll!("rows = []\nlanguage = \"en\"");
    a_first_poll_without_rows: STOCK, poll!("events = []");
    no_row_tells_the_columns: STOCK, poll!("rows = []");
    rows_that_are_a_number: STOCK, poll!("rows = 3");
    a_row_that_is_a_text: STOCK, poll!("rows = [\"A\"]");
    a_row_that_leaves_a_column_out: STOCK, poll!("rows = [{ sku = \"A\", stock = 3 }, { sku = \"B\" }]");
    a_row_with_a_misspelt_column: STOCK, poll!("rows = [{ sku = \"A\", stock = 3 }, { sku = \"B\", stok = 4, stock = 4 }]");
    a_column_of_two_types: STOCK, poll!("rows = [{ sku = \"A\", stock = 3 }, { sku = \"B\", stock = \"4\" }]");
    a_value_that_no_column_holds: STOCK, poll!("rows = [{ sku = \"A\", tags = [\"x\"] }]");
    a_name_in_chinese_without_quotes: STOCK, poll!("rows = [{ 编号 = 5 }]");
    a_text_with_a_cell_too_many: STOCK, poll!("rows = '''\nsku | stock\nA   | 3 | 4\n'''");
    a_text_with_an_empty_cell: STOCK, poll!("rows = '''\nsku | stock\nA   |\n'''");
    a_text_without_rows: STOCK, poll!("rows = ''' '''");
    a_column_that_columns_does_not_name: STOCK, concat!("columns = [\"sku\", \"stock\"]\n", poll!("rows = [{ sku = \"A\", stok = 3 }]"));
    a_column_of_an_unknown_kind: STOCK, concat!("columns = { sku = \"text\", stock = \"integer\" }\n", poll!("rows = []"));
    a_value_that_is_not_what_columns_says: STOCK, concat!("columns = { sku = \"text\", stock = \"number\" }\n", poll!("rows = [{ sku = \"A\", stock = \"few\" }]"));
    a_time_that_is_none: STOCK, poll!("rows = [{ sku = 1 }]\nat = \"noon\"");
    a_time_before_the_start: STOCK, poll!("rows = [{ sku = 1 }]\nat = \"2026-11-23 08:59\"");
    a_poll_that_is_not_after_the_one_before: STOCK, poll!("rows = [{ sku = 1 }]\nat = \"10:00\"\n[[test.poll]]\nat = \"2026-11-23 10:00\"");
    at_and_after_together: STOCK, poll!("rows = [{ sku = 1 }]\nat = \"10:00\"\nafter = \"5m\"");
    an_event_that_is_none: STOCK, poll!("rows = [{ sku = 1 }]\nevents = [\"fird 1\"]");
    events_without_brackets: STOCK, poll!("rows = [{ sku = 1 }]\nevents = \"fired 1\"");
    an_event_as_a_table_with_faults: STOCK, poll!("rows = [{ sku = 1 }]\nevents = [{ key = \"1\", severity = \"bad\" }]");
    a_message_without_a_receiver: STOCK, poll!("rows = [{ sku = 1 }]\nmessage = \"text\"");
    a_message_of_which_nothing_is_expected: STOCK, poll!("rows = [{ sku = 1 }]\nmessage.duty = {}");
    a_way_to_fail_that_is_none: STOCK, poll!("fails = \"time out\"");
    rows_of_a_query_that_is_not_there: STOCK, poll!("rows = [{ sku = 1 }]\nexpect_rows = [{ sku = 1 }]");
    rows_by_source_for_a_watcher_of_one: STOCK, poll!("rows.shop_1 = [{ sku = 1 }]");
    rows_without_a_source_for_a_watcher_of_several: SHOPS, concat!(poll!("rows.shop_1 = [{ sku = 1 }]"), "[[test.poll]]\nrows = []\n");
    no_source_for_a_watcher_of_several: SHOPS, poll!("rows = [{ sku = 1 }]");
    a_source_that_the_watcher_does_not_read: SHOPS, poll!("rows.shop_1 = [{ sku = 1 }]\nrows.erp = [{ sku = 1 }]");
    a_source_whose_first_rows_are_missing: SHOPS, concat!(poll!("rows.shop_1 = [{ sku = 1 }]"), "[[test.poll]]\nrows.shop_2 = []\n");
    a_watcher_with_faults: "source = \"erp\"\nevry = \"5m\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n", poll!("rows = []");
}

#[test]
fn tests_of_a_watcher_that_is_not_there_say_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stok.test.toml");
    std::fs::write(&path, "[[test]]\n").unwrap();
    let faults = load_watcher_tests(&path, &super::settings()).tests.unwrap_err();
    assert!(faults.iter().any(|fault| fault.message.contains("there is no watcher `stok` beside it")), "{faults:?}");
}

fn polls(tests: &WatcherTests) -> &[TestPoll] {
    &tests.tests[0].polls
}

fn times(tests: &WatcherTests) -> Vec<String> {
    let shown = |poll: &TestPoll| poll.at.with_timezone(&tests.watcher.timezone).format("%m-%d %H:%M:%S").to_string();
    polls(tests).iter().map(shown).collect()
}

#[test]
fn polls_are_made_in_the_watchers_slots_or_when_they_say() {
    let poll = |lines: &str| format!("[[test.poll]]\n{lines}\n");
    let test = |polls: &[&str]| format!("[[test]]\nname = \"one\"\n{}", polls.iter().map(|lines| poll(lines)).collect::<String>());
    let first = "rows = [{ sku = 1 }]";
    let every = good(STOCK, &test(&[first, "", "after = \"90s\"", "at = \"09:30\"", "at = 09:30:00", "at = 2026-11-26 12:00:00", ""]));
    assert_eq!(
        times(&every),
        ["11-23 09:00:00", "11-23 09:05:00", "11-23 09:06:30", "11-23 09:30:00", "11-24 09:30:00", "11-26 12:00:00", "11-26 12:05:00"]
    );
    let cron = STOCK.replace("every = \"5m\"", "schedule = \"0 9 * * *\"");
    assert_eq!(times(&good(&cron, &test(&[first, ""]))), ["11-23 09:00:00", "11-24 09:00:00"]);
    let later = format!("start = \"2026-11-23 09:00:01\"\n{}", test(&[first]));
    assert_eq!(times(&good(&cron, &later)), ["11-24 09:00:00"]);
    let other_zone = "start = \"2026-11-23T09:00:00Z\"\n[[test]]\nname = \"one\"\n[[test.poll]]\nrows = [{ sku = 1 }]\n";
    assert_eq!(times(&good(STOCK, other_zone)), ["11-23 17:00:00"]);
}

#[test]
fn a_test_may_begin_at_a_time_of_its_own_and_the_zone_may_be_said() {
    let text = "start = \"2026-01-01\"\ntimezone = \"Europe/Berlin\"\n[[test]]\nname = \"one\"\nstart = \"2026-02-02 08:00\"\n[[test.poll]]\nrows = [{ sku = 1 }]\n";
    let tests = good(&STOCK.replace("timezone = \"Asia/Shanghai\"\n", ""), text);
    assert_eq!(tests.tests[0].start.to_rfc3339(), "2026-02-02T07:00:00+00:00");
    assert_eq!(tests.timezone, chrono_tz::Europe::Berlin);
}

/// Kinds and texts: `n1.50`, `t`, `0`.
fn cells(row: &Row) -> Vec<String> {
    (0..row.len()).map(|at| format!("{}{}", row.kind(at).code(), row.text(at).unwrap_or_default())).collect()
}

fn rows(tests: &WatcherTests) -> Vec<Vec<String>> {
    polls(tests)[0].reads.values().flat_map(|read| &read.rows.rows).map(cells).collect()
}

#[test]
fn every_value_is_what_a_database_would_hold() {
    let text = poll!(
        "rows = [{ sku = \"A\", a = 18446744073709551615, b = 1.50, c = -1_000.00, d = [], e = true, f = 2026-11-23, g = 2026-11-23 09:00:00.5, h = 2026-11-23T09:00:00+08:00, i = 09:00:00, j = \"1.50\", k = inf, l = 1e3 }]"
    );
    let expected = [
        "tA",
        "n18446744073709551615",
        "n1.50",
        "n-1000.00",
        "0",
        "btrue",
        "d2026-11-23",
        "w2026-11-23 09:00:00.5",
        "z2026-11-23 09:00:00+08:00",
        "h09:00:00",
        "t1.50",
        "fInfinity",
        "n1e3",
    ];
    assert_eq!(rows(&good(STOCK, text)), [expected]);
}

#[test]
fn what_a_text_holds_is_what_all_of_a_column_can_be_read_as() {
    let text = poll!(
        "rows = '''\nsku | a | b | c | d | e | f | g\n1 | 1.50 | 007 | 2026-11-23 | 2026-11-23 09:00 | true | 1 | '1'\nA-2 | NULL | 17 | 2026-11-24 | null | false | x | 2\n'''"
    );
    let rows = rows(&good(STOCK, text));
    assert_eq!(rows[0], ["t1", "n1.50", "t007", "d2026-11-23", "w2026-11-23 09:00:00", "btrue", "t1", "t1"]);
    assert_eq!(rows[1], ["tA-2", "0", "t17", "d2026-11-24", "0", "bfalse", "tx", "t2"]);
}

#[test]
fn columns_say_what_there_is_and_what_it_holds() {
    let text = concat!(
        "columns = { sku = \"text\", price = \"number\", at = \"timestamp\", data = \"json\", ok = \"boolean\", raw = \"bytes\", took = \"interval\", no = \"other\" }\n",
        poll!(
            "rows = [{ price = \"12345678901234567890.123456789\", sku = 17, at = \"2026-11-23T09:00\", data = '{\"a\": 1}', raw = \"00ff\", took = \"PT1H\", no = \"(1,2)\", ok = true }, {}]"
        )
    );
    let tests = good(STOCK, text);
    let rows = rows(&tests);
    assert_eq!(
        rows[0],
        ["t17", "n12345678901234567890.123456789", "w2026-11-23 09:00:00", "j{\"a\": 1}", "btrue", "x00ff", "iPT1H", "o(1,2)"]
    );
    assert_eq!(rows[1], ["0"; 8]);
    // Without kinds each value is what it is written as.
    let any = concat!("columns = [\"sku\", \"b\"]\n", poll!("rows = [{ b = 1 }, { sku = 5, b = \"x\" }]"));
    assert_eq!(self::rows(&good(STOCK, any)), [["0", "n1"], ["n5", "tx"]]);
}

#[test]
fn rows_that_are_not_given_are_those_of_the_last_poll_that_was_read_whole() {
    let text = concat!(
        poll!("rows = [{ sku = \"A\" }]"),
        "[[test.poll]]\n[[test.poll]]\nfails = \"interrupted: cut\"\nrows = [{ sku = \"B\" }]\n[[test.poll]]\nfails = \"timeout\"\n[[test.poll]]\n[[test.poll]]\nrows = []\n"
    );
    let tests = good(STOCK, text);
    let shown = polls(&tests).iter().map(|poll| {
        let read = &poll.reads["anywhere"];
        let failure = read.failure.as_ref().map(|(word, message)| format!("{word}: {message}")).unwrap_or_default();
        assert_eq!(read.rows.columns.names(), ["sku"]);
        format!("{:?} {failure}", read.rows.rows.iter().map(cells).collect::<Vec<_>>())
    });
    let expected = ["[[\"tA\"]] ", "[[\"tA\"]] ", "[[\"tB\"]] interrupted: cut", "[] timeout: it fails in this test", "[[\"tA\"]] ", "[] "];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn of_several_sources_those_are_read_that_the_tests_name() {
    let text = concat!(poll!("rows.shop_2 = [{ sku = 1 }]\nfails.shop_1 = \"connect\""), "[[test.poll]]\nrows.shop_1 = []\n");
    let tests = good(SHOPS, text);
    assert_eq!(tests.watcher.sources, ["shop_1", "shop_2"]);
    assert_eq!(polls(&tests)[1].reads["shop_2"].rows.rows.len(), 1);
    // Also where the settings know others.
    let settings = "[sources.shop_9]\nurl = \"${NOT_SET}\"\n[receivers.r]\ntype = \"dingtalk_robot\"\nwebhook = \"${NOT_SET}\"\n";
    let names_only = Environment { names_only: true, ..Environment::default() };
    let settings = parse_settings(Path::new("rowbell.toml"), settings, &names_only).unwrap();
    assert!(settings.sources.contains_key("shop_9") && settings.receivers.contains_key("r"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("stock.toml"), SHOPS).unwrap();
    let tests = parse_watcher_tests("stock", &folder.path().join("stock.test.toml"), text, &settings).unwrap();
    assert_eq!(tests.watcher.sources, ["shop_1", "shop_2"]);
}

#[test]
fn events_are_read_from_a_text_or_a_table() {
    let text = poll!(
        "rows = [{ sku = 1 }]\nevents = [\"fired a b [x] [critical]\", \"resolved\", \"fired A [x]\", { event = \"report\", receivers = [], reason = \"3 rows\" }]\nerror = \"x\"\nwarnings = [\"y\", \"z\"]"
    );
    let tests = good(STOCK, text);
    let expected = &polls(&tests)[0].expected;
    let shown = expected.events.iter().map(|event| (event.kind.as_str(), event.key.as_deref(), event.severity.map(|level| level.as_str())));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            ("fired", Some("a b [x]"), Some("critical")),
            ("resolved", Some(""), None),
            ("fired", Some("A [x]"), None),
            ("report", None, None)
        ]
    );
    assert_eq!((&expected.events[3].receivers, expected.events[3].reason.as_deref()), (&Some(Vec::new()), Some("3 rows")));
    assert_eq!((expected.error.len(), expected.warnings.len(), expected.lines["events"]), (1, 2, 5));
}

/// A watcher with the conditions and columns that a new file of tests is made of.
fn watcher_of(kind: &str) -> String {
    let more = match kind {
        "match" => "when = \"stock < 5 and shop <> 'x'\"\n",
        "change" => "columns = [\"price\"]\n",
        "missing" => "expect_query = \"select 'A'\"\n",
        "report" => "sum = [\"amount\"]\n",
        _ => "cursor = \"id\"\n",
    };
    let key = if kind == "report" { "" } else { "key = [\"sku\", \"商品\"]\n" };
    format!("source = \"a\"\nevery = \"5m\"\nalert_on = \"{kind}\"\n{key}query = \"select 1\"\n{more}[[notify]]\nreceivers = [\"b\"]\n")
}

#[test]
fn a_new_file_of_tests_is_valid_and_names_the_watchers_columns() {
    let settings = parse_settings(Path::new("rowbell.toml"), "", &Environment::default()).unwrap();
    for (kind, columns) in [
        ("match", &["sku", "商品", "stock", "shop"][..]),
        ("new", &["sku", "商品", "id"]),
        ("change", &["sku", "商品", "price"]),
        ("missing", &["sku", "商品"]),
        ("report", &["amount"]),
    ] {
        let folder: TempDir = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.toml"), watcher_of(kind)).unwrap();
        let path = folder.path().join("w.test.toml");
        let text = new_watcher_test("w", &path, &settings);
        let tests =
            parse_watcher_tests("w", &path, &text, &settings).unwrap_or_else(|faults| panic!("{}\n{text}", render_faults(&faults, false)));
        let read = &tests.tests[0].polls.last().unwrap().reads["a"];
        assert_eq!(read.rows.columns.names(), columns, "{text}");
        assert_eq!(read.expect_rows.is_some(), kind == "missing");
    }
}

#[test]
fn a_new_file_of_tests_reads_well() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("low_stock.toml"), STOCK.replace("query =", "when = \"stock < 5\"\nquery =")).unwrap();
    insta::assert_snapshot!(new_watcher_test("low_stock", &folder.path().join("low_stock.test.toml"), &super::settings()));
}

#[test]
fn a_span_of_years_is_a_mistake_and_a_moment_is_not() {
    let tests = good(STOCK, concat!(poll!("rows = [{ sku = 1 }]"), "[[test.poll]]\nafter = \"1ms\"\n"));
    assert_eq!((polls(&tests)[1].at - polls(&tests)[0].at).to_std().unwrap(), Duration::from_millis(1));
    assert!(faults(STOCK, concat!(poll!("rows = [{ sku = 1 }]"), "[[test.poll]]\nafter = \"11y\"\n")).contains("must be between"));
    assert!(matches!(tests.watcher.alert_on, AlertOn::Match));
}
