//! Wrong watcher files, each with all that a person reads of it.

use rowbell::config::{parse_watcher, render_faults};
use std::path::Path;

fn faults_of(name: &str, text: &str) -> String {
    let path = format!("watchers/{name}.toml");
    match parse_watcher(name, Path::new(&path), text, &super::settings()) {
        Ok(_) => "no fault".to_owned(),
        Err(faults) => render_faults(&faults, false),
    }
}

macro_rules! wrong {
    ($($name:ident: $text:expr;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(faults_of("low_stock", $text));
        }
    )+};
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
    keys_of_later_versions_are_known: with!("for = \"10m\"\nclear_when = \"stock > 120\"\ncursor = \"id\"");
    an_alert_on_of_a_later_version_is_known: with!("alert_on = \"change\"");
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
    a_condition_on_what_was_before: with!("when = \"price > previous.price * 2\"");
    a_query_as_a_condition: with!("when = \"sku in (select sku from stock)\"");
    a_cron_line_with_a_word_too_many: "source = \"erp\"\nschedule = \"*/5 * * * * * *\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    a_cron_line_out_of_bounds: "source = \"erp\"\nschedule = \"0 25 * * *\"\nquery = \"select 1\"\n[[notify]]\nreceivers = [\"duty\"]\n";
    templates_with_faults: with!("[message]\ntitle = \"{{ events | lenght }}\"\nbody = '''\n# 库存\n{% for event in events %}\n- {{ event.row.name }\n{% endfor %}\n'''");
    several_faults_in_one_file: "descripton = \"库存低于补货点\"\nsource = \"warehouse\"\nevery = \"5 minuten\"\nalert_on = \"new\"\nquery = \"\"\nmax_rows = -1\n\n[message]\ntitle = 5\n\n[[notify]]\nreceivers = [\"dutty\"]\nmentions = [\"all\"]\n";
}

#[test]
fn a_file_name_with_a_blank() {
    insta::assert_snapshot!(faults_of("low stock", with!("")));
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
