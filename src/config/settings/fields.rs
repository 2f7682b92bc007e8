//! The keys of `rowbell.toml`.

use crate::config::field::{Field, Kind, Spec};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Longer than anyone keeps a history.
const TEN_YEARS: Duration = Duration::from_secs(3650 * 24 * 3600);

/// The file.
pub(in crate::config) static SETTINGS: Spec = Spec {
    title: "the settings",
    doc: "The settings of rowbell. `${NAME}` in any string is taken from the environment, `${file:PATH}` from a file, `$${` is `${` itself.",
    fields: &[
        Field {
            name: "language",
            kind: Kind::Word(&["zh-CN", "en"]),
            doc: "The language of the built-in texts of messages and pages.",
            default: Some("\"zh-CN\""),
            example: "\"zh-CN\"",
            required: false,
        },
        Field {
            name: "timezone",
            kind: Kind::Zone,
            doc: "The IANA time zone of schedules and shown times. Default: the machine's.",
            default: None,
            example: "\"Asia/Shanghai\"",
            required: false,
        },
        Field {
            name: "watchers",
            kind: Kind::Text,
            doc: "The folder of the watchers; a relative one is looked up beside the settings file.",
            default: Some("\"watchers\""),
            example: "\"watchers\"",
            required: false,
        },
        Field {
            name: "calendars",
            kind: Kind::Text,
            doc: "The folder of the calendars; a relative one is looked up beside the settings file. Without it only the \
                  calendar `cn-workdays` is there, which is built in.",
            default: Some("\"calendars\""),
            example: "\"calendars\"",
            required: false,
        },
        Field {
            name: "public_url",
            kind: Kind::Text,
            doc: "The address under which others reach this service: messages link to it, and DingTalk's clients fetch the pictures of \
                  charts from it. A proxy must pass `/pictures/` on to `web.listen`.",
            default: None,
            example: "\"https://rowbell.example.com\"",
            required: false,
        },
        Field {
            name: "store",
            kind: Kind::Table(&STORE),
            doc: "Where rowbell keeps what it knows.",
            default: None,
            example: "{ url = \"sqlite://rowbell.db\" }",
            required: false,
        },
        Field {
            name: "sources",
            kind: Kind::Named(&SOURCE),
            doc: "The business databases that are read, each with a name.",
            default: None,
            example: "{ erp = { url = \"postgres://reader:${ERP_PASSWORD}@10.0.0.5/erp\" } }",
            required: false,
        },
        Field {
            name: "receivers",
            kind: Kind::Named(&RECEIVER),
            doc: "The named destinations of messages.",
            default: None,
            example: "{ warehouse = { type = \"dingtalk_robot\", webhook = \"${WAREHOUSE_WEBHOOK}\" } }",
            required: false,
        },
        Field {
            name: "organisations",
            kind: Kind::Named(&ORGANISATION),
            doc: "DingTalk organisations whose monthly quotas are counted; with exactly one, every receiver belongs to it.",
            default: None,
            example: "{ main = { monthly_quota = 3000 } }",
            required: false,
        },
        Field {
            name: "web",
            kind: Kind::Table(&WEB),
            doc: "The pages and the API.",
            default: None,
            example: "{ listen = \"127.0.0.1:7788\" }",
            required: false,
        },
    ],
    later: &[],
    above: None,
};

pub(in crate::config) static STORE: Spec = Spec {
    title: "[store]",
    doc: "Where rowbell keeps what it knows.",
    fields: &[
        Field {
            name: "url",
            kind: Kind::Secret,
            doc: "An SQLite file; a relative path is looked up in the working directory.",
            default: Some("\"sqlite://rowbell.db\""),
            example: "\"sqlite://rowbell.db\"",
            required: false,
        },
        Field {
            name: "retention",
            kind: Kind::Duration(HOUR, TEN_YEARS),
            doc: "How long history, polls and delivered messages are kept; firing alerts are never removed.",
            default: Some("\"90d\""),
            example: "\"90d\"",
            required: false,
        },
    ],
    later: &[],
    above: Some(&SETTINGS),
};

pub(in crate::config) static SOURCE: Spec = Spec {
    title: "[sources.…]",
    doc: "A business database that is read, never written.",
    fields: &[
        Field {
            name: "url",
            kind: Kind::Secret,
            doc: "postgres://…, mysql://… (also MariaDB, TiDB, OceanBase, Doris) or sqlite://….",
            default: None,
            example: "\"postgres://reader:${ERP_PASSWORD}@10.0.0.5/erp\"",
            required: true,
        },
        Field {
            name: "timezone",
            kind: Kind::Zone,
            doc: "The IANA time zone of the session: what `current_date` means in a query. Default: the settings' timezone.",
            default: None,
            example: "\"Asia/Shanghai\"",
            required: false,
        },
        Field {
            name: "max_connections",
            kind: Kind::Count(1, 100),
            doc: "How hard the business database may be hit.",
            default: Some("2"),
            example: "2",
            required: false,
        },
        Field {
            name: "query_timeout",
            kind: Kind::Duration(SECOND, HOUR),
            doc: "How long a query may run; enforced by the database itself.",
            default: Some("\"30s\""),
            example: "\"30s\"",
            required: false,
        },
        Field {
            name: "max_rows",
            kind: Kind::Count(1, 100_000_000),
            doc: "A poll that would return more rows fails; it never truncates in silence.",
            default: Some("100_000"),
            example: "100_000",
            required: false,
        },
    ],
    later: &[],
    above: Some(&SETTINGS),
};

