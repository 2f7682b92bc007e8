//! Text from a database that wants to be more than text: as values, keys, names of columns and reasons, in every form of a
//! message, through the client to the simulator. Nobody is called, nothing becomes a link, a picture or markup, and what it
//! says is still there.

use super::{client, noon, raw};
use rowbell::clock::Clock;
use rowbell::domain::alert::{Event, EventKind, Severity, Sum};
use rowbell::domain::delivery::Verdict;
use rowbell::domain::message::{Digest, DigestKind, DigestLine, Form, Language, Message, Setting, compose, digest, neutralise};
use rowbell::domain::row::{Columns, Fingerprint, Row};
use rowbell::domain::value::Kind;
use rowbell::domain::watcher::{Button, Mention, MessageTemplate};
use rowbell::notify::dingtalk::simulator::{Received, SimulatedRobot};
use rowbell::notify::dingtalk::{Outgoing, Robot, Simulator, SimulatorSettings};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The one who is called on purpose.
const CALLED: &str = "13900000000";
/// Texts in one message.
const TOGETHER: usize = 6;
/// Messages that the page shows at once.
const ON_A_PAGE: usize = 200;

fn picked() -> Vec<String> {
    let groups: BTreeMap<String, Vec<String>> = serde_json::from_str(include_str!("../../data/hostile.json")).expect("groups of texts");
    groups.into_values().flatten().collect()
}

/// Texts made of the picked ones and of any characters, the same at every run; some of them long.
fn generated(count: usize) -> Vec<String> {
    let picked = picked();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap_or(0)
    };
    let text = |n: usize| {
        if n.is_multiple_of(100) {
            return picked[random(picked.len())].repeat(30_000 / 12).chars().take(30_000).collect();
        }
        let mut parts = String::new();
        for _ in 0..=random(3) {
            match random(4) {
                0 => parts.extend((0..random(8)).filter_map(|_| char::from_u32(u32::try_from(random(0x3_0000)).unwrap_or(32)))),
                1 => parts.push_str([" ", "\n", "/", ":", "(", ")", "!", "@", "x", "中"][random(10)]),
                _ => parts.push_str(&picked[random(picked.len())]),
            }
        }
        parts
    };
    // An empty text is a template's own business.
    (0..).map(text).filter(|text: &String| !text.is_empty()).take(count).collect()
}

fn row(cells: &[(String, String)]) -> Row {
    let columns = Columns::new(cells.iter().map(|(name, _)| name.clone()).collect()).expect("distinct names");
    Row::from_cells(columns, cells.iter().map(|(_, value)| (Kind::Text, Some(value.as_str()))))
}

/// An alert whose key is the first text; each text is the value and the name of a column.
fn event(texts: &[String], kind: EventKind) -> Event {
    let key = ("sku".to_owned(), texts[0].clone());
    let columns = texts.iter().enumerate().map(|(at, text)| (format!("{text}{at}"), text.clone()));
    let cells: Vec<_> = [key.clone(), ("v".to_owned(), texts[0].clone())].into_iter().chain(columns).collect();
    Event {
        at: noon(),
        watcher: "low_stock".into(),
        source: "erp".into(),
        kind,
        severity: Severity::Warning,
        fingerprint: Some(Fingerprint(1)),
        key: Some(row(&[key])),
        rows: vec![row(&cells)],
        row_count: 1,
        previous: None,
        since: Some(noon()),
        reason: texts[0].clone(),
        silenced: false,
        changed: Vec::new(),
        sums: Vec::new(),
    }
}

fn composed(template: &MessageTemplate, events: &[Event], mentions: Vec<Mention>) -> Message {
    let setting = Setting {
        watcher: "low_stock",
        description: Some("库存低于补货点"),
        source: "erp",
        template,
        language: Language::ZhCn,
        zone: chrono_tz::Asia::Shanghai,
    };
    let (message, error) = compose(&setting, &events.iter().collect::<Vec<_>>(), mentions);
    // An address that a long value makes too long is not used; the message says so.
    assert!(error.is_none_or(|error| error.message.ends_with("too long")));
    message
}

