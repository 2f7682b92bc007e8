//! The keys of `[message]`.

use super::fields::WATCHER;
use crate::config::field::{Field, Kind, Spec};

pub(in crate::config) static MESSAGE: Spec = Spec {
    title: "[message]",
    doc: "Templates of the message (MiniJinja).",
    fields: &[
        Field {
            name: "title",
            kind: Kind::Template,
            doc: "What a phone shows in its notification.",
            default: None,
            example: "\"库存不足 {{ events | length }} 项\"",
            required: false,
        },
        Field {
            name: "body",
            kind: Kind::Template,
            doc: "The message itself, in Markdown.",
            default: None,
            example: "'''\n{% for event in events %}\n- {{ event.row.name }}: {{ event.row.stock }}\n{% endfor %}\n'''",
            required: false,
        },
        Field {
            name: "buttons",
            kind: Kind::Tables(&BUTTON),
            doc: "Links under an event. Up to five that are the same for the whole message are real buttons.",
            default: None,
            example: "[{ title = \"打开 ERP\", url = \"https://erp.example/items/{{ key.sku }}\" }]",
            required: false,
        },
        Field {
            name: "picture",
            kind: Kind::Template,
            doc: "The address of a picture of an event: http or https. With one button it makes a card, for several events a list of cards.",
            default: None,
            example: "\"https://erp.example/items/{{ key.sku }}.png\"",
            required: false,
        },
    ],
    later: &[],
    above: Some(&WATCHER),
};

pub(in crate::config) static BUTTON: Spec = Spec {
    title: "buttons",
    doc: "A link under an event.",
    fields: &[
        Field { name: "title", kind: Kind::Template, doc: "What it says.", default: None, example: "\"打开 ERP\"", required: true },
        Field {
            name: "url",
            kind: Kind::Template,
            doc: "Where it leads: http or https.",
            default: None,
            example: "\"https://erp.example/items/{{ key.sku }}\"",
            required: true,
        },
    ],
    later: &[],
    above: None,
};