pub(in crate::config) static ORGANISATION: Spec = Spec {
    title: "[organisations.…]",
    doc: "A DingTalk organisation: what it may send in a calendar month of China, over all its receivers.",
    fields: &[
        Field {
            name: "monthly_quota",
            kind: Kind::Count(1, 1_000_000_000),
            doc: "Messages through webhooks and Stream a month (Webhook & Stream: 3,000 in the standard edition). Without it they are counted, not limited.",
            default: None,
            example: "3000",
            required: false,
        },
        Field {
            name: "api_quota",
            kind: Kind::Count(1, 1_000_000_000),
            doc: "API calls of apps a month (5,000 in the standard edition). Without it they are counted, not limited.",
            default: None,
            example: "5000",
            required: false,
        },
        Field {
            name: "tell",
            kind: Kind::Texts,
            doc: "The receivers that are told once when 80 % and when 100 % of a month's quota are used (default: the receiver whose message did it), and when a receiver begins to refuse for good.",
            default: None,
            example: "[\"ops\"]",
            required: false,
        },
    ],
    later: &[],
    above: Some(&SETTINGS),
};

const ROBOT_SECRET: Field = Field {
    name: "secret",
    kind: Kind::Secret,
    doc: "The robot's signing secret (加签), when it has one.",
    default: None,
    example: "\"${WAREHOUSE_SECRET}\"",
    required: false,
};

const ROBOT_KEYWORD: Field = Field {
    name: "keyword",
    kind: Kind::Text,
    doc: "The robot's keyword, when it has one: put into each message in which it is not there already.",
    default: None,
    example: "\"告警\"",
    required: false,
};

