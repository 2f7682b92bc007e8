//! The keys of a watcher's file.

use super::active::ACTIVE;
use super::chart::CHART;
use super::guard::GUARD;
use super::message_fields::MESSAGE;
use super::notify::NOTIFY;
use crate::config::field::{Field, Kind, Spec};
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// An interval or a reminder that is longer is a mistake.
pub(super) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The file.
pub(in crate::config) static WATCHER: Spec = Spec {
    title: "the watcher",
    doc: "A watcher of rowbell: a query that is polled, and who is told of its rows. The file's name is the watcher's name.",
    fields: &[
        Field {
            name: "description",
            kind: Kind::Text,
            doc: "What it is for, in the words of the people who receive it.",
            default: None,
            example: "\"库存低于补货点\"",
            required: false,
        },
        Field {
            name: "source",
            kind: Kind::Text,
            doc: "The database it reads: a name below [sources] in the settings. Either this or `sources`.",
            default: None,
            example: "\"erp\"",
            required: false,
        },
        Field {
            name: "sources",
            kind: Kind::TextOrTexts,
            doc: "The same watch on many databases: names, or patterns with `*`. The key of each row gains the source. One that \
                  is dead does not hold up the others.",
            default: None,
            example: "[\"shop_*\"]",
            required: false,
        },
        Field {
            name: "formerly",
            kind: Kind::Text,
            doc: "The name that this file had before: what is known under it is taken over, so that nothing is told twice.",
            default: None,
            example: "\"stock\"",
            required: false,
        },
        Field {
            name: "schedule",
            kind: Kind::Cron,
            doc: "When it polls: a cron line of 5 fields, or of 6 with seconds first. Either this or `every`.",
            default: None,
            example: "\"*/5 * * * *\"",
            required: false,
        },
        Field {
            name: "every",
            kind: Kind::Duration(SECOND, YEAR),
            doc: "How often it polls; the first time at once. Either this or `schedule`.",
            default: None,
            example: "\"30s\"",
            required: false,
        },
        Field {
            name: "timezone",
            kind: Kind::Zone,
            doc: "The IANA time zone of the schedule and of shown times. Default: the settings' timezone.",
            default: None,
            example: "\"Asia/Shanghai\"",
            required: false,
        },
        Field {
            name: "alert_on",
            kind: Kind::Word(&ALERT_ON),
            doc: "What a returned row means. match: something is in a bad state now; it fires when its key appears and \
                  resolves when it is gone. new: an event; told once per key, ever. change: a thing whose columns are watched; \
                  told when they differ, old → new. missing: a sign of life; it fires when there is none. report: a line of a \
                  report, which is told at each poll.",
            default: Some("\"match\""),
            example: "\"match\"",
            required: false,
        },
        Field {
            name: "key",
            kind: Kind::Texts,
            doc: "The columns that identify a row. Without a key the whole result is one alert; `new` and `change` need one.",
            default: None,
            example: "[\"sku\"]",
            required: false,
        },
        Field {
            name: "query",
            kind: Kind::Text,
            doc: "The SQL to poll: one statement that only reads. It may name :now, :last_poll and [params]. Either this or `query_file`.",
            default: None,
            example: "'''\nselect sku, name, stock, reorder_level\nfrom products\nwhere stock < reorder_level\n'''",
            required: false,
        },
        Field {
            name: "query_file",
            kind: Kind::Text,
            doc: "A file with the SQL, beside this one.",
            default: None,
            example: "\"low_stock.sql\"",
            required: false,
        },
        Field {
            name: "when",
            kind: Kind::Condition,
            doc: "A SQL condition over the row's columns; rows for which it does not hold are as if not returned. `previous.price` \
                  is the value last seen (match, change). For `change` it says which changes are told.",
            default: None,
            example: "\"stock < 100 and name is not null\"",
            required: false,
        },
        Field {
            name: "clear_when",
            kind: Kind::Condition,
            doc: "Hysteresis: an alert whose row is still returned stays firing until this holds.",
            default: None,
            example: "\"stock >= 120\"",
            required: false,
        },
        Field {
            name: "for",
            kind: Kind::Span(YEAR),
            doc: "How long it must hold before it fires: a time, or a number of polls in a row.",
            default: None,
            example: "\"10m\"",
            required: false,
        },
        Field {
            name: "keep_firing_for",
            kind: Kind::Span(YEAR),
            doc: "How long it must be gone before it resolves: a time, or a number of polls in a row.",
            default: None,
            example: "\"5m\"",
            required: false,
        },
        Field {
            name: "severity",
            kind: Kind::Severity(&SEVERITY),
            doc: "info, warning or critical; or cases, of which the first that holds counts (none: warning).",
            default: Some("\"warning\""),
            example: "[{ when = \"stock = 0\", level = \"critical\" }, { level = \"warning\" }]",
            required: false,
        },
        Field {
            name: "repeat_interval",
            kind: Kind::Duration(SECOND, YEAR),
            doc: "How often to remind while it fires. Default: never. Not while it is acknowledged.",
            default: None,
            example: "\"4h\"",
            required: false,
        },
        Field {
            name: "max_repeats",
            kind: Kind::Count(1, 1_000_000),
            doc: "How many reminders at most. Default: until it is over.",
            default: None,
            example: "3",
            required: false,
        },
        Field {
            name: "send_resolved",
            kind: Kind::Boolean,
            doc: "Whether the end of an alert is told.",
            default: Some("true"),
            example: "true",
            required: false,
        },
        Field {
            name: "first_poll",
            kind: Kind::Word(&["baseline", "alert"]),
            doc: "What the rows of the very first poll are: known already, or events too. Only for `new`.",
            default: Some("\"baseline\""),
            example: "\"baseline\"",
            required: false,
        },
        Field {
            name: "cursor",
            kind: Kind::Text,
            doc: "A column that grows (a number or a time): each poll reads only what is new, and again what is younger than \
                  `overlap`, so that rows that commit late are told too. Only for `new`.",
            default: None,
            example: "\"id\"",
            required: false,
        },
        Field {
            name: "cursor_start",
            kind: Kind::Scalar,
            doc: "The first value of :cursor, for a query that names it by hand.",
            default: None,
            example: "0",
            required: false,
        },
        Field {
            name: "overlap",
            kind: Kind::Duration(SECOND, YEAR),
            doc: "How far back in time a cursor reads again: longer than the longest transaction that writes.",
            default: Some("\"10m\""),
            example: "\"10m\"",
            required: false,
        },
        Field {
            name: "reconcile",
            kind: Kind::Cron,
            doc: "When all that was read since the last time is read again, to prove that nothing was missed.",
            default: None,
            example: "\"30 3 * * *\"",
            required: false,
        },
        Field {
            name: "columns",
            kind: Kind::Texts,
            doc: "The watched columns. Default: all but the key. Only for `change`.",
            default: None,
            example: "[\"status\"]",
            required: false,
        },
        Field {
            name: "rows",
            kind: Kind::Words(&ROWS),
            doc: "Which rows of a `change` are told: \"changed\", \"added\", \"removed\". Default: changed.",
            default: None,
            example: "[\"added\", \"changed\", \"removed\"]",
            required: false,
        },
        Field {
            name: "expect",
            kind: Kind::Values,
            doc: "The keys that must be there; of a key of several columns an array each. Only for `missing`, which without it \
                  expects any row.",
            default: None,
            example: "[\"shop1\", \"shop2\"]",
            required: false,
        },
        Field {
            name: "expect_query",
            kind: Kind::Text,
            doc: "The SQL that returns the keys that must be there.",
            default: None,
            example: "\"select shop from shops where open = 1\"",
            required: false,
        },
        Field {
            name: "send_empty",
            kind: Kind::Boolean,
            doc: "Whether a report without rows is told. Only for `report`.",
            default: Some("true"),
            example: "true",
            required: false,
        },
        Field {
            name: "sum",
            kind: Kind::Texts,
            doc: "The columns of a report that are added up and compared with the last report.",
            default: None,
            example: "[\"amount\"]",
            required: false,
        },
        Field {
            name: "timeout",
            kind: Kind::Duration(SECOND, HOUR),
            doc: "How long the query may run. Default: the source's query_timeout.",
            default: None,
            example: "\"30s\"",
            required: false,
        },
        Field {
            name: "max_rows",
            kind: Kind::Count(1, 100_000_000),
            doc: "A poll that would return more rows fails. Default: the source's max_rows.",
            default: None,
            example: "100_000",
            required: false,
        },
        Field {
            name: "failures_before_alert",
            kind: Kind::Count(1, 1000),
            doc: "How many polls may fail in a row before the watcher itself alerts.",
            default: Some("3"),
            example: "3",
            required: false,
        },
        Field {
            name: "guard",
            kind: Kind::Table(&GUARD),
            doc: "Holds a result that moves suspiciously many keys, until `rowbell release NAME` or until the next polls confirm it.",
            default: None,
            example: "{ vanished = \"50%\", fired = 500 }",
            required: false,
        },
        Field {
            name: "active",
            kind: Kind::Table(&ACTIVE),
            doc: "When to speak. What happens outside is recorded and told in one digest when it begins again; `critical` passes.",
            default: None,
            example: "{ days = [\"mon-fri\"], hours = \"09:00-18:00\", calendar = \"cn-workdays\" }",
            required: false,
        },
        Field {
            name: "params",
            kind: Kind::Params,
            doc: "Values for names in the query: `where amount > :limit`. They are bound, not pasted.",
            default: None,
            example: "{ limit = 100_000 }",
            required: false,
        },
        Field {
            name: "message",
            kind: Kind::Table(&MESSAGE),
            doc: "Templates of the message; without them a built-in message shows the rows.",
            default: None,
            example: "{ title = \"库存不足 {{ events | length }} 项\" }",
            required: false,
        },
        Field {
            name: "chart",
            kind: Kind::Table(&CHART),
            doc: "A picture in the message.",
            default: None,
            example: "{ kind = \"bar\", x = \"name\", y = \"stock\" }",
            required: false,
        },
        Field {
            name: "notify",
            kind: Kind::Tables(&NOTIFY),
            doc: "Who is told. Without any block, and with exactly one receiver in the settings, that one is told everything.",
            default: None,
            example: "[{ receivers = [\"warehouse\"] }]",
            required: false,
        },
    ],
    later: &[],
    above: None,
};

