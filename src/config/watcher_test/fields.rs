//! The keys of a file of tests.

use crate::config::field::{Field, Kind, Spec};
use std::time::Duration;

/// A poll that comes later is a mistake.
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);

/// What a column can be said to hold.
pub(super) const KINDS: [&str; 12] =
    ["text", "number", "float", "boolean", "date", "time", "timestamp", "timestamptz", "interval", "bytes", "json", "other"];

/// How a poll can be said to fail.
pub const FAILURES: [&str; 10] =
    ["connect", "timeout", "max_rows", "row_size", "interrupted", "sql", "permission", "not_a_query", "columns", "evaluation"];

/// The file.
pub(in crate::config) static TESTS: Spec = Spec {
    title: "the tests",
    doc: "Tests of the watcher beside it (`low_stock.test.toml` of `low_stock.toml`): rows are given, poll by poll, and what follows is expected. \
          They need no database and no time passes: `rowbell test` runs them.",
    fields: &[
        Field {
            name: "start",
            kind: Kind::Moment,
            doc: "When a test begins, on the wall clock of the watcher's timezone. Default: 2026-11-23 09:00, a Monday.",
            default: None,
            example: "\"2026-11-23 09:00\"",
            required: false,
        },
        Field {
            name: "language",
            kind: Kind::Word(&["zh-CN", "en"]),
            doc: "The language of messages. Default: the settings'.",
            default: None,
            example: "\"zh-CN\"",
            required: false,
        },
        Field {
            name: "timezone",
            kind: Kind::Zone,
            doc: "The time zone of a watcher that names none. Default: the settings'.",
            default: None,
            example: "\"Asia/Shanghai\"",
            required: false,
        },
        Field {
            name: "columns",
            kind: Kind::Columns(&KINDS),
            doc: "The columns of the result, with what they hold where the rows do not say it. A row may leave them out then: they are NULL.",
            default: None,
            example: "{ sku = \"text\", stock = \"number\" }",
            required: false,
        },
        Field {
            name: "test",
            kind: Kind::Tables(&TEST),
            doc: "A test: polls that follow one another, on a store of its own.",
            default: None,
            example: "[{ name = \"fires once\", poll = [{ rows = [{ sku = \"A\", stock = 3 }], events = [\"fired A\"] }] }]",
            required: true,
        },
    ],
    later: &[],
    above: None,
};

pub(in crate::config) static TEST: Spec = Spec {
    title: "[[test]]",
    doc: "A test: polls that follow one another, on a store of its own.",
    fields: &[
        Field {
            name: "name",
            kind: Kind::Text,
            doc: "What it shows, in a sentence.",
            default: None,
            example: "\"fires once, reminds after four hours, resolves\"",
            required: true,
        },
        Field {
            name: "start",
            kind: Kind::Moment,
            doc: "When it begins, if not when the file says.",
            default: None,
            example: "\"2026-11-23 09:00\"",
            required: false,
        },
        Field {
            name: "poll",
            kind: Kind::Tables(&POLL),
            doc: "A poll, and what follows from it.",
            default: None,
            example: "[{ rows = [{ sku = \"A\", stock = 3 }], events = [\"fired A\"] }]",
            required: true,
        },
    ],
    later: &[],
    above: Some(&TESTS),
};

