//! Text from a database is text: it cannot mention anyone, add a link, or break the Markdown.
//!
//! DingTalk's robot Markdown documents no escape, so characters that could act are replaced by look-alikes that cannot
//! (mostly their full-width forms). What people copy from messages (codes such as `SKU_A-1`, amounts, dates, mail
//! hosts) stays as it is wherever it cannot act.

/// The most characters of one value that a message shows.
const MAX_CHARS: usize = 200;

/// Makes a text from outside harmless, on one line, at most 200 characters.
pub fn neutralise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let cut: Vec<char> = text.chars().filter(|c| !is_invisible(*c)).take(MAX_CHARS + 1).collect();
    let shown = &cut[..cut.len().min(MAX_CHARS)];
    for (at, &c) in shown.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| shown[at]);
        out.push_str(replacement(c, before, shown.get(at + 1).copied()).unwrap_or(c.encode_utf8(&mut [0; 4])));
    }
    if cut.len() > MAX_CHARS {
        out.push('…');
    }
    break_links(defuse_start(out))
}

/// What stands in for a character that could act.
fn replacement(c: char, before: Option<char>, after: Option<char>) -> Option<&'static str> {
    let inside_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    Some(match c {
        '\n' => " ⏎ ",
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

/// Characters that change how others are read without being seen: controls, zero-width, direction overrides.
fn is_invisible(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    control
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{061C}' | '\u{FEFF}' | '\u{00AD}' | '\u{E0000}'..='\u{E007F}')
}

/// At the start of a line `- `, `+ `, `1. `, `= ` would be structure.
fn defuse_start(text: String) -> String {
    let trimmed = text.trim_start();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let rest = &trimmed[digits..];
    let is_list = digits > 0 && (rest.starts_with(". ") || rest.starts_with(") ") || rest == ".");
    let is_rule = trimmed.len() >= 3 && (trimmed.chars().all(|c| c == '-') || trimmed.chars().all(|c| c == '='));
    if is_list {
        return format!("{}．{}", &trimmed[..digits], rest[1..].trim_start());
    }
    match trimmed.chars().next() {
        Some('-') if is_rule || trimmed.starts_with("- ") => trimmed.replacen('-', "－", 1),
        Some('+') if trimmed.starts_with("+ ") => trimmed.replacen('+', "＋", 1),
        Some('=') if is_rule => trimmed.replacen('=', "＝", 1),
        _ => text,
    }
}

/// Clients make links of `scheme://…` and `www.…` by themselves.
fn break_links(text: String) -> String {
    let text = text.replace("://", ":／／").replace("//", "／／");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) =
        rest.char_indices().map(|(at, _)| at).find(|at| rest[*at..].get(..4).is_some_and(|head| head.eq_ignore_ascii_case("www.")))
    {
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
            ("a\n# RESOLVED", "a ⏎  ＃ RESOLVED"),
            ("<font color=red>", "＜font color=red＞"),
            ("WWW.evil.example", "WWW．evil.example"),
            ("1. first", "1．first"),
            ("- item", "－ item"),
            ("---", "－--"),
            ("\u{202E}gnp.exe\u{200B}", "gnp.exe"),
            ("_x_", "＿x＿"),
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
        fn no_text_makes_anything_but_text(text in "\\PC{0,60}|[\\[\\]()!<>@#*_~`|&\\\\\n:/w. -]{0,40}") {
            use pulldown_cmark::{Event, Parser, Tag};
            let line = format!("- **id** {}", neutralise(&text));
            let acts = Parser::new(&line).filter(|event| matches!(event, Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Heading { .. } | Tag::BlockQuote(_) | Tag::CodeBlock(_) | Tag::HtmlBlock) | Event::Html(_) | Event::InlineHtml(_) | Event::Code(_) | Event::Rule)).count();
            prop_assert_eq!(acts, 0);
            let shown = neutralise(&text);
            let harmless = !shown.contains(['@', '[', '<']) && !shown.contains("://");
            prop_assert!(harmless);
        }
    }
}
