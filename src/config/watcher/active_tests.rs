use super::*;
use crate::config::fault::Fault;
use crate::config::sheet::Sheet;
use crate::config::{Environment, node, parse_settings};
use std::path::Path;

/// A watcher of which nothing but `active` is looked at.
static ONLY_ACTIVE: Spec = Spec {
    title: "the watcher",
    doc: "",
    fields: &[Field { name: "active", kind: Kind::Table(&ACTIVE), doc: "", default: None, example: "", required: false }],
    later: &[],
    above: None,
};

fn read(text: &str) -> Result<Option<Active>, Vec<Fault>> {
    let settings = parse_settings(Path::new("no/rowbell.toml"), "", &Environment::default()).unwrap();
    let sheet = Sheet::of_watcher(Path::new("w.toml"), text);
    let (root, syntax) = node::parse(&sheet);
    let mut report = Report::new(Some(&sheet), syntax);
    let active = Reader::new(&ONLY_ACTIVE, &root, &mut report).map(|reader| read_active(&reader, &settings, &mut report));
    report.finish(active)
}

#[test]
fn a_table_is_read_as_it_is_written() {
    for (text, shown) in [
        ("active = { days = [\"mon-fri\"], hours = \"09:00-18:00\", calendar = \"cn-workdays\" }", "mon-fri 09:00-18:00 cn-workdays"),
        ("active = { days = \"mon-fri\" }", "mon-fri"),
        ("active = { days = [\"mon\", \"wed\", \"周六-周日\"] }", "mon, wed, sat-sun"),
        ("active = { hours = [\"09:00-12:00\", \"13:30-18:00\"] }", "09:00-12:00, 13:30-18:00"),
        ("active = { hours = \"22:00-06:00\" }", "22:00-06:00"),
        ("active = { calendar = \"cn-workdays\" }", "cn-workdays"),
        ("[active]\ndays = [\"sun\"]\n", "sun"),
    ] {
        let active = read(text).unwrap_or_else(|faults| panic!("{text}: {faults:?}")).unwrap();
        assert_eq!(active.to_string(), shown, "{text}");
    }
    assert_eq!(read(""), Ok(None));
}

/// The faults of a text as `line:column: message (hint)`.
fn faults(text: &str) -> Vec<String> {
    let place = |fault: &Fault| format!("{}:{}", fault.line().unwrap(), fault.column().unwrap());
    let fault = |fault: &Fault| format!("{}: {} ({})", place(fault), fault.message, fault.hint.as_deref().unwrap_or("no hint"));
    read(text).err().unwrap_or_default().iter().map(fault).collect()
}

#[test]
fn each_fault_is_told_at_its_place() {
    let days = "mon, tue, wed, thu, fri, sat or sun, or a range of them: \"mon-fri\"";
    let cases: &[(&str, &[&str])] = &[
        (
            "active = {}",
            &["1:10: `active` says nothing (name days, hours or a calendar, or remove it: without it the watcher is always active)"],
        ),
        (
            "active = \"mon-fri\"",
            &["1:10: expected a table, found a string (write for example: active = { days = [\"mon-fri\"], hours = \"09:00-18:00\" })"],
        ),
        ("active = true", &["1:10: expected a table, found a boolean (no hint)"]),
        ("active = { day = [\"mon\"] }", &["1:12: unknown key `day` in [active] (did you mean `days`?)"]),
        ("active = { days = [\"mon\", \"fry\"] }", &[&format!("1:28: `fry` is not a weekday ({days})")]),
        ("active = { days = [\"mon-fry\"] }", &[&format!("1:25: `fry` is not a weekday ({days})")]),
        ("active = { days = [] }", &["1:19: `days` is empty (write something, or remove it)"]),
        ("active = { days = [1] }", &["1:20: expected text in quotes, found an integer (put it in quotes: \"1\")"]),
        (
            "active = { days = 1 }",
            &["1:19: expected text in quotes, or an array of such texts, found an integer (put it in quotes: \"1\")"],
        ),
        ("active = { hours = \"\" }", &["1:20: `hours` is empty (write something, or remove it)"]),
        (
            "active = { hours = \"9-18\" }",
            &["1:21: cannot read `9` as a time (write from and until as hours and minutes: \"09:00-18:00\")"],
        ),
        ("active = { hours = [\"09:00-12:00\", \"13:00-25:00\"] }", &["1:43: 25:00 is not a time of the day (from 00:00 to 24:00)"]),
        ("[active]\nhours = '''\n09:00-18:77'''", &["3:7: 18:77 is not a time of the day (from 00:00 to 24:00)"]),
        (
            "active = { calendar = \"cn-workday\" }",
            &[
                "1:23: the calendar `cn-workday` is not known (did you mean \"cn-workdays\"? there is \"cn-workdays\"; another one is a file: no/calendars/cn-workday.toml)",
            ],
        ),
        (
            "[active]\ncalendar = \"plant\"\ndays = \"mo\"",
            &[
                "2:12: the calendar `plant` is not known (there is \"cn-workdays\"; another one is a file: no/calendars/plant.toml)",
                &format!("3:9: `mo` is not a weekday ({days})"),
            ],
        ),
        (
            "[active]\nactive = \"no\"",
            &[
                "2:1: `active` does not belong in [active], but to the watcher (write it further up, before the first [table] line: below [active] it belongs to that table)",
            ],
        ),
        (
            "[active]\ndays = \"mon\"\nquery = \"select 1\"",
            &[
                "3:1: `query` does not belong in [active], but to the watcher (write it further up, before the first [table] line: below [active] it belongs to that table)",
            ],
        ),
    ];
    for (text, expected) in cases {
        let mut expected: Vec<&str> = expected.to_vec();
        let mut found = faults(text);
        expected.sort_unstable();
        found.sort();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn there_are_not_more_windows_than_hours_in_a_day() {
    let windows = |n: usize| format!("active = {{ hours = [{}] }}", "\"09:00-18:00\",".repeat(n));
    assert!(read(&windows(HOURS_MAX)).is_ok());
    assert_eq!(faults(&windows(HOURS_MAX + 1)), ["1:20: `hours` has 25 ranges; the limit is 24 (no hint)"]);
}
