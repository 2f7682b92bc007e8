//! Which form a message gets, and what it then holds.

use super::*;
use crate::domain::watcher::Mention;

fn link(n: usize) -> Link {
    Link { title: format!("打开 {n}"), url: format!("https://erp.example/{n}?a=1&b=中") }
}

fn line(n: usize) -> FeedLine {
    FeedLine { title: format!("行 {n}"), url: format!("https://erp.example/{n}"), picture: format!("https://erp.example/{n}.png") }
}

/// A message of so many events.
fn message(events: usize, attached: Attached) -> Message {
    let items = (0..events).map(|n| format!("- **sku {n}**"));
    let blocks = ["### 🟠 库存".to_owned(), "**告警**".to_owned()].into_iter().chain(items).chain(["> low_stock".to_owned()]).collect();
    Message { title: "🟠 库存：告警".into(), blocks, first_cuttable: 2, cuttable: events, attached, ..Message::default() }
}

fn with_buttons(count: usize) -> Attached {
    Attached { buttons: (0..count).map(link).collect(), ..Attached::default() }
}

fn with_picture(buttons: usize) -> Attached {
    Attached { picture: Some("https://erp.example/a.png".into()), ..with_buttons(buttons) }
}

fn with_feed(lines: usize) -> Attached {
    Attached { feed: (0..lines).map(line).collect(), ..Attached::default() }
}

#[test]
fn the_form_follows_from_what_it_holds() {
    for (events, attached, form) in [
        (1, Attached::default(), Form::Markdown),
        (3, with_buttons(1), Form::Card),
        (1, with_buttons(5), Form::Card),
        (1, with_buttons(6), Form::Markdown),
        (1, with_picture(1), Form::Link),
        (1, with_picture(0), Form::Markdown),
        (1, with_picture(2), Form::Card),
        (2, with_picture(1), Form::Card),
        (3, with_feed(3), Form::Feed),
        (1, Attached { is_call: true, ..Attached::default() }, Form::Text),
    ] {
        assert_eq!(message(events, attached.clone()).form(), form, "{events} {attached:?}");
    }
    let long = Link { url: format!("https://erp.example/{}", "中".repeat(600)), ..link(1) };
    assert_eq!(
        message(1, Attached { buttons: vec![long; 3], ..Attached::default() }).form(),
        Form::Markdown,
        "buttons that fill the message"
    );
    assert!(may_be_feed(2) && may_be_feed(8) && !may_be_feed(1) && !may_be_feed(9));
}

#[test]
fn whoever_is_called_is_called_for_sure() {
    for (events, attached) in [(1, with_buttons(2)), (1, with_picture(1)), (2, with_feed(2))] {
        let message = Message { mentions: vec![Mention::All], ..message(events, attached) };
        assert_eq!(message.form(), Form::Markdown);
    }
}

#[test]
fn only_pictures_need_a_second_message_to_call_people() {
    let people = vec![Mention::Mobile("13800000000".into())];
    let mut card = Message { mentions: people.clone(), ..message(1, with_buttons(1)) };
    assert_eq!(card.take_call(), None);
    assert_eq!((card.mentions.clone(), card.form()), (people.clone(), Form::Markdown));
    for attached in [with_picture(1), with_feed(1)] {
        let mut picture = Message { mentions: people.clone(), ..message(1, attached) };
        let call = picture.take_call().expect("a second message");
        assert_eq!((call.form(), call.mentions, picture.mentions.len()), (Form::Text, people.clone(), 0));
        assert_eq!(call.blocks, ["🟠 库存：告警（详见上一条消息）"]);
        assert_ne!(picture.form(), Form::Markdown);
    }
    assert_eq!(message(1, with_picture(1)).take_call(), None, "there is nobody to call");
}

#[test]
fn what_has_no_place_in_a_form_stands_in_the_text() {
    let card = message(1, with_picture(2)).parts(10_000);
    assert!(
        card.text.contains("**告警**\n\n![](https://erp.example/a.png)\n\n- **sku 0**") && !card.text.contains("打开"),
        "{}",
        card.text
    );
    assert_eq!(card.buttons.len(), 2);
    let plain = message(1, with_picture(6)).parts(10_000);
    assert!(plain.text.contains("[打开 0](https://erp.example/0?a=1&b=中) · [打开 1]") && plain.buttons.is_empty(), "{}", plain.text);
    assert!(plain.text.ends_with("> low_stock"));
    let picture = message(1, with_picture(1)).parts(10_000);
    assert_eq!((picture.text.as_str(), picture.picture.as_deref()), ("告警\nsku 0", Some("https://erp.example/a.png")));
    let whole = message(1, with_picture(1)).text();
    assert!(whole.contains("![](") && whole.contains("[打开 0]("), "{whole}");
}

#[test]
fn a_feed_begins_with_what_and_how_many_and_follows_the_cut() {
    let mut message = message(4, with_feed(4));
    let titles = |message: &Message| message.parts(10_000).feed.into_iter().map(|line| line.title).collect::<Vec<_>>();
    assert_eq!(titles(&message), ["🟠 库存：告警", "行 0", "行 1", "行 2", "行 3"]);
    assert!(message.shorten());
    assert_eq!(titles(&message), ["🟠 库存：告警 · + 另有 2 项，见告警历史", "行 0", "行 1"]);
    message.reduce("low_stock");
    assert_eq!((message.form(), message.attached.clone()), (Form::Markdown, Attached::default()));
}

#[test]
fn an_address_opens_in_the_browser_and_is_encoded_once() {
    assert_eq!(
        link(1).outside(),
        "dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Ferp.example%2F1%3Fa%3D1%26b%3D%E4%B8%AD&pc_slide=false"
    );
}

#[test]
fn two_short_buttons_stand_side_by_side() {
    let named = |titles: &[&str]| titles.iter().map(|title| Link { title: (*title).into(), ..link(1) }).collect::<Vec<_>>();
    assert!(is_pair(&named(&["打开 ERP", "处理手册"])));
    assert!(!is_pair(&named(&["打开 ERP 的库存页面", "手册"])) && !is_pair(&named(&["a"])) && !is_pair(&named(&["a", "b", "c"])));
    assert_eq!(named(&[&"按".repeat(30)])[0].button_title(), format!("{}…", "按".repeat(19)));
}

#[test]
fn a_title_cannot_end_its_link() {
    let link = Link { title: "a](https://evil.example)[b".into(), ..link(1) };
    assert!(link.markdown().starts_with("[a］(https://evil.example)［b]("));
}

#[test]
fn a_message_that_was_stored_before_there_were_forms_is_read() {
    let stored = r#"{"title":"t","blocks":["x"],"first_cuttable":1,"cuttable":0,"omitted":0,"language":"zh-CN","mentions":["all"]}"#;
    let message: Message =
        serde_json::from_str(stored).unwrap_or_else(|_| serde_json::from_str(&stored.replace("[\"all\"]", "[]")).unwrap());
    assert_eq!(message.attached, Attached::default());
    let now = serde_json::to_string(&message_with_all()).unwrap();
    assert_eq!(serde_json::from_str::<Message>(&now).unwrap(), message_with_all());
}

fn message_with_all() -> Message {
    Message { attached: Attached { is_call: true, feed: vec![line(1)], ..with_picture(1) }, ..message(1, Attached::default()) }
}
