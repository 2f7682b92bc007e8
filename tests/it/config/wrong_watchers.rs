//! Wrong watcher files, each with all that a person reads of it.

use rowbell::config::{load_watchers, parse_watcher, render_faults};
use std::path::Path;

fn faults_of(name: &str, text: &str) -> String {
    let path = format!("watchers/{name}.toml");
    match parse_watcher(name, Path::new(&path), text, &super::settings()) {
        Ok(_) => "no fault".to_owned(),
        Err(faults) => render_faults(&faults, false),
    }
}

macro_rules! wrong {
    ($($name:ident: $text:expr;)+) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(faults_of("low_stock", $text));
            }
        )+

        /// Every case by its name: the JSON Schema is held against them too.
        pub(super) const CASES: &[(&str, &str)] = &[$((stringify!($name), $text)),+];
    };
}

/// What a watcher needs, but for the lines of a case.
macro_rules! with {
    ($lines:literal) => {
        concat!("source = \"erp\"\nevery = \"5m\"\nquery = \"select 1\"\n", $lines, "\n[[notify]]\nreceivers = [\"duty\"]\n")
    };
}

wrong! {
    a_misspelt_key_names_the_nearest: with!("repeat_intervall = \"4h\"");
    an_unknown_key_lists_what_is_known: with!("colour = \"red\"");
    a_chart_that_is_no_table_and_one_in_the_message: with!("chart = \"line\"\n[message]\nchart = \"line\"");
    a_misspelt_alert_on: with!("alert_on = \"mach\"");
    an_empty_file: "";
    a_file_of_comments: "# source = \"erp\"\n";
    not_toml_at_all: "hello world\n";
    a_missing_value: with!("description =");
    text_without_quotes: with!("severity = warning");
    a_string_that_never_ends: "source = \"erp\"\nquery = '''\nselect 1\nevery = \"5m\"\n";
    a_key_that_stands_twice: with!("source = \"shop\"");
    syntax_and_meaning_are_told_together: with!("description = \nseverty = \"info\"\nmax_rows = 0");
    a_bare_number_is_no_duration: "source = \"erp\"\nevery = 30\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_duration_without_a_unit: with!("timeout = \"30\"");
    a_duration_in_words: with!("repeat_interval = \"ten minutes\"");
    an_interval_that_is_too_short: "source = \"erp\"\nevery = \"100ms\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_timeout_that_is_too_long: with!("timeout = \"2h\"");
    a_number_in_quotes: with!("max_rows = \"5\"");
    a_number_out_of_bounds: with!("failures_before_alert = 0");
    a_number_with_a_fraction: with!("max_rows = 1.5");
    a_boolean_in_quotes: with!("send_resolved = \"false\"");
    a_zone_with_a_slip: with!("timezone = \"Asia/Shangai\"");
    a_zone_that_is_none: with!("timezone = \"CST8\"");
    an_unknown_source_names_the_nearest: "source = \"epr\"\nevery = \"5m\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    schedule_and_every_together: with!("schedule = \"*/5 * * * *\"");
    neither_schedule_nor_every: "source = \"erp\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    query_and_query_file_together: with!("query_file = \"low_stock.sql\"");
    a_query_file_that_is_not_there: "source = \"erp\"\nevery = \"5m\"\nquery_file = \"no_such.sql\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    an_empty_query: "source = \"erp\"\nevery = \"5m\"\nquery = '''\n  '''\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_new_watcher_without_a_key: with!("alert_on = \"new\"");
    a_change_watcher_without_a_key: with!("alert_on = \"change\"");
    a_repeat_interval_for_new: with!("alert_on = \"new\"\nkey = [\"id\"]\nrepeat_interval = \"4h\"");
    a_first_poll_for_match: with!("first_poll = \"alert\"");
    a_key_that_is_no_array: with!("key = \"sku\"");
    a_key_without_columns: with!("key = []");
    a_column_that_stands_twice: with!("key = [\"sku\", \"shop\", \"sku\"]");
    an_empty_column_and_a_number: with!("key = [\"\", 5]");
    an_unknown_severity: with!("severity = \"critcal\"");
    a_severity_that_is_a_number: with!("severity = 3");
    severity_cases_with_faults: with!("severity = [\n  { level = \"info\" },\n  { when = \"a = 1\", levl = \"critical\" },\n]");
    no_severity_case: with!("severity = []");
    nobody_is_told: "source = \"erp\"\nevery = \"5m\"\nquery = \"select 1\"\n";
    a_block_without_receivers: with!("[[notify]]\nmention = [\"all\"]");
    a_block_with_no_one_in_it: with!("[[notify]]\nreceivers = []");
    an_unknown_receiver_names_the_nearest: with!("[[notify]]\nreceivers = [\"duty\", \"warehose\"]");
    a_phone_number_without_quotes: with!("[[notify]]\nreceivers = [\"duty\"]\nmention = [13800000000]");
    notify_with_one_bracket: "source = \"erp\"\nevery = \"5m\"\nquery = \"select 1\"\n[notify]\nreceivers = [\"duty\"]\n";
    a_key_that_slipped_below_a_header: with!("[message]\ntitle = \"库存\"\nseverity = \"critical\"");
    a_message_that_is_text: with!("message = \"库存不足\"");
    buttons_with_faults: with!("[message]\nbuttons = [{ title = \"打开\" }, { title = \"\", url = \"erp.example/{{ key.sku }}\" }]");
    a_fault_behind_wide_characters: with!("key = [\"库存\", 5]");
    a_condition_that_breaks_off: with!("when = \"stock <\"");
    a_condition_with_a_fault_behind_a_multi_line_query: "source = \"erp\"\nevery = \"5m\"\nkey = [\"sku\"]\nquery = '''\n  select sku, name, stock\n  from products\n'''\nwhen = \"name = '库存' and stock => 100\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_condition_over_several_lines: with!("when = '''\n  stock < 100\n  and nmae like like 'x'\n'''");
    a_condition_with_escapes: with!("when = \"\\\"库 存\\\" = 'a\\tb' and and 1 = 1\"");
    conditions_of_severity_and_notify: with!("severity = [{ when = \"stock = = 0\", level = \"critical\" }]\n[[notify]]\nwhen = \"severity == \"\nreceivers = [\"duty\"]");
    what_was_before_in_a_new_watcher: with!("alert_on = \"new\"\nkey = [\"id\"]\nwhen = \"price > previous.price * 2\"");
    what_was_before_in_a_notify_block: with!("[[notify]]\nwhen = \"price > previous.price\"\nreceivers = [\"duty\"]");
    a_query_as_a_condition: with!("when = \"sku in (select sku from stock)\"");
    a_cron_line_with_a_word_too_many: "source = \"erp\"\nschedule = \"*/5 * * * * * *\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_cron_line_out_of_bounds: "source = \"erp\"\nschedule = \"0 25 * * *\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    templates_with_faults: with!("[message]\ntitle = \"{{ events | lenght }}\"\nbody = '''\n# 库存\n{% for event in events %}\n- {{ event.row.name }\n{% endfor %}\n'''");
    no_sources: "sources = []\nevery = \"5m\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    sources_that_match_nothing: "sources = [\"shop_*\", \"erq\"]\nevery = \"5m\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    source_and_sources_together: with!("sources = [\"shop\"]");
    a_former_name_that_is_its_own: with!("formerly = \"low_stock\"");
    a_for_of_new: with!("alert_on = \"new\"\nkey = [\"id\"]\nfor = \"10m\"");
    a_for_in_words: with!("for = \"a while\"");
    a_for_of_no_polls: with!("for = 0");
    a_for_with_a_fraction: with!("for = 1.5");
    a_for_that_is_too_long: with!("for = \"400d\"");
    a_keep_firing_for_of_a_report: with!("alert_on = \"report\"\nkeep_firing_for = 3");
    a_keep_firing_for_of_too_many_polls: with!("keep_firing_for = 20_000");
    a_clear_when_of_new: with!("alert_on = \"new\"\nkey = [\"id\"]\nwhen = \"stock < 100\"\nclear_when = \"stock >= 120\"");
    a_clear_when_without_a_when: with!("clear_when = \"stock >= 120\"");
    a_clear_when_with_a_fault: with!("when = \"stock < 100\"\nclear_when = \"stock => 120\"");
    max_repeats_without_a_repeat_interval: with!("max_repeats = 3");
    max_repeats_of_none: with!("repeat_interval = \"4h\"\nmax_repeats = 0");
    a_first_poll_with_a_wrong_word: with!("alert_on = \"new\"\nkey = [\"id\"]\nfirst_poll = \"alerts\"");
    a_cursor_for_match: with!("cursor = \"id\"");
    a_cursor_without_a_key: with!("alert_on = \"new\"\ncursor = \"id\"");
    a_cursor_of_several_columns: with!("alert_on = \"new\"\nkey = [\"id\"]\ncursor = [\"day\", \"id\"]");
    a_cursor_start_without_its_place_in_the_query: with!("alert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\ncursor_start = 0");
    a_place_in_the_query_without_a_cursor_start: "source = \"erp\"\nevery = \"5m\"\nalert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\nquery = \"select id from orders where id >= :cursor\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_place_in_the_query_without_a_cursor: "source = \"erp\"\nevery = \"5m\"\nalert_on = \"new\"\nkey = [\"id\"]\nquery = \"select id from orders where id >= :cursor\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_place_of_the_cursor_in_match: "source = \"erp\"\nevery = \"5m\"\nquery = \"select id from orders where id >= :cursor\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_cursor_start_that_is_true: "source = \"erp\"\nevery = \"5m\"\nalert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\ncursor_start = true\nquery = \"select id from orders where id >= :cursor\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    what_belongs_to_a_cursor_without_one: with!("alert_on = \"new\"\nkey = [\"id\"]\ncursor_start = 0\noverlap = \"10m\"\nreconcile = \"30 3 * * *\"");
    an_overlap_of_nothing: with!("alert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\noverlap = \"0s\"");
    a_reconcile_that_is_no_cron_line: with!("alert_on = \"new\"\nkey = [\"id\"]\ncursor = \"id\"\nreconcile = \"every night\"");
    columns_for_match: with!("columns = [\"status\"]");
    columns_of_the_key: with!("alert_on = \"change\"\nkey = [\"id\"]\ncolumns = [\"status\", \"id\"]");
    no_columns: with!("alert_on = \"change\"\nkey = [\"id\"]\ncolumns = []");
    rows_with_a_wrong_word: with!("alert_on = \"change\"\nkey = [\"id\"]\nrows = [\"add\", \"remove\", \"updated\"]");
    no_rows: with!("alert_on = \"change\"\nkey = [\"id\"]\nrows = []");
    an_expect_for_match: with!("expect = [\"shop1\"]");
    an_expect_without_a_key: with!("alert_on = \"missing\"\nexpect = [\"shop1\"]");
    an_expect_query_without_a_key: with!("alert_on = \"missing\"\nexpect_query = \"select shop from shops\"");
    expect_and_expect_query_together: with!("alert_on = \"missing\"\nkey = [\"shop\"]\nexpect = [\"shop1\"]\nexpect_query = \"select shop from shops\"");
    an_expect_with_too_few_cells: with!("alert_on = \"missing\"\nkey = [\"country\", \"shop\"]\nexpect = [[\"cn\", \"shop1\"], \"shop2\", [\"cn\"]]");
    an_expect_of_a_fraction: with!("alert_on = \"missing\"\nkey = [\"shop\"]\nexpect = [1.5, true]");
    an_expect_of_nothing: with!("alert_on = \"missing\"\nkey = [\"shop\"]\nexpect = []");
    an_expect_that_is_text: with!("alert_on = \"missing\"\nkey = [\"shop\"]\nexpect = \"shop1\"");
    an_empty_expect_query: with!("alert_on = \"missing\"\nkey = [\"shop\"]\nexpect_query = \" \"");
    a_sum_for_match: with!("sum = [\"amount\"]");
    no_sum: with!("alert_on = \"report\"\nsum = []");
    a_send_empty_for_new: with!("alert_on = \"new\"\nkey = [\"id\"]\nsend_empty = false");
    a_send_empty_in_quotes: with!("alert_on = \"report\"\nsend_empty = \"no\"");
    a_guard_of_nothing: with!("guard = {}");
    a_guard_that_is_a_number: with!("guard = 50");
    a_guard_without_a_percent_sign: with!("guard = { vanished = \"50\" }");
    a_guard_below_nothing: with!("guard = { vanished = \"-1%\", fired = -1 }");
    a_guard_that_one_poll_confirms: with!("guard = { fired = 500, polls = 1 }");
    a_guard_of_a_report: with!("alert_on = \"report\"\nguard = { fired = 500 }");
    a_misspelt_key_of_a_guard: with!("[guard]\nvanish = \"50%\"");
    a_chart_of_an_unknown_kind: with!("[chart]\nkind = \"lines\"\nx = \"sku\"\ny = \"stock\"");
    a_chart_without_its_columns: with!("[chart]\nkind = \"bar\"");
    a_chart_with_misspelt_keys: with!("[chart]\nkind = \"bar\"\nxs = \"sku\"\ny = \"stock\"\ntreshold = 5");
    a_chart_of_what_is_missing: with!("alert_on = \"missing\"\n[chart]\nkind = \"bar\"\nx = \"sku\"\ny = \"stock\"");
    a_past_without_a_key: with!("[chart]\nkind = \"line\"\nvalue = \"stock\"");
    a_past_of_a_report: with!("alert_on = \"report\"\n[chart]\nkind = \"line\"\nvalue = \"stock\"");
    a_past_that_is_a_pie: with!("key = [\"sku\"]\n[chart]\nkind = \"pie\"\nvalue = \"stock\"");
    a_past_beside_rows: with!("key = [\"sku\"]\n[chart]\nkind = \"line\"\nvalue = \"stock\"\nx = \"sku\"\ny = \"stock\"\nlimit = 3\nsort = \"ascending\"");
    a_past_of_two_columns: with!("key = [\"sku\"]\n[chart]\nkind = \"line\"\ny = [\"stock\", \"price\"]");
    a_pie_of_two_columns_with_a_threshold: with!("[chart]\nkind = \"pie\"\nx = \"sku\"\ny = [\"stock\", \"price\"]\nthreshold = 5");
    a_line_that_is_sorted_and_cut: with!("[chart]\nkind = \"line\"\nx = \"day\"\ny = \"stock\"\nsort = \"descending\"\nlimit = 5");
    a_chart_of_no_column: with!("[chart]\nkind = \"bar\"\nx = \"sku\"\ny = []");
    a_chart_of_one_column_twice: with!("[chart]\nkind = \"bar\"\nx = \"sku\"\ny = [\"stock\", \"stock\"]");
    a_chart_with_a_threshold_in_quotes: with!("[chart]\nkind = \"bar\"\nx = \"sku\"\ny = \"stock\"\nthreshold = \"10.5\"");
    a_chart_with_a_threshold_that_is_none: with!("[chart]\nkind = \"bar\"\nx = \"sku\"\ny = \"stock\"\nthreshold = inf");
    a_chart_with_a_limit_of_none: with!("[chart]\nkind = \"bar\"\nx = \"sku\"\ny = \"stock\"\nlimit = 0\nsort = \"up\"");
    an_active_that_says_nothing: with!("active = {}");
    an_active_that_is_text: with!("active = \"mon-fri 09:00-18:00\"");
    an_active_with_faults: with!("active = { days = [\"mon-fry\"], hours = \"9-18\", calendar = \"cn-workday\" }");
    a_parameter_with_a_name_of_its_own: with!("params = { now = \"2026-11-23\", cursor = 1 }");
    a_parameter_of_several_values: with!("params = { shops = [1, 2], range = { low = 1 } }");
    a_parameter_with_a_name_that_cannot_stand_in_a_query: with!("params = { \"top-ten\" = 10 }");
    a_parameter_that_is_no_finite_number: with!("params = { limit = inf }");
    params_that_are_no_table: with!("params = [100]");
    blocks_that_are_none: "source = \"erp\"\nevery = \"5m\"\nquery = \"select 1\"\nnotify = []\n";
    a_block_without_after_that_waits: with!("[[notify]]\nreceivers = [\"duty\"]\nunless = \"acknowledged\"");
    a_step_unless_something_else: with!("[[notify]]\nreceivers = [\"duty\"]\nafter = \"15\"\nunless = \"acked\"");
    a_step_of_what_does_not_last: with!("alert_on = \"new\"\nkey = [\"id\"]\n[[notify]]\nreceivers = [\"duty\"]\nafter = \"15m\"");
    the_same_step_twice: with!("[[notify]]\nreceivers = [\"duty\"]\nafter = \"15m\"\n[[notify]]\nreceivers = [\"duty\"]\nafter = \"900s\"\nwhen = \"a > 1\"");
    nobody_is_called_by_name: with!("[[notify]]\nreceivers = [\"duty\"]\nmention = []");
    several_faults_in_one_file: "descripton = \"库存低于补货点\"\nsource = \"warehouse\"\nevery = \"5 minuten\"\nalert_on = \"new\"\nquery = \"\"\nmax_rows = -1\n\n[message]\ntitle = 5\n\n[[notify]]\nreceivers = [\"dutty\"]\nmentions = [\"all\"]\n";
}

