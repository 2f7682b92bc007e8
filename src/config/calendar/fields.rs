//! The keys of a calendar's file.

use crate::config::field::{Field, Kind, Spec};

/// The file.
pub(super) static CALENDAR: Spec = Spec {
    title: "the calendar",
    doc: "A calendar of rowbell: which days are working days. The file's name is the calendar's name.",
    fields: &[
        Field {
            name: "description",
            kind: Kind::Text,
            doc: "What it is.",
            default: None,
            example: "\"the working days of the Suzhou plant\"",
            required: false,
        },
        Field {
            name: "source",
            kind: Kind::Text,
            doc: "Where its days are published.",
            default: None,
            example: "\"https://intranet.example/holidays\"",
            required: false,
        },
        Field {
            name: "weekend",
            kind: Kind::Texts,
            doc: "The days of a week that are not worked, unless a year says otherwise.",
            default: Some("[\"sat\", \"sun\"]"),
            example: "[\"sat\", \"sun\"]",
            required: false,
        },
        Field {
            name: "year",
            kind: Kind::Tables(&YEAR),
            doc: "The years it has data for. In any other year the weekend alone counts.",
            default: None,
            example: "[{ year = 2026, holidays = [\"2026-10-01..2026-10-07\"], workdays = [\"2026-10-10\"] }]",
            required: false,
        },
    ],
    later: &[],
    above: None,
};

pub(super) static YEAR: Spec = Spec {
    title: "[[year]]",
    doc: "A whole year: what it says goes over the weekend.",
    fields: &[
        Field { name: "year", kind: Kind::Count(1970, 2100), doc: "Which one.", default: None, example: "2026", required: true },
        Field {
            name: "source",
            kind: Kind::Text,
            doc: "Where its days are published.",
            default: None,
            example: "\"国办发明电〔2025〕7号\"",
            required: false,
        },
        Field {
            name: "holidays",
            kind: Kind::Texts,
            doc: "Days off: a day, or the first and the last of several. An empty array when there are none.",
            default: None,
            example: "[\"2026-10-01..2026-10-07\"]",
            required: true,
        },
        Field {
            name: "workdays",
            kind: Kind::Texts,
            doc: "Days of a weekend that are worked.",
            default: None,
            example: "[\"2026-10-10\"]",
            required: false,
        },
    ],
    later: &[],
    above: Some(&CALENDAR),
};
