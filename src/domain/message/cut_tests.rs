//! Cuts break nothing.

use super::*;
use proptest::prelude::*;

fn cut_to(text: &str, room: usize) -> String {
    block(text, json_bytes(text) - room)
}

#[test]
fn a_cut_falls_before_what_it_would_break() {
    for (text, room, cut) in [
        ("- a\n- b\n- cccccccccccc", 20, "- a\n- b\n- …"),
        ("one two three four five six", 20, "one two thr…"),
        ("see [the page](https://erp.example/items/1) now", 40, "see…"),
        ("see ![](https://erp.example/items/1.png) now", 40, "see…"),
        ("a **bold words here** b", 22, "a…"),
        ("a **中文：**后面还有很多字", 20, "a…"),
        ("x <font color=#ff0000>red words</font> y", 36, "x…"),
        ("a&nbsp;b&nbsp;cccc", 15, "a…"),
        ("a&#160b&#160cccccccc", 19, "a&#160b…"),
        ("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 40, "👨‍👩‍👧…"),
        ("e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}", 19, "e\u{301}e\u{301}e\u{301}…"),
    ] {
        assert_eq!(cut_to(text, room), cut, "{text}");
    }
}

#[test]
fn a_span_that_is_longer_than_the_room_becomes_words() {
    assert_eq!(cut_to(&format!("**{}**", "好".repeat(100)), 40), format!("{}…", "好".repeat(10)));
    let link = cut_to("[a very long title of a link](https://erp.example/)", 30);
    assert!(link.starts_with("a very long title") && link.ends_with('…') && !link.contains('['), "{link}");
}

#[test]
fn a_title_is_cut_at_a_character_as_a_person_sees_it() {
    assert_eq!(to_chars("短标题", 3), "短标题");
    assert_eq!(to_chars("长的标题", 3), "长的…");
    assert_eq!(to_chars("a👨‍👩‍👧b", 4), "a…");
}

fn piece() -> impl Strategy<Value = String> {
    let word = "[a-z中库🟠é]{1,12}";
    prop_oneof![
        3 => word.prop_map(|w| w),
        1 => (word, "[a-z]{1,80}").prop_map(|(w, u)| format!("[{w}](https://erp.example/{u})")),
        1 => "[a-z]{1,40}".prop_map(|u| format!("![](https://erp.example/{u}.png)")),
        1 => word.prop_map(|w| format!("**{w} {w}**")),
        1 => word.prop_map(|w| format!("*{w}*")),
        1 => word.prop_map(|w| format!("<font color=#FF0000>{w} {w}</font>")),
        1 => Just("&nbsp;".to_owned()),
        1 => Just("👩‍🔬".to_owned()),
        1 => Just("e\u{301}\u{327}".to_owned()),
        1 => Just("\n- ".to_owned()),
    ]
}

/// Every link with its words, and how often something is emphasised.
fn links(text: &str) -> Vec<String> {
    text.split('[').skip(1).map(|rest| rest.split_inclusive(')').next().unwrap_or_default().to_owned()).collect()
}

proptest! {
    #[test]
    fn nothing_is_broken(pieces in prop::collection::vec(piece(), 1..40), share in 0.05..0.95_f64) {
        let text = pieces.join(" ");
        let room = (json_bytes(&text) as f64 * share) as usize;
        prop_assume!(room > 12);
        let cut = cut_to(&text, room);
        prop_assert!(json_bytes(&cut) <= room, "{} > {room}: {cut}", json_bytes(&cut));
        let whole = links(&text);
        for link in links(&cut) {
            prop_assert!(whole.contains(&link), "{link} in {cut}");
        }
        prop_assert_eq!(cut.matches("**").count() % 2, 0, "{}", cut);
        prop_assert_eq!(cut.matches("<font").count(), cut.matches("</font>").count(), "{}", cut);
        prop_assert_eq!(cut.matches('&').count(), cut.matches("&nbsp;").count(), "{}", cut);
        let words = neutralise_all(&plain::of_markdown(&text));
        let seen: Vec<&str> = text.graphemes(true).chain(words.graphemes(true)).collect();
        prop_assert!(cut.graphemes(true).all(|c| c == MARK || seen.contains(&c)), "{}", cut);
    }
}