#[test]
fn a_file_name_with_a_blank() {
    insta::assert_snapshot!(faults_of("low stock", with!("")));
}

/// The faults of a folder with these watchers, each with a former name.
fn faults_of_folder(watchers: &[(&str, Option<&str>)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, formerly) in watchers {
        let formerly = formerly.map(|formerly| format!("formerly = \"{formerly}\"\n")).unwrap_or_default();
        std::fs::write(folder.path().join(format!("{name}.toml")), format!("{formerly}{}", with!(""))).unwrap();
    }
    let files = load_watchers(folder.path(), &super::settings()).unwrap();
    let faults: Vec<_> = files.into_iter().filter_map(|file| file.watcher.err()).flatten().collect();
    render_faults(&faults, false).replace(&folder.path().display().to_string(), "watchers")
}

#[test]
fn a_former_name_that_a_file_still_has() {
    insta::assert_snapshot!(faults_of_folder(&[("low_stock", Some("stock")), ("stock", None)]));
}

#[test]
fn two_watchers_with_the_same_former_name() {
    insta::assert_snapshot!(faults_of_folder(&[("low_stock", Some("stock")), ("no_stock", Some("stock")), ("other", Some("else"))]));
}

#[test]
fn all_faults_are_told_in_the_order_of_the_file() {
    let text = with!("b_unknown = 1\na_unknown = 2\n[message]\nc_unknown = 3");
    let faults = parse_watcher("x", Path::new("watchers/x.toml"), text, &super::settings()).unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| (fault.line(), fault.column())).collect();
    assert_eq!(places, [(Some(4), Some(1)), (Some(5), Some(1)), (Some(7), Some(1))]);
}

#[test]
fn a_fault_as_json_has_the_five_fields_of_the_contract() {
    let faults = parse_watcher("x", Path::new("watchers/x.toml"), with!("key = [\"库存\", 5]"), &super::settings()).unwrap_err();
    let json = serde_json::to_string(&faults[0]).unwrap();
    insta::assert_snapshot!(json);
}

#[test]
fn a_fault_can_be_shown_in_colour() {
    let faults = parse_watcher("x", Path::new("watchers/x.toml"), with!("key = 5"), &super::settings()).unwrap_err();
    assert!(faults[0].render(true).contains("\u{1b}["));
    assert!(!faults[0].render(false).contains("\u{1b}["));
}

#[test]
fn control_characters_of_a_file_do_not_reach_the_terminal() {
    let rendered = faults_of("x", "\"\\u001b[31mred\" = 1\n\"\u{7f}\u{9b}2J\" = 5\nsource = \"\\u001b[2J\"\n");
    assert!(!rendered.contains(['\u{1b}', '\u{9b}']), "{rendered:?}");
}
