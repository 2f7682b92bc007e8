//! Markdown as plain text, for the forms that know none: a line for each heading, paragraph and item.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// The words of a Markdown text. A link keeps its address behind it, a picture is left out.
pub(super) fn of_markdown(text: &str) -> String {
    let mut plain = String::new();
    let mut links: Vec<String> = Vec::new();
    let mut pictures = 0_usize;
    for event in Parser::new(text) {
        match event {
            Event::Start(Tag::Image { .. }) => pictures += 1,
            Event::End(TagEnd::Image) => pictures = pictures.saturating_sub(1),
            Event::Text(words) | Event::Code(words) if pictures == 0 => plain.push_str(&words),
            Event::SoftBreak | Event::HardBreak => end_line(&mut plain),
            Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.into_string()),
            Event::End(TagEnd::Link) => plain.push_str(&format!(" {}", links.pop().unwrap_or_default())),
            Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::Item | Tag::CodeBlock(_)) | Event::Rule => end_line(&mut plain),
            _ => {}
        }
    }
    // Marks that are no pair to everyone.
    plain.replace("**", "").trim().to_owned()
}

fn end_line(plain: &mut String) {
    if !plain.is_empty() && !plain.ends_with('\n') {
        plain.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_stay_and_the_marks_go() {
        for (text, words) in [
            (
                "### 🟠 库存\n\n**1 项** · 警告\n\n- name：螺丝\n- stock：3\n\n> low_stock · erp",
                "🟠 库存\n1 项 · 警告\nname：螺丝\nstock：3\nlow_stock · erp",
            ),
            ("[打开](https://erp.example/a) ![x](https://erp.example/a.png)", "打开 https://erp.example/a"),
            ("<font color=#f00>red</font>&nbsp;x", "red\u{a0}x"),
            ("**中文：**后", "中文：后"),
            ("a\nb", "a\nb"),
        ] {
            assert_eq!(of_markdown(text), words);
        }
    }
}