fn button(n: usize) -> Button {
    Button { title: format!("打开{n} {{{{ row.v }}}}"), url: "https://erp.example/{{ row.v }}?k={{ key.sku }}".into() }
}

fn with_buttons(count: usize, picture: bool) -> MessageTemplate {
    MessageTemplate {
        buttons: (0..count).map(button).collect(),
        picture: picture.then(|| "https://erp.example/{{ row.v }}.png".to_owned()),
        ..MessageTemplate::default()
    }
}

/// One message of each form and origin that says these texts, with its label.
fn messages(texts: &[String]) -> Vec<(&'static str, Message)> {
    let fired = |texts: &[String]| event(texts, EventKind::Fired);
    let each: Vec<Event> = texts.iter().map(|text| fired(std::slice::from_ref(text))).collect();
    let alone = &each[..1];
    let plain = MessageTemplate::default();
    let template = MessageTemplate {
        title: Some("{{ events[0].row.v }}".into()),
        body: Some("# {{ watcher.name }}\n\n{% for e in events %}{{ e.row.v }} **{{ e.key.sku }}**\n\n- {{ e.row.v }}{% for n, c in e.row | items %}\n- {{ n }} {{ c }}{% endfor %}\n\n{{ e.reason }}\n\n{% endfor %}".into()),
        ..with_buttons(1, false)
    };
    let mut picture = composed(&with_buttons(1, true), alone, vec![Mention::Mobile(CALLED.into())]);
    let named = MessageTemplate { title: Some("{{ events[0].row.v }}".into()), ..with_buttons(1, true) };
    let mut with_call = composed(&named, &each[..2.min(each.len())], vec![Mention::Mobile(CALLED.into())]);
    let failed = Event { fingerprint: None, key: None, rows: Vec::new(), ..event(texts, EventKind::WatcherFailed) };
    let sum = Sum { column: texts[0].clone(), total: "5".into(), before: None };
    let report = Event { fingerprint: None, key: None, sums: vec![sum], ..event(texts, EventKind::Report) };
    let mut all = vec![
        ("an alert", composed(&plain, &[fired(texts)], Vec::new())),
        ("many alerts", composed(&plain, &each, Vec::new())),
        ("what is over", composed(&plain, &[event(texts, EventKind::Resolved)], Vec::new())),
        ("a card", composed(&with_buttons(2, false), alone, Vec::new())),
        ("a call in Markdown", composed(&with_buttons(2, false), alone, vec![Mention::Mobile(CALLED.into())])),
        ("links in lines", composed(&with_buttons(1, false), &each, Vec::new())),
        ("a template", composed(&template, &each, Vec::new())),
        ("a failure", composed(&plain, &[failed], Vec::new())),
        ("a report", composed(&plain, &[report], Vec::new())),
        ("a digest", digest_of(texts)),
    ];
    if let Some(call) = picture.take_call() {
        all.push(("a call for a picture", call));
    }
    all.push(("a picture", picture));
    let call = with_call.take_call();
    all.push(("a feed", with_call));
    all.extend(call.map(|call| ("a call for a feed", call)));
    let reduced = |mut message: Message| {
        message.reduce(&texts[0]);
        message
    };
    all.push(("a reduced message", reduced(composed(&named, alone, Vec::new()))));
    all
}

fn digest_of(texts: &[String]) -> Message {
    let line = |(at, text): (usize, &String)| DigestLine {
        watcher: format!("{text}{at}"),
        event: "fired".into(),
        severity: "warning".into(),
        fingerprint: Some(at.to_string()),
        key: Map::from_iter([(text.clone(), json!(text))]),
        row: Map::from_iter([(format!("{text}1"), json!(text)), ("v".to_owned(), json!(text))]),
        reason: text.clone(),
        at: "2026-11-23T01:30:00Z".into(),
        is_firing: true,
    };
    digest(&Digest {
        kind: DigestKind::SilenceEnded { reason: texts[0].clone() },
        language: Language::ZhCn,
        zone: chrono_tz::Asia::Shanghai,
        now: noon(),
        lines: texts.iter().enumerate().map(line).collect(),
    })
}

