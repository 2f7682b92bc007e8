//! The body of each form.

use super::*;
use crate::domain::message::{Attached, Language};

fn note(title: &str, text: &str) -> Message {
    Message::plain(Language::En, title, vec![text.to_owned()])
}

fn sent(title: &str, text: &str, keyword: Option<&str>, mentions: &[Mention]) -> Value {
    let message = Message { mentions: mentions.to_vec(), ..note(title, text) };
    let body = body(&Outgoing { uuid: "u", message: &message }, keyword);
    serde_json::from_str(&body).expect("JSON")
}

fn text(title: &str, text: &str, keyword: &str) -> String {
    sent(title, text, Some(keyword), &[])["markdown"]["text"].as_str().expect("a text").to_owned()
}

#[test]
fn the_keyword_goes_into_the_first_line_when_it_is_nowhere() {
    assert_eq!(text("t", "### stock\n\nrow", "alert"), "### alert · stock\n\nrow");
    assert_eq!(text("t", "- row", "告警"), "告警\n\n- row");
    assert_eq!(text("t", "#hash", "k"), "k\n\n#hash");
    assert_eq!(text("t", "", "k"), "k\n\n");
}

#[test]
fn the_keyword_is_not_repeated() {
    assert_eq!(text("an alert", "row", "alert"), "row");
    assert_eq!(text("t", "row\n\nalert", "alert"), "row\n\nalert");
    assert_eq!(text("t", "row", ""), "row");
}

#[test]
fn people_are_listed_beside_the_message_and_marked_in_it() {
    let people = [Mention::Mobile("13800000000".into()), Mention::User("manager01".into()), Mention::Mobile("13800000000".into())];
    let body = sent("t", "row", None, &people);
    assert_eq!(body["markdown"]["text"], "row\n\n@13800000000 @manager01");
    assert_eq!(body["at"], json!({ "atMobiles": ["13800000000"], "atUserIds": ["manager01"], "isAtAll": false }));
    assert!(body["markdown"].get("at").is_none());
}

#[test]
fn everyone_needs_no_mark() {
    let body = sent("t", "row", None, &[Mention::All]);
    assert_eq!(body["markdown"]["text"], "row");
    assert_eq!(body["at"]["isAtAll"], true);
}

#[test]
fn at_most_fifty_people_are_called() {
    let people: Vec<Mention> = (0..60).map(|n| Mention::User(format!("user{n}"))).collect();
    let body = sent("t", "row", None, &people);
    assert_eq!(body["at"]["atUserIds"].as_array().map(Vec::len), Some(50));
    assert_eq!(body["markdown"]["text"].as_str().map(|text| text.matches('@').count()), Some(50));
}

#[test]
fn an_empty_title_is_taken_from_the_text() {
    assert_eq!(sent(" ", "\n### low stock\n\nrow", None, &[])["markdown"]["title"], "low stock");
    assert_eq!(sent("", "", None, &[])["markdown"]["title"], "rowbell");
    assert_eq!(sent("a\nb", "x", None, &[])["markdown"]["title"], "a b");
}

#[test]
fn the_size_counts_bytes_of_utf8() {
    let message = |text| body_size(&Outgoing { uuid: "u", message: &note("t", text) }, None);
    assert_eq!(message("库存") - message(""), 6);
    assert_eq!(message("\"\n") - message(""), 4);
}

// ---- the other forms

fn link(title: &str, url: &str) -> Link {
    Link { title: title.to_owned(), url: url.to_owned() }
}

fn line(n: usize) -> FeedLine {
    FeedLine { title: format!("行 {n}"), url: format!("https://erp.example/{n}"), picture: format!("https://erp.example/{n}.png") }
}

/// A message of two rows.
fn rows(attached: Attached) -> Message {
    let blocks = ["### 库存", "**2 项**", "- a", "- b", "> erp"].map(str::to_owned).to_vec();
    Message { title: "库存：2 项".into(), blocks, first_cuttable: 2, cuttable: 2, attached, ..Message::default() }
}

fn json_of(message: &Message, keyword: Option<&str>) -> Value {
    serde_json::from_str(&body(&Outgoing { uuid: "u", message }, keyword)).expect("JSON")
}

