//! Which template an app's robot uses for what a message holds, as the simulator takes and shows it over real HTTP.

use super::noon;
use super::simulator_app::{APP, CONVERSATION, Office, SECRET};
use rowbell::domain::delivery::{AppForm, Verdict};
use rowbell::domain::message::{Form, Language, Message};
use rowbell::notify::dingtalk::app::{App, AppSettings, DEFAULT_CARD_TEMPLATE};
use rowbell::notify::dingtalk::receiver::Parcel;
use rowbell::notify::dingtalk::simulator::{AppMessage, Place};
use serde_json::{Value, json};

fn app(office: &Office) -> App {
    rowbell::notify::install_tls();
    let url: url::Url = office.simulator.api_url().parse().expect("an address");
    let settings = AppSettings {
        name: "duty".into(),
        client_id: APP.into(),
        client_secret: SECRET.into(),
        robot_code: APP.into(),
        users: Vec::new(),
        mobiles: Vec::new(),
        conversations: vec![CONVERSATION.into()],
        form: AppForm::Message,
        card_template: DEFAULT_CARD_TEMPLATE.into(),
        agent_id: None,
        api_url: url.clone(),
        oapi_url: url,
        public_url: None,
        language: Language::ZhCn,
        recall_resolved: false,
        operators: Vec::new(),
    };
    App::new(settings).expect("an app")
}

/// A message of so many rows that holds this besides.
fn message(rows: usize, attached: Value) -> Message {
    let mut blocks = vec!["### 库存".to_owned()];
    blocks.extend((0..rows).map(|n| format!("- **SKU-{n:04}** 库存 3 件，低于\"下限\" 10 件")));
    blocks.push("> shop".to_owned());
    let message = json!({
        "title": "🔴 库存", "blocks": blocks, "first_cuttable": 1, "cuttable": rows, "omitted": 0, "language": "zh-CN",
        "mentions": [], "attached": attached,
    });
    serde_json::from_value(message).expect("a message")
}

fn buttons(titles: &[&str]) -> Value {
    titles.iter().enumerate().map(|(n, title)| json!({ "title": title, "url": format!("https://erp.example/{n}?a=1") })).collect()
}

/// What the group shows of it.
async fn sent(office: &Office, app: &App, message: &Message) -> AppMessage {
    let parcel = Parcel {
        delivery: 41,
        created_at: noon(),
        uuid: "uuid-41",
        message,
        card: None,
        robot: app.fingerprint(),
        reached: &[],
        people: &[],
    };
    let sent = app.send(&parcel, &office.clock).await;
    assert_eq!(sent.attempt.verdict, Verdict::Delivered, "{sent:?}");
    assert!(sent.is_whole);
    office.clock.advance(chrono::TimeDelta::seconds(3));
    office.simulator.app_messages_in(&Place::Conversation(CONVERSATION.into())).pop().expect("a message")
}

#[tokio::test]
async fn the_template_follows_from_what_the_message_holds() {
    let office = Office::open().await;
    let app = app(&office);
    let picture = "https://erp.example/a.png";
    let line = |n: usize| json!({ "title": format!("行 {n}"), "url": format!("https://erp.example/{n}"), "picture": picture });
    let outside = |n: usize| format!("dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Ferp.example%2F{n}%3Fa%3D1&pc_slide=false");
    for (attached, kind, form, holds) in [
        (json!({}), "sampleMarkdown", Form::Markdown, json!({})),
        (
            json!({ "buttons": buttons(&["打开"]) }),
            "sampleActionCard",
            Form::Card,
            json!({ "singleTitle": "打开", "singleURL": outside(0) }),
        ),
        (
            json!({ "buttons": buttons(&["打开", "手册"]) }),
            "sampleActionCard6",
            Form::Card,
            json!({ "buttonTitle1": "打开", "buttonUrl1": outside(0), "buttonTitle2": "手册", "buttonUrl2": outside(1) }),
        ),
        (
            json!({ "buttons": buttons(&["打开 ERP 的库存页面", "手册"]) }),
            "sampleActionCard2",
            Form::Card,
            json!({ "actionTitle1": "打开 ERP 的库存页面", "actionURL1": outside(0), "actionTitle2": "手册", "actionURL2": outside(1) }),
        ),
        (
            json!({ "buttons": buttons(&["a", "b", "c"]) }),
            "sampleActionCard3",
            Form::Card,
            json!({ "actionTitle3": "c", "actionURL3": outside(2) }),
        ),
        (json!({ "buttons": buttons(&["a", "b", "c", "d"]) }), "sampleActionCard4", Form::Card, json!({ "actionTitle4": "d" })),
        (json!({ "buttons": buttons(&["a", "b", "c", "d", "e"]) }), "sampleActionCard5", Form::Card, json!({ "actionURL5": outside(4) })),
        (json!({ "buttons": buttons(&["a", "b", "c", "d", "e", "f"]) }), "sampleMarkdown", Form::Markdown, json!({})),
        (
            json!({ "buttons": buttons(&["打开"]), "picture": picture }),
            "sampleLink",
            Form::Link,
            json!({ "picUrl": picture, "messageUrl": outside(0), "text": "SKU-0000 库存 3 件，低于\"下限\" 10 件" }),
        ),
        (json!({ "feed": [line(0), line(1)] }), "sampleMarkdown", Form::Markdown, json!({})),
    ] {
        // A robot would call them, in Markdown: an app cannot.
        for mentions in [Vec::new(), vec![rowbell::domain::watcher::Mention::All]] {
            let message = Message { mentions, ..message(1, attached.clone()) };
            let seen = sent(&office, &app, &message).await;
            assert_eq!(seen.kind, kind, "{attached}");
            for (name, value) in holds.as_object().into_iter().flatten() {
                assert_eq!(&seen.body[name], value, "{name} of {kind}");
            }
            assert_eq!(seen.body["title"], "🔴 库存", "{kind}");
            let shown = app.shown(&message);
            assert_eq!((shown.form, shown.text.as_str(), shown.title.as_str()), (form, seen.text.as_str(), "🔴 库存"), "{kind}");
            assert!(shown.feed.is_empty() && !seen.text.contains('@'), "{kind}");
        }
    }
    let call = sent(&office, &app, &message(0, json!({ "is_call": true }))).await;
    assert_eq!((call.kind.as_str(), call.body.as_object().map(|body| body.len())), ("sampleText", Some(1)));
}

#[tokio::test]
async fn every_template_stays_within_fifteen_thousand_bytes_and_is_cut_on_a_row() {
    let office = Office::open().await;
    let app = app(&office);
    for titles in [&[][..], &["打开"], &["打开", "手册"], &["甲", "乙", "丙", "丁", "戊"]] {
        let seen = sent(&office, &app, &message(900, json!({ "buttons": buttons(titles) }))).await;
        let bytes = seen.body.to_string().len();
        assert!((14_000..=15_000).contains(&bytes), "{bytes} bytes of {}", seen.kind);
        let rows: Vec<&str> = seen.text.lines().filter(|line| line.starts_with("- ")).collect();
        assert!(rows.iter().all(|row| row.ends_with(" 10 件")), "{}", seen.kind);
        assert!(seen.text.contains(&format!("另有 {} 项", 900 - rows.len())), "{}", seen.text);
        assert!(seen.text.ends_with("> shop") || titles.is_empty(), "{}", seen.text);
    }
}