/// The text without what the watcher's own file put into it: its links, its pictures, the one who is called.
fn without_our_own(text: &str) -> String {
    let mut rest = text.replace(&format!("@{CALLED}"), "").replace("![](https://erp.example/", "](https://erp.example/");
    while let Some(start) = rest.find("](https://erp.example/") {
        let end = rest[start..].find(')').map_or(rest.len(), |end| start + end + 1);
        rest.replace_range(start..end, "");
    }
    rest
}

/// Every string of a body but its addresses says nothing that acts.
fn check_strings(label: &str, name: &str, value: &Value) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| check_strings(label, name, value)),
        Value::Array(items) => items.iter().for_each(|value| check_strings(label, name, value)),
        Value::String(text) if name.to_lowercase().ends_with("url") => {
            let ours = ["https://erp.example/", "dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Ferp.example%2F"];
            let is_one = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "()<>\"\\@".contains(c));
            assert!(ours.iter().any(|start| text.starts_with(start)) && is_one, "{label}: {text}");
        }
        Value::String(text) => {
            let text = without_our_own(text);
            let lower = text.to_lowercase();
            let acts = ["@", "://", ":/", "//", "www.", "<", "&", "`", "](", "!["].into_iter().find(|sign| lower.contains(sign));
            assert_eq!(acts, None, "{label}: {name}: {text}");
            let hides = text.chars().find(|c| (c.is_control() && *c != '\n') || "\u{202e}\u{2066}\u{200b}\u{2060}\u{feff}".contains(*c));
            assert_eq!(hides, None, "{label}: {name}: {text:?}");
        }
        _ => {}
    }
}

/// The tags of each message of the page, without the words between them and without where our own links lead
/// and where our own pictures are.
fn shapes(page: &str) -> Vec<Vec<String>> {
    let bubbles = page.split("<article").skip(1).map(|article| article.split("<div class=\"notes\">").next().unwrap_or_default());
    let tags = |bubble: &str| -> Vec<String> {
        let tags = bubble.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
        let of_bubble = tags.skip_while(|tag| !tag.contains("bubble"));
        of_bubble
            .map(|tag| match tag.split_once(' ') {
                Some(("a", _)) if tag.contains("erp.example") => "a ours".to_owned(),
                Some(("span", rest)) if rest.starts_with("class=\"picture\" title=\"https://erp.example/") => "picture of ours".to_owned(),
                _ => tag.replace(" pair", ""),
            })
            .collect()
    };
    bubbles.map(tags).collect()
}

struct Group {
    simulator: Simulator,
    robot: Robot,
    sent: usize,
}

impl Group {
    async fn open() -> Group {
        let mut settings = SimulatorSettings::new(Clock::at(noon())).with_robot(SimulatedRobot::new("token", "alerts"));
        settings.limit.messages = usize::MAX;
        let simulator = Simulator::start(settings).await.expect("a simulator");
        let robot = client(&simulator.webhook("token"), None, None);
        Group { simulator, robot, sent: 0 }
    }

    /// Sends the messages; how each arrived, and the shape it has in the chat.
    async fn show(&mut self, messages: &[Message]) -> (Vec<Received>, Vec<Vec<String>>) {
        self.simulator.forget();
        for message in messages {
            self.sent += 1;
            let attempt = self.robot.send(&Outgoing { uuid: &self.sent.to_string(), message }, noon()).await;
            assert_eq!(attempt.verdict, Verdict::Delivered, "{attempt:?}");
        }
        let page = raw().get(self.simulator.page()).send().await.expect("a page").text().await.expect("a text");
        (self.simulator.messages(), shapes(&page))
    }
}