#[test]
fn one_button_is_the_cards_own_and_several_are_a_list() {
    let one = rows(Attached { buttons: vec![link("打开", "https://erp.example/a?b=1")], ..Attached::default() });
    let inside = "dingtalk://dingtalkclient/page/link?url=https%3A%2F%2Ferp.example%2Fa%3Fb%3D1&pc_slide=false";
    let card =
        json!({ "title": "库存：2 项", "text": "### 库存\n\n**2 项**\n\n- a\n- b\n\n> erp", "singleTitle": "打开", "singleURL": inside });
    assert_eq!(json_of(&one, None), json!({ "msgtype": "actionCard", "actionCard": card, "msgUuid": "u" }));
    let two = rows(Attached {
        buttons: vec![link("打开", "https://erp.example/a"), link("手册", "https://erp.example/b")],
        ..Attached::default()
    });
    let card = &json_of(&two, Some("告警"))["actionCard"];
    assert_eq!((card["btnOrientation"].as_str(), card["btns"].as_array().map(Vec::len)), (Some("1"), Some(2)));
    assert!(card.get("singleTitle").is_none() && card["text"].as_str().is_some_and(|text| text.starts_with("### 告警 · 库存")));
    assert_eq!(card["btns"][1]["title"], "手册");
}

#[test]
fn a_picture_is_a_link_and_several_are_a_feed_with_the_keyword_in_the_title() {
    let picture = Some("https://erp.example/a.png".to_owned());
    let one = Message {
        cuttable: 1,
        ..rows(Attached { buttons: vec![link("打开", "https://erp.example/a")], picture, ..Attached::default() })
    };
    let sent = json_of(&one, Some("告警"));
    assert_eq!((sent["msgtype"].as_str(), sent["link"]["title"].as_str()), (Some("link"), Some("告警 · 库存：2 项")));
    assert_eq!((sent["link"]["text"].as_str(), sent["link"]["picUrl"].as_str()), (Some("2 项\na\nb"), Some("https://erp.example/a.png")));
    assert!(
        sent["link"]["messageUrl"].as_str().is_some_and(|url| url.ends_with("erp.example%2Fa&pc_slide=false")) && sent.get("at").is_none()
    );
    let feed = json_of(&rows(Attached { feed: vec![line(0), line(1)], ..Attached::default() }), Some("告警"));
    let titles: Vec<&str> = feed["feedCard"]["links"].as_array().expect("lines").iter().filter_map(|line| line["title"].as_str()).collect();
    assert_eq!(titles, ["告警 · 库存：2 项", "行 0", "行 1"]);
    assert_eq!(feed["feedCard"]["links"][2]["picURL"], "https://erp.example/1.png");
}

#[test]
fn the_call_is_a_text_that_lists_and_marks() {
    let attached = Attached { is_call: true, ..Attached::default() };
    let call =
        Message { mentions: vec![Mention::User("boss".into()), Mention::All], attached, ..note("t", "库存（详见上一条消息）") };
    let sent = json_of(&call, Some("告警"));
    assert_eq!(sent["text"]["content"], "告警\n\n库存（详见上一条消息）\n\n@boss");
    assert_eq!(sent["at"], json!({ "atMobiles": [], "atUserIds": ["boss"], "isAtAll": true }));
}

mod sizes {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z库🟠\"\\\\\u{1}\n]{0,60}",
            "[a-z]{1,900}"
                .prop_map(|word| format!("**{word}** [{word}](https://erp.example/{word}) &nbsp;<font color=#FF0000>{word}</font>")),
            (1..30_000_usize).prop_map(|length| "值".repeat(length)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn no_body_is_too_long_whatever_it_holds(
            title in text(), blocks in prop::collection::vec(text(), 3..60), buttons in prop::collection::vec((text(), 0..1_900_usize), 0..8),
            people in 0..60_usize, feed in 0..9_usize, picture in any::<bool>(), keyword in prop::option::of("[a-z告警]{1,20}"), uuid in "[0-9a-f]{36}",
        ) {
            let buttons = buttons.into_iter().map(|(title, length)| link(&title, &format!("https://erp.example/{}", "%E5".repeat(length / 3)))).collect();
            let feed = (0..feed).map(line).collect();
            let attached = Attached { buttons, picture: picture.then(|| "https://erp.example/a.png".to_owned()), feed, is_call: false };
            let cuttable = blocks.len() - 3;
            let people = (0..people).map(|n| Mention::User(format!("user{n:030}"))).collect();
            let message = Message { title: cut_title(&title), blocks, first_cuttable: 2, cuttable, mentions: people, attached, ..Message::default() };
            let body = body(&Outgoing { uuid: &uuid, message: &message }, keyword.as_deref());
            prop_assert!(body.len() <= FULL_BODY_BYTES, "{}", body.len());
            let sent: Value = serde_json::from_str(&body).expect("JSON");
            if let Some(keyword) = keyword {
                prop_assert!(body.contains(&keyword), "{}", body);
            }
            for person in &message.mentions {
                let Some(name) = name(person).filter(|_| sent["at"]["atUserIds"].to_string().contains(name(person).unwrap_or_default())) else { continue };
                let mark = format!("@{name}");
                prop_assert!(sent.to_string().contains(&mark), "{} is listed and not marked", name);
            }
        }
    }