pub(in crate::config) static RECEIVER: Spec = Spec {
    title: "[receivers.…]",
    doc: "A named destination of messages.",
    fields: &[
        Field {
            name: "type",
            kind: Kind::Word(&["dingtalk_robot", "dingtalk_app"]),
            doc: "What it is: one or several DingTalk robots in a group, or an app of the organisation, which reaches people and groups.",
            default: None,
            example: "\"dingtalk_robot\"",
            required: true,
        },
        Field {
            name: "webhook",
            kind: Kind::Secret,
            doc: "The robot's address with its access token; any host. For several robots in one group write `robots` instead.",
            default: None,
            example: "\"${WAREHOUSE_WEBHOOK}\"",
            required: false,
        },
        ROBOT_SECRET,
        ROBOT_KEYWORD,
        Field {
            name: "robots",
            kind: Kind::Tables(&ROBOT),
            doc: "Several robots in one group, at most 6: each takes its own 20 messages a minute, and when one is banned or removed the others go on.",
            default: None,
            example: "[{ webhook = \"${WAREHOUSE_WEBHOOK_1}\" }, { webhook = \"${WAREHOUSE_WEBHOOK_2}\" }]",
            required: false,
        },
        Field {
            name: "monthly_cap",
            kind: Kind::Count(1, 1_000_000),
            doc: "What the organisation's administrator lets each robot send in a month.",
            default: None,
            example: "100",
            required: false,
        },
        Field {
            name: "client_id",
            kind: Kind::Text,
            doc: "Of an app: its Client ID (AppKey).",
            default: None,
            example: "\"dingabcdefghijklmnop\"",
            required: false,
        },
        Field {
            name: "client_secret",
            kind: Kind::Secret,
            doc: "Of an app: its Client Secret (AppSecret).",
            default: None,
            example: "\"${DUTY_CLIENT_SECRET}\"",
            required: false,
        },
        Field {
            name: "robot_code",
            kind: Kind::Text,
            doc: "Of an app: the code of its robot. Default: the Client ID.",
            default: None,
            example: "\"dingabcdefghijklmnop\"",
            required: false,
        },
        Field {
            name: "users",
            kind: Kind::Texts,
            doc: "Of an app: people who get its messages, by user id.",
            default: None,
            example: "[\"manager01\"]",
            required: false,
        },
        Field {
            name: "mobiles",
            kind: Kind::Texts,
            doc: "Of an app: people who get its messages, by mobile number; looked up once and remembered.",
            default: None,
            example: "[\"13800000000\"]",
            required: false,
        },
        Field {
            name: "conversations",
            kind: Kind::Texts,
            doc: "Of an app: groups that its robot is in, by openConversationId.",
            default: None,
            example: "[\"cidK0AbC==\"]",
            required: false,
        },
        Field {
            name: "form",
            kind: Kind::Word(FORMS),
            doc: "Of an app: as what people get a message: a message of its robot, a card with buttons that changes as the alerts do, a DING (in the app, by SMS, by phone call), or a work notification. Conversations get messages or cards.",
            default: Some("\"message\""),
            example: "\"card\"",
            required: false,
        },
        Field {
            name: "card_template",
            kind: Kind::Text,
            doc: "Of an app: the template of its cards; it needs the variables title, markdown, tips and sys_full_json_obj.",
            default: Some("\"1366a1eb-bc54-4859-ac88-517c56a9acb1.schema\""),
            example: "\"1366a1eb-bc54-4859-ac88-517c56a9acb1.schema\"",
            required: false,
        },
        Field {
            name: "agent_id",
            kind: Kind::Count(1, 1_000_000_000_000_000),
            doc: "Of an app: its AgentId; needed for work notifications.",
            default: None,
            example: "1234567890",
            required: false,
        },
        Field {
            name: "recall_resolved",
            kind: Kind::Boolean,
            doc: "Of an app: takes messages back when all they told is over, within the 24 hours that DingTalk allows.",
            default: Some("false"),
            example: "true",
            required: false,
        },
        Field {
            name: "operators",
            kind: Kind::Texts,
            doc: "Of an app: who may use chat commands, by user id. Without any nobody may.",
            default: None,
            example: "[\"manager01\"]",
            required: false,
        },
        Field {
            name: "api_url",
            kind: Kind::Text,
            doc: "Of an app: where DingTalk's API is, for exclusive editions and the simulator.",
            default: Some("\"https://api.dingtalk.com\""),
            example: "\"https://api.dingtalk.com\"",
            required: false,
        },
        Field {
            name: "oapi_url",
            kind: Kind::Text,
            doc: "Of an app: where DingTalk's older API is, for exclusive editions and the simulator.",
            default: Some("\"https://oapi.dingtalk.com\""),
            example: "\"https://oapi.dingtalk.com\"",
            required: false,
        },
        Field {
            name: "organisation",
            kind: Kind::Text,
            doc: "The organisation whose monthly quota its messages use; needed when there are several.",
            default: None,
            example: "\"main\"",
            required: false,
        },
        Field {
            name: "digest",
            kind: Kind::Duration(SECOND, DAY),
            doc: "Gathers: what is not critical waits until the oldest has waited so long, and is then one message.",
            default: None,
            example: "\"10m\"",
            required: false,
        },
        Field {
            name: "fallback",
            kind: Kind::Text,
            doc: "The receiver that takes over while this one refuses for good: robot removed, token unknown, group dissolved.",
            default: None,
            example: "\"duty\"",
            required: false,
        },
    ],
    later: &[],
    above: Some(&SETTINGS),
};

pub(in crate::config) static ROBOT: Spec = Spec {
    title: "[[receivers.….robots]]",
    doc: "One of several robots in a group.",
    fields: &[
        Field {
            name: "webhook",
            kind: Kind::Secret,
            doc: "The robot's address with its access token; any host.",
            default: None,
            example: "\"${WAREHOUSE_WEBHOOK}\"",
            required: true,
        },
        ROBOT_SECRET,
        ROBOT_KEYWORD,
    ],
    later: &[],
    above: None,
};

pub(in crate::config) static WEB: Spec = Spec {
    title: "[web]",
    doc: "The pages and the API.",
    fields: &[Field {
        name: "listen",
        kind: Kind::Text,
        doc: "Address and port; only of this machine in this version.",
        default: Some("\"127.0.0.1:7788\""),
        example: "\"127.0.0.1:7788\"",
        required: false,
    }],
    later: &["users", "tokens"],
    above: Some(&SETTINGS),
};

/// As what an app may send a message.
pub(super) const FORMS: &[&str] = &["message", "card", "ding", "ding_sms", "ding_phone", "work_notification"];

/// Keys of a receiver that mean something for one type only.
pub(in crate::config) const OF_ONE_TYPE: &[(&str, &[&str])] = &[
    ("dingtalk_robot", &["webhook", "secret", "keyword", "robots", "monthly_cap"]),
    (
        "dingtalk_app",
        &[
            "client_id",
            "client_secret",
            "robot_code",
            "users",
            "mobiles",
            "conversations",
            "form",
            "card_template",
            "agent_id",
            "recall_resolved",
            "operators",
            "api_url",
            "oapi_url",
        ],
    ),
];

/// The keys whose values hold no secret and may be shown.
pub(in crate::config) fn open_keys() -> Vec<&'static str> {
    [&SETTINGS, &STORE, &SOURCE, &ORGANISATION, &RECEIVER, &ROBOT, &WEB]
        .iter()
        .flat_map(|spec| spec.fields)
        .filter(|field| !matches!(field.kind, Kind::Secret | Kind::Table(_) | Kind::Tables(_) | Kind::Named(_)))
        .map(|field| field.name)
        .collect()
}
