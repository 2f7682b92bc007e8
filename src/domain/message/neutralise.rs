//! Text from a database is text: it cannot mention anyone, add a link, or break the Markdown.
//!
//! DingTalk's robot Markdown documents no escape, so characters that could act are replaced by look-alikes that cannot
//! (mostly their full-width forms). What people copy from messages (codes such as `SKU_A-1`, amounts, dates, mail
//! hosts) stays as it is wherever it cannot act.

/// The most characters of one value that a message shows.
const MAX_CHARS: usize = 200;

/// What stands for a text of which nothing can be seen.
const UNSEEN: &str = "␣";

/// Makes a text from outside harmless, on one line, at most 200 characters.
pub fn neutralise(text: &str) -> String {
    neutralise_to(text, MAX_CHARS)
}

/// The same with another limit.
pub(in crate::domain) fn neutralise_to(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(4 * max_chars));
    let cut: Vec<char> = text.trim().chars().filter(|c| !is_invisible(*c)).take(max_chars + 1).collect();
    let shown = &cut[..cut.len().min(max_chars)];
    for (at, &c) in shown.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| shown[at]);
        out.push_str(replacement(c, before, shown.get(at + 1).copied()).unwrap_or(c.encode_utf8(&mut [0; 4])));
    }
    if cut.len() > max_chars {
        out.push('…');
    }
    match out.trim() {
        // Nothing between two marks of emphasis would make of them a mark of their own.
        "" if !text.is_empty() => UNSEEN.to_owned(),
        shown => break_links(defuse_start(shown)),
    }
}

/// What stands in for a character that could act.
fn replacement(c: char, before: Option<char>, after: Option<char>) -> Option<&'static str> {
    let inside_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    Some(match c {
        '\n' | '\u{2028}' | '\u{2029}' => " ⏎ ",
        '\r' => "",
        '\t' => " ",
        '[' => "［",
        ']' => "］",
        '<' => "＜",
        '>' => "＞",
        '@' => "＠",
        '#' => "＃",
        '*' => "＊",
        '~' => "～",
        '`' => "＇",
        '|' => "｜",
        '&' => "＆",
        '\\' => "＼",
        '_' if !(inside_word(before) && inside_word(after)) => "＿",
        _ => return None,
    })
}

/// Characters that change how others are read without being seen: controls, zero-width, direction overrides, fillers.
pub(in crate::domain) fn is_invisible(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    control
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{061C}' | '\u{FEFF}' | '\u{00AD}' | '\u{E0000}'..='\u{E007F}'
            | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{2800}' | '\u{3164}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}')
}

/// At the start of a line `- `, `+ `, `1. `, and `=` or `-` alone would be structure. What follows in the message may be a
/// space, so a mark at the end of the text counts too.
fn defuse_start(text: &str) -> String {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut marks = text[digits..].chars();
    let mark = marks.next();
    let is_alone = marks.next().is_none_or(char::is_whitespace);
    let is_rule = digits == 0 && (text.trim_start_matches('-').is_empty() || text.trim_start_matches('=').is_empty());
    let wide = match mark {
        Some('.') if digits > 0 && is_alone => '．',
        Some(')') if digits > 0 && is_alone => '）',
        Some('-') if digits == 0 && (is_alone || is_rule) => '－',
        Some('+') if digits == 0 && is_alone => '＋',
        Some('=') if is_rule => '＝',
        _ => return text.to_owned(),
    };
    format!("{}{wide}{}", &text[..digits], &text[digits + 1..])
}

/// Clients make links of `scheme://…` and `www.…` by themselves. A `:/` at the end is broken too: what follows in the
/// message may be the other slash.
fn break_links(text: String) -> String {
    let text = text.replace(":/", ":／").replace("／/", "／／").replace("//", "／／");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = (0..rest.len()).find(|at| rest.get(*at..*at + 4).is_some_and(|head| head.eq_ignore_ascii_case("www."))) {
        out.push_str(&rest[..at + 3]);
        out.push('．');
        rest = &rest[at + 4..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_copy_stays() {
        for text in [
            "SKU_A-1",
            "-5.00",
            "2026-11-23 09:30:00+08",
            "a/b",
            "(0571) 555-1234",
            "100%",
            "Côte de Blaye",
            "钉钉",
            "x = 1; y",
            "5.5",
            "A. B.",
        ] {
            assert_eq!(neutralise(text), text);
        }
    }

    #[test]
    fn what_could_act_cannot() {
        for (text, shown) in [
            ("[点我](http://evil.example)", "［点我］(http:／／evil.example)"),
            ("@13800000000 @all", "＠13800000000 ＠all"),
            ("a\n# RESOLVED", "a ⏎ ＃ RESOLVED"),
            ("<font color=red>", "＜font color=red＞"),
            ("WWW.evil.example", "WWW．evil.example"),
            ("1. first", "1． first"),
            ("1)", "1）"),
            ("-", "－"),
            ("+", "＋"),
            ("==", "＝="),
            ("    code", "code"),
            ("http:/", "http:／"),
            ("a\u{2028}b", "a ⏎ b"),
            ("- item", "－ item"),
            ("---", "－--"),
            ("\u{202E}gnp.exe\u{200B}", "gnp.exe"),
            ("_x_", "＿x＿"),
            ("", ""),
            (" ", "␣"),
            ("\u{0}\u{200B}", "␣"),
        ] {
            assert_eq!(neutralise(text), shown);
        }
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(neutralise(&"好".repeat(300)).chars().count(), 201);
    }

    proptest! {
        #[test]
        fn no_text_makes_anything_but_text(text in "\\PC{0,60}|[\\[\\]()!<>@#*_~`|&\\\\\n:/w. =+1-]{0,40}") {
            use pulldown_cmark::{Event, Options, Parser, Tag};
            let shown = neutralise(&text);
            let harmless = |tag: &Tag<'_>| matches!(tag, Tag::Paragraph | Tag::Strong) || *tag == Tag::List(None) || *tag == Tag::Item;
            for line in [format!("- **id** {shown}"), shown.clone(), format!("{shown} x"), format!("x\n{shown}"), format!("- {shown} x")] {
                let lists = Parser::new(&line).filter(|event| matches!(event, Event::Start(Tag::List(_)))).count();
                prop_assert_eq!(lists, usize::from(line.starts_with("- ")), "{}", line);
                let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES;
                let acts = Parser::new_ext(&line, options).find(|event| match event {
                    Event::Start(tag) => !harmless(tag),
                    Event::End(_) | Event::Text(_) | Event::SoftBreak => false,
                    _ => true,
                });
                prop_assert_eq!(acts, None, "{}", line);
            }
            let is_text = !shown.contains(['@', '[', '<', '\n']) && !shown.contains("//") && !shown.contains(":/");
            prop_assert!(is_text);
        }
    }
}