    fn cut_title(title: &str) -> String {
        title.chars().take(80).collect()
    }
}

// ---- what public clients send for the same

/// Requests of DingtalkChatbot 1.5.7 and apprise 2.2.0 (PyPI), recorded by a local listener for the content below, with the
/// secret and the time of the first sign vector.
fn recorded(client: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/data/dingtalk_clients.json")).expect("JSON");
    all[client].as_array().expect("requests").clone()
}

const SECRET: &str = "SEC4beb98c1a8454adc5dd45b8e21f2d4f5f322f349d1a3c0503eb3bb23e1ec974f";

/// Ours, without what only we send: `msgUuid`, empty lists of people; a `btnOrientation` as the string that is documented.
fn comparable(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.shift_remove("msgUuid");
    }
    if let Some(at) = body.get_mut("at").and_then(Value::as_object_mut) {
        at.retain(|name, value| name == "atMobiles" && value.as_array().is_some_and(|list| !list.is_empty()));
    }
    if let Some(card) = body.get_mut("actionCard").and_then(Value::as_object_mut) {
        card.shift_remove("hideAvatar");
        card.shift_remove("btnOrientation");
    }
    body
}

#[test]
fn a_public_client_and_ours_send_the_same_for_the_same() {
    let called = vec![Mention::Mobile("13800000000".into())];
    let buttons =
        |names: &[(&str, &str)]| Attached { buttons: names.iter().map(|(title, url)| link(title, url)).collect(), ..Attached::default() };
    let (open, guide) = (("打开", "https://erp.example/a"), ("手册", "https://erp.example/b"));
    let feed = |title: &str, name: &str| FeedLine {
        title: title.into(),
        url: format!("https://erp.example/{name}"),
        picture: format!("https://erp.example/{name}.png"),
    };
    let picture = Some("https://erp.example/a.png".to_owned());
    let call = Attached { is_call: true, ..Attached::default() };
    let linked = Message::plain(Language::En, "库存", ["### 库存", "stock 3", "> erp"].map(str::to_owned).to_vec());
    let ours = [
        Message { mentions: called.clone(), ..note("库存：1 项告警", "### 库存\n\n- a") },
        Message { mentions: called, attached: call, ..note("库存", "库存（详见上一条消息）") },
        Message { attached: buttons(&[open]), ..note("库存", "### 库存") },
        Message { attached: buttons(&[open, guide]), ..note("库存", "### 库存") },
        Message { attached: Attached { picture, ..buttons(&[open]) }, ..linked },
        // Our feed begins with a heading that leads where its first line does.
        Message { cuttable: 1, attached: Attached { feed: vec![feed("库存", "a")], ..Attached::default() }, ..note("库存", "- a") },
    ];
    let theirs = recorded("DingtalkChatbot 1.5.7");
    assert_eq!(theirs.len(), ours.len());
    for (message, request) in ours.iter().zip(&theirs) {
        let (mine, other) = (comparable(json_of(message, None)), comparable(request["body"].clone()));
        // It marks people on a line of their own, we in a paragraph of their own: one line feed does not break a line.
        let other: Value = serde_json::from_str(&other.to_string().replace("\\n@", "\\n\\n@")).expect("JSON");
        match other["msgtype"].as_str() {
            Some("feedCard") => assert_eq!(mine["feedCard"]["links"][0], other["feedCard"]["links"][0]),
            _ => assert_eq!(mine, other),
        }
        assert_eq!(request["query"]["sign"], crate::notify::dingtalk::sign::sign(SECRET, 1_735_689_600_000));
    }
}

#[test]
fn what_another_client_gets_wrong_ours_does_not() {
    for request in recorded("apprise 2.2.0") {
        // Encoded by hand and once more by its HTTP library; its people are listed and not marked, so nobody is notified.
        let signed = crate::notify::dingtalk::sign::sign(SECRET, 1_735_689_600_000);
        assert_ne!(request["query"]["sign"], signed);
        let once = url::form_urlencoded::parse(format!("s={}", request["query"]["sign"].as_str().unwrap_or_default()).as_bytes())
            .into_owned()
            .next();
        assert_eq!(once.map(|(_, sign)| sign), Some(signed));
        assert!(!request["body"]["text"]["content"].as_str().is_some_and(|text| text.contains("@13800000000")));
    }
}