pub(in crate::config) static SEVERITY: Spec = Spec {
    title: "severity",
    doc: "A case: the level of the rows for which the condition holds.",
    fields: &[
        Field {
            name: "when",
            kind: Kind::Condition,
            doc: "A SQL condition over the row's columns; the last case may be without.",
            default: None,
            example: "\"stock = 0\"",
            required: false,
        },
        Field {
            name: "level",
            kind: Kind::Word(&["info", "warning", "critical"]),
            doc: "How bad such a row is.",
            default: None,
            example: "\"critical\"",
            required: true,
        },
    ],
    later: &[],
    above: None,
};

/// The values of `rows`.
pub(in crate::config) const ROWS: [&str; 3] = ["added", "changed", "removed"];

/// The values of `alert_on`.
pub(in crate::config) const ALERT_ON: [&str; 5] = ["match", "new", "change", "missing", "report"];

/// Keys that have a meaning for some values of `alert_on` only.
pub(in crate::config) const MEANINGFUL_FOR: &[(&str, &[&str])] = &[
    ("clear_when", &["match"]),
    ("for", &["match", "missing"]),
    ("keep_firing_for", &["match", "missing"]),
    ("repeat_interval", &["match", "missing"]),
    ("max_repeats", &["match", "missing"]),
    ("first_poll", &["new"]),
    ("cursor", &["new"]),
    ("cursor_start", &["new"]),
    ("overlap", &["new"]),
    ("reconcile", &["new"]),
    ("columns", &["change"]),
    ("rows", &["change"]),
    ("expect", &["missing"]),
    ("expect_query", &["missing"]),
    ("send_empty", &["report"]),
    ("sum", &["report"]),
    ("guard", &["match", "new", "change", "missing"]),
    ("chart", &["match", "new", "change", "report"]),
];