/// What is left of a text in a message is what it said, but for replaced characters.
fn still_reads(received: &Received, text: &str) -> bool {
    let beginning: String = neutralise(text).chars().take(24).collect();
    let all = format!("{} {}", received.title, received.body);
    // In the body's own JSON a quotation mark is escaped.
    all.contains(beginning.trim()) || all.contains(json!(beginning.trim()).to_string().trim_matches('"'))
}

async fn check_all(texts: &[String]) {
    let harmless: Vec<String> = (0..TOGETHER).map(|n| format!("harmless{n}")).collect();
    let mut group = Group::open().await;
    let mut twins: Vec<Vec<(&'static str, Form, Vec<String>)>> = Vec::new();
    for count in 1..=TOGETHER {
        let all = messages(&harmless[..count]);
        let (_, shapes) = group.show(&all.iter().map(|(_, message)| message.clone()).collect::<Vec<_>>()).await;
        twins.push(all.into_iter().zip(shapes).map(|((label, message), shape)| (label, message.form(), shape)).collect());
    }
    let mut forms: BTreeMap<String, usize> = BTreeMap::new();
    let mut alike = 0;
    let per_page = ON_A_PAGE / (messages(&harmless).len() + 2);
    for chunks in texts.chunks(TOGETHER * per_page) {
        let of_chunks: Vec<(&[String], &'static str, Message)> = chunks
            .chunks(TOGETHER)
            .flat_map(|texts| messages(texts).into_iter().map(move |(label, message)| (texts, label, message)))
            .collect();
        let all: Vec<Message> = of_chunks.iter().map(|(_, _, message)| message.clone()).collect();
        let (received, shown) = group.show(&all).await;
        assert_eq!((received.len(), shown.len()), (all.len(), all.len()));
        for ((texts, label, message), (received, shape)) in of_chunks.iter().zip(received.iter().zip(&shown)) {
            check_strings(label, "", &received.body);
            let people: &[String] = if !message.mentions.is_empty() { &[CALLED.to_owned()] } else { &[] };
            assert_eq!((received.mentioned.as_slice(), received.at_all, received.listed_only.len()), (people, false, 0), "{label}");
            assert_eq!(received.warnings, Vec::<String>::new(), "{label}: {}", received.text);
            assert!(received.bytes < 19_001, "{label}: {}", received.bytes);
            let said = ["a failure", "a card", "a picture", "a call in Markdown"].contains(label);
            let wanted = if *label == "a template" || *label == "many alerts" { texts } else { &texts[..1] };
            let says = said || wanted.len() > 1 || ["an alert", "a report", "a digest", "what is over"].contains(label);
            for text in wanted.iter().filter(|_| says) {
                assert!(still_reads(received, text), "{label}: {text:?} in {}", received.body);
            }
            *forms.entry(received.msgtype.clone()).or_default() += 1;
            // What is long goes into another form than the harmless one, or has no link: it is looked at by its strings alone.
            let twin = twins[texts.len() - 1]
                .iter()
                .find(|(other, form, _)| other == label && *form == message.form() && !received.text.contains("消息模板出错"));
            if let Some((_, _, twin)) = twin {
                assert_eq!(shape, twin, "{label}: {}", received.body);
                alike += 1;
            }
        }
    }
    assert!(alike * 10 > forms.values().sum::<usize>() * 9, "{alike} of {forms:?}");
    for form in ["markdown", "actionCard", "link", "feedCard", "text"] {
        assert!(forms.get(form).is_some_and(|count| *count > 20), "{form}: {forms:?}");
    }
}

#[tokio::test]
async fn the_picked_texts_stay_text_in_every_form() {
    let texts = picked();
    assert!(texts.len() >= 200, "{}", texts.len());
    check_all(&texts).await;
}

#[tokio::test]
async fn a_thousand_generated_texts_stay_text_in_every_form() {
    let texts = generated(1_000);
    assert!(texts.iter().filter(|text| text.len() > 20_000).count() >= 5);
    check_all(&texts).await;
}
