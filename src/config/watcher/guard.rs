//! The `[guard]` of a watcher.

use super::fields::WATCHER;
use crate::config::field::{Field, Kind, Spec};
use crate::config::node::Content;
use crate::config::reader::{Reader, Report, Text};
use crate::domain::watcher::{GUARD_POLLS, Guard, Share};

pub(in crate::config) static GUARD: Spec = Spec {
    title: "[guard]",
    doc: "The most that one poll may move.",
    fields: &[
        Field {
            name: "vanished",
            kind: Kind::Share,
            doc: "The most keys that may vanish in one poll: a number, or a percentage of those that are known (from ten on).",
            default: None,
            example: "\"50%\"",
            required: false,
        },
        Field {
            name: "fired",
            kind: Kind::Share,
            doc: "The most keys that may fire, change or be added in one poll.",
            default: None,
            example: "500",
            required: false,
        },
        Field {
            name: "polls",
            kind: Kind::Count(2, 1000),
            doc: "How many polls in a row must find so before it is taken.",
            default: Some("3"),
            example: "3",
            required: false,
        },
    ],
    later: &[],
    above: Some(&WATCHER),
};

/// The `guard` table.
pub(super) fn read_guard(root: &Reader<'_>, report: &mut Report<'_>) -> Option<Guard> {
    let node = root.node("guard")?;
    if node.table().is_none() {
        let hint = "write for example: guard = { vanished = \"50%\" }".to_owned();
        report.at(&node.place, format!("expected a table, found {}", node.describe()), Some(hint));
        return None;
    }
    let reader = Reader::new(&GUARD, node, report)?;
    let (vanished, fired) = (read_share(&reader, "vanished", report), read_share(&reader, "fired", report));
    if reader.node("vanished").is_none() && reader.node("fired").is_none() && !reader.has_unknown() {
        let hint = "write for example: guard = { vanished = \"50%\" }".to_owned();
        report.missing(reader.place, "`guard` guards nothing", Some(hint));
    }
    let polls = reader.count("polls", report).and_then(|polls| u32::try_from(polls).ok()).unwrap_or(GUARD_POLLS);
    Some(Guard { vanished, fired, polls })
}

fn read_share(reader: &Reader<'_>, name: &str, report: &mut Report<'_>) -> Option<Share> {
    let node = reader.node(name)?;
    let read = match &node.content {
        Content::Integer(number) => u64::try_from(*number).ok().map(Share::Count),
        Content::Text(text, _) => percent(text),
        _ => None,
    };
    if read.is_none() {
        let found = Text::of(node).map_or_else(|| node.describe().to_owned(), |text| text.quoted());
        let bare = Text::of(node).filter(|text| text.value.trim().parse::<u64>().is_ok());
        let hint = bare.map(|text| format!("write \"{0}%\", or without quotes {0}", text.value.trim()));
        report.at(&node.place, format!("expected a number of keys, or a percentage such as \"50%\", found {found}"), hint);
    }
    read
}

fn percent(text: &str) -> Option<Share> {
    let number: f64 = text.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(Share::Percent(number))
}