pub(in crate::config) static POLL: Spec = Spec {
    title: "[[test.poll]]",
    doc: "A poll, and what follows from it. Every event must be expected: without `events` none is.",
    fields: &[
        Field {
            name: "at",
            kind: Kind::Moment,
            doc: "When, on the wall clock of the watcher's timezone; only a time is the next one after the poll before. Default: the watcher's next slot.",
            default: None,
            example: "\"09:05\"",
            required: false,
        },
        Field {
            name: "after",
            kind: Kind::Duration(Duration::from_millis(1), TEN_YEARS),
            doc: "How long after the poll before. Either this or `at`.",
            default: None,
            example: "\"4h\"",
            required: false,
        },
        Field {
            name: "restart",
            kind: Kind::Boolean,
            doc: "Whether rowbell is started anew before the poll.",
            default: Some("false"),
            example: "true",
            required: false,
        },
        Field {
            name: "release",
            kind: Kind::Boolean,
            doc: "Whether a person releases the result that the guard holds, before the poll.",
            default: Some("false"),
            example: "true",
            required: false,
        },
        Field {
            name: "ack",
            kind: Kind::TextsOrNone,
            doc: "The keys of alerts that a person takes before the poll: they are not repeated. Each is an event, `acknowledged`.",
            default: None,
            example: "[\"A\"]",
            required: false,
        },
        Field {
            name: "silence",
            kind: Kind::Duration(Duration::from_secs(1), TEN_YEARS),
            doc: "For how long, from before the poll, a person silences the watcher.",
            default: None,
            example: "\"2h\"",
            required: false,
        },
        Field {
            name: "rows",
            kind: Kind::Rows,
            doc: "What the query returns: an array of rows, in which NULL is [], or a table as text, in which it is NULL. By source where the watcher \
                  reads several. Default: the rows of the poll before.",
            default: None,
            example: "[{ sku = \"A\", stock = 3, note = [] }]",
            required: false,
        },
        Field {
            name: "expect_rows",
            kind: Kind::Rows,
            doc: "What `expect_query` returns. Default: what it returned at the poll before.",
            default: None,
            example: "[{ sku = \"A\" }]",
            required: false,
        },
        Field {
            name: "fails",
            kind: Kind::PerSource,
            doc: "How the source fails, after `rows` where there are any: connect, timeout, interrupted, sql, permission …; after a colon its words.",
            default: None,
            example: "\"timeout\"",
            required: false,
        },
        Field {
            name: "events",
            kind: Kind::Events(&EVENT),
            doc: "All that happens, in any order: the event and the key, whose columns are separated by `/`, and the severity in brackets where it matters.",
            default: None,
            example: "[\"fired A [warning]\", \"resolved B\"]",
            required: false,
        },
        Field {
            name: "firing",
            kind: Kind::TextsOrNone,
            doc: "The keys that fire after the poll; `*` is the alert of a watcher without a key. Not looked at when absent.",
            default: None,
            example: "[\"A\"]",
            required: false,
        },
        Field {
            name: "pending",
            kind: Kind::TextsOrNone,
            doc: "The keys that wait for `for` to pass. Not looked at when absent.",
            default: None,
            example: "[\"A\"]",
            required: false,
        },
        Field {
            name: "told",
            kind: Kind::TextsOrNone,
            doc: "The receivers who get a message. Not looked at when absent.",
            default: None,
            example: "[\"warehouse\"]",
            required: false,
        },
        Field {
            name: "message",
            kind: Kind::Messages(&EXPECTED_MESSAGE),
            doc: "By receiver the exact text of the message since the poll before, without the robot's keyword; several in an array. Others are not looked \
                  at. An empty one is filled in by `--update`.",
            default: None,
            example: "{ warehouse = { contains = \"A-17\" } }",
            required: false,
        },
        Field {
            name: "error",
            kind: Kind::TextOrTexts,
            doc: "What is wrong with the poll, or a part of it: the guard holds the result, a row cannot be judged. What is not expected fails the test, \
                  but for what `fails` says.",
            default: None,
            example: "\"guard: 12 keys vanished at once\"",
            required: false,
        },
        Field {
            name: "warnings",
            kind: Kind::TextOrTexts,
            doc: "What goes wrong without losing anything, or a part of each. What is not expected fails the test.",
            default: None,
            example: "[\"1 keys were returned more than once\"]",
            required: false,
        },
    ],
    later: &[],
    above: Some(&TEST),
};

pub(in crate::config) static EVENT: Spec = Spec {
    title: "events",
    doc: "An event; what is not named is not looked at.",
    fields: &[
        Field { name: "event", kind: Kind::Word(&EVENT_WORDS), doc: "What happens.", default: None, example: "\"fired\"", required: true },
        Field { name: "key", kind: Kind::Text, doc: "Of which key.", default: None, example: "\"A\"", required: false },
        Field {
            name: "severity",
            kind: Kind::Word(&["info", "warning", "critical"]),
            doc: "How bad it is.",
            default: None,
            example: "\"critical\"",
            required: false,
        },
        Field {
            name: "receivers",
            kind: Kind::TextsOrNone,
            doc: "Who is told of it in a message of this poll.",
            default: None,
            example: "[\"warehouse\"]",
            required: false,
        },
        Field { name: "reason", kind: Kind::Text, doc: "A part of why.", default: None, example: "\"the row matches\"", required: false },
    ],
    later: &[],
    above: Some(&POLL),
};

/// The words of [`EventKind`](crate::domain::alert::EventKind).
pub(super) const EVENT_WORDS: [&str; 9] =
    ["fired", "repeated", "changed", "escalated", "resolved", "acknowledged", "report", "watcher_failed", "watcher_recovered"];

pub(in crate::config) static EXPECTED_MESSAGE: Spec = Spec {
    title: "message",
    doc: "A message; what is not named is not looked at.",
    fields: &[
        Field {
            name: "title",
            kind: Kind::TextOrEmpty,
            doc: "What a phone shows in its notification. An empty one is filled in by `--update`.",
            default: None,
            example: "\"🟠 库存低于补货点：A\"",
            required: false,
        },
        Field {
            name: "text",
            kind: Kind::TextOrEmpty,
            doc: "The whole text. Likewise.",
            default: None,
            example: "'''\n### 🟠 库存低于补货点\n…\n'''",
            required: false,
        },
        Field {
            name: "contains",
            kind: Kind::TextOrTexts,
            doc: "Parts of the text.",
            default: None,
            example: "[\"A-17\", \"12.50\"]",
            required: false,
        },
        Field {
            name: "mentions",
            kind: Kind::TextsOrNone,
            doc: "Who is called by name.",
            default: None,
            example: "[\"13800000000\"]",
            required: false,
        },
    ],
    later: &[],
    above: Some(&POLL),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::EventKind;

    #[test]
    fn every_event_of_the_history_can_be_expected() {
        assert_eq!(EVENT_WORDS.to_vec(), EventKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
    }
}
