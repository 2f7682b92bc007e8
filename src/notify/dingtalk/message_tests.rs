//! The body of each form.

use super::*;
use crate::domain::message::Language;

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
