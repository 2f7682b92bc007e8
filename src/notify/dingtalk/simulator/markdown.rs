//! Markdown as a robot's message shows it: headings, quotes, bold, italic, links, pictures, flat lists, `<font color>`. Cards have
//! tables, code and `<br>` too.
//!
//! Everything else is shown as it was written, with a warning. Whatever is written is escaped here, on its way into
//! [`Markup`]; nothing of a message reaches the page in another way. Nothing is loaded from outside: a picture that is not on
//! this machine, and was not uploaded here, is shown as its address.

use super::warning::Warning;
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeWithOffset};
use std::fmt;
use std::ops::Range;

/// Quotes within quotes that are drawn; deeper ones are flat.
const MAX_QUOTES: usize = 4;
/// What a link may lead to.
const SCHEMES: [&str; 3] = ["http://", "https://", "dingtalk://"];

/// HTML that was made here, and is therefore safe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Markup(String);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Markup {}

/// Whose markdown it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A custom robot's: a picture by media id may be shown as text.
    Robot,
    /// An app's robot's: pictures by media id are shown.
    App,
    /// A card's: the same, with tables, code and `<br>`.
    Card,
}

/// A rendered text.
pub(super) struct Rendered {
    pub html: Markup,
    pub warnings: Vec<Warning>,
}

/// Renders markdown; `mentioned` are those whose `@…` is drawn as a mention.
pub(super) fn render(text: &str, mentioned: &[String]) -> Rendered {
    render_as(Dialect::Robot, text, mentioned)
}

/// The same in this dialect.
pub(super) fn render_as(dialect: Dialect, text: &str, mentioned: &[String]) -> Rendered {
    let mut writer = Writer { dialect, ..Writer::new(text, mentioned) };
    let options = if dialect == Dialect::Card { Options::ENABLE_TABLES } else { Options::empty() };
    for (event, range) in TextMergeWithOffset::new(Parser::new_ext(text, options).into_offset_iter()) {
        writer.event(event, range);
    }
    let robots = dialect != Dialect::Card;
    for (sign, warning) in [(robots && has_table(text), Warning::Table), (text.matches("~~").count() > 1, Warning::Strikethrough)] {
        if sign {
            writer.warn(warning);
        }
    }
    Rendered { html: Markup(writer.html), warnings: writer.warnings }
}

/// Plain text: escaped, with mentions and addresses drawn. Line breaks are left to the style.
pub(super) fn plain(text: &str, mentioned: &[String]) -> Markup {
    let mut writer = Writer::new(text, mentioned);
    writer.text(text);
    Markup(writer.html)
}

/// The address, when a link may lead there.
pub(super) fn allowed(address: &str) -> Option<&str> {
    let address = address.trim();
    let begins = |scheme: &&str| address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    SCHEMES.iter().any(begins).then_some(address)
}

/// Whether a picture is served by this machine, as those of the demo are.
pub(super) fn is_of_this_machine(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return false };
    matches!(url.host_str(), Some("127.0.0.1" | "localhost"))
}

fn has_table(text: &str) -> bool {
    let is_rule = |line: &str| line.contains('|') && line.contains("--") && line.chars().all(|c| "|-: \t".contains(c));
    text.lines().any(is_rule)
}

struct Writer<'a> {
    dialect: Dialect,
    source: &'a str,
    /// Longest first, so that `@13` does not hide `@138`.
    mentioned: Vec<&'a str>,
    html: String,
    warnings: Vec<Warning>,
    /// How deep we are in a construct that was written raw already.
    skipping: usize,
    fonts: usize,
    lists: usize,
    quotes: usize,
    links: usize,
    item_begins: bool,
}

impl<'a> Writer<'a> {
    fn new(source: &'a str, mentioned: &'a [String]) -> Writer<'a> {
        let mut mentioned: Vec<&str> = mentioned.iter().map(String::as_str).collect();
        mentioned.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let (html, warnings) = (String::new(), Vec::new());
        Writer {
            dialect: Dialect::Robot,
            source,
            mentioned,
            html,
            warnings,
            skipping: 0,
            fonts: 0,
            lists: 0,
            quotes: 0,
            links: 0,
            item_begins: false,
        }
    }

    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if self.skipping > 0 {
            match event {
                Event::Start(_) => self.skipping += 1,
                Event::End(_) => self.skipping -= 1,
                _ => {}
            }
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.html.push_str("<code>");
                self.escape(&code);
                self.html.push_str("</code>");
            }
            Event::Html(html) | Event::InlineHtml(html) => self.foreign_html(&html),
            Event::SoftBreak => {
                self.html.push(' ');
                self.warn(Warning::SingleNewline);
            }
            Event::HardBreak => self.html.push_str("<br>"),
            Event::Rule => self.raw("p", range, Warning::Rule),
            // Not emitted without the options that ask for them; as text they lose nothing.
            _ => self.raw("span", range, Warning::Html),
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.html.push_str("<p>"),
            Tag::Heading { level, .. } => self.html.push_str(heading(level).0),
            Tag::BlockQuote(_) => {
                self.quotes += 1;
                self.html.push_str(if self.quotes <= MAX_QUOTES { "<blockquote>" } else { "" });
            }
            Tag::List(_) if self.lists > 0 => self.skip("span", range, Warning::NestedList),
            Tag::List(start) => {
                self.lists += 1;
                let list = start.map_or("<ul>".to_owned(), |number| format!("<ol start=\"{number}\">"));
                self.html.push_str(&list);
            }
            Tag::Item => {
                self.html.push_str("<li>");
                self.item_begins = true;
            }
            Tag::Emphasis => self.html.push_str("<em>"),
            Tag::Strong => self.html.push_str("<strong>"),
            Tag::Link { dest_url, .. } => self.link(&dest_url, range),
            Tag::Image { dest_url, .. } => self.image(&dest_url, range),
            Tag::CodeBlock(_) if self.dialect == Dialect::Card => self.html.push_str("<pre><code>"),
            Tag::Table(_) => self.html.push_str("<table>"),
            Tag::TableHead | Tag::TableRow => self.html.push_str("<tr>"),
            Tag::TableCell => self.html.push_str("<td>"),
            Tag::CodeBlock(_) => self.skip("pre", range, Warning::CodeBlock),
            _ => self.skip("span", range, Warning::Html),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        if matches!(tag, TagEnd::Paragraph | TagEnd::HtmlBlock | TagEnd::Heading(_) | TagEnd::Item) {
            // A colour ends with its block, whatever was written.
            self.html.push_str(&"</font>".repeat(std::mem::take(&mut self.fonts)));
        }
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.html.push_str("</p>"),
            TagEnd::Heading(level) => self.html.push_str(heading(level).1),
            TagEnd::BlockQuote(_) => {
                self.html.push_str(if self.quotes <= MAX_QUOTES { "</blockquote>" } else { "" });
                self.quotes -= 1;
            }
            TagEnd::List(ordered) => {
                self.lists -= 1;
                self.html.push_str(if ordered { "</ol>" } else { "</ul>" });
            }
            TagEnd::Item => self.html.push_str("</li>"),
            TagEnd::Emphasis => self.html.push_str("</em>"),
            TagEnd::Strong => self.html.push_str("</strong>"),
            TagEnd::Link => {
                self.links -= 1;
                self.html.push_str("</a>");
            }
            // A block of code that no card has was skipped whole.
            TagEnd::CodeBlock => self.html.push_str("</code></pre>"),
            TagEnd::Table => self.html.push_str("</table>"),
            TagEnd::TableHead | TagEnd::TableRow => self.html.push_str("</tr>"),
            TagEnd::TableCell => self.html.push_str("</td>"),
            _ => {}
        }
    }

    fn link(&mut self, address: &str, range: Range<usize>) {
        let Some(address) = allowed(address) else { return self.skip("span", range, Warning::Link) };
        self.links += 1;
        self.open_link(address);
    }

    fn open_link(&mut self, address: &str) {
        self.html.push_str("<a target=\"_blank\" rel=\"noopener noreferrer nofollow\" href=\"");
        self.escape(address);
        self.html.push_str("\">");
    }

    fn image(&mut self, address: &str, range: Range<usize>) {
        if let Some(shown) = media(address).filter(|_| self.dialect != Dialect::Robot) {
            self.html.push_str(&format!("<img src=\"{shown}\" alt=\"\">"));
            self.skipping = 1;
            return;
        }
        if allowed(address).is_none() {
            return self.skip("span", range, Warning::MediaId);
        }
        if is_of_this_machine(address) {
            self.html.push_str("<img alt=\"\" referrerpolicy=\"no-referrer\" src=\"");
            self.escape(address);
            self.html.push_str("\">");
        } else {
            self.html.push_str("<span class=\"picture\">");
            self.escape(address);
            self.html.push_str("</span>");
        }
        self.skipping = 1;
    }

    /// Text: its addresses become links, and its `@…` of people who are called become mentions.
    fn text(&mut self, text: &str) {
        if std::mem::take(&mut self.item_begins) && ["[ ] ", "[x] ", "[X] "].iter().any(|mark| text.starts_with(mark)) {
            self.warn(Warning::TaskList);
        }
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let taken = self.mention(rest).or_else(|| self.address(rest)).unwrap_or_else(|| {
                self.escape(&rest[..c.len_utf8()]);
                c.len_utf8()
            });
            rest = &rest[taken..];
        }
    }

    fn mention(&mut self, rest: &str) -> Option<usize> {
        let after = rest.strip_prefix('@')?;
        let name = *self.mentioned.iter().find(|name| after.starts_with(**name))?;
        self.html.push_str("<span class=\"at\">@");
        self.escape(name);
        self.html.push_str("</span>");
        Some(1 + name.len())
    }

    fn address(&mut self, rest: &str) -> Option<usize> {
        if self.links > 0 || !(rest.starts_with("http://") || rest.starts_with("https://")) {
            return None;
        }
        let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"'()[]{}，。；、）".contains(c)).unwrap_or(rest.len());
        let address = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']);
        self.open_link(address);
        self.escape(address);
        self.html.push_str("</a>");
        Some(address.len())
    }

    /// `<font color=…>` and its end pass, everything else is text.
    fn foreign_html(&mut self, html: &str) {
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            self.text(&rest[..start]);
            rest = &rest[start..];
            let tag = &rest[..rest.find('>').map_or(rest.len(), |end| end + 1)];
            let is_stray = self.fonts == 0 && tag == "</font>";
            if self.dialect == Dialect::Card && (is_stray || card_html(tag)) {
                self.html.push_str(if tag.starts_with("<br") { "<br>" } else { "" });
                rest = &rest[tag.len()..];
                continue;
            }
            match (colour(tag), tag.eq_ignore_ascii_case("</font>")) {
                (Some(colour), _) => {
                    self.fonts += 1;
                    self.html.push_str(&format!("<font color=\"{colour}\">"));
                }
                (None, true) if self.fonts > 0 => {
                    self.fonts -= 1;
                    self.html.push_str("</font>");
                }
                _ => {
                    self.escape(tag);
                    self.warn(Warning::Html);
                }
            }
            rest = &rest[tag.len()..];
        }
        self.text(rest);
    }

    /// Writes a construct as it stands in the source, and passes over what is in it.
    fn skip(&mut self, element: &str, range: Range<usize>, warning: Warning) {
        self.raw(element, range, warning);
        self.skipping = 1;
    }

    fn raw(&mut self, element: &str, range: Range<usize>, warning: Warning) {
        let source = self.source;
        self.html.push_str(&format!("<{element} class=\"raw\">"));
        self.escape(source[range].trim_end());
        self.html.push_str(&format!("</{element}>"));
        self.warn(warning);
    }

    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                c => self.html.push(c),
            }
        }
    }

    fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// Where a picture with this media id is shown from.
pub(super) fn media(address: &str) -> Option<String> {
    let id =
        address.strip_prefix('@').filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))?;
    Some(format!("/simulator/media/%40{id}"))
}

/// HTML that only cards know: breaks, and the sizes and people that a plain page does not draw.
fn card_html(tag: &str) -> bool {
    let is_size = tag.starts_with("<font ") && colour(tag).is_none();
    is_size || ["<br>", "<br/>", "<br />", "</a>"].contains(&tag) || tag.starts_with("<a atId=")
}

fn heading(level: HeadingLevel) -> (&'static str, &'static str) {
    match level {
        HeadingLevel::H1 => ("<h1>", "</h1>"),
        HeadingLevel::H2 => ("<h2>", "</h2>"),
        HeadingLevel::H3 => ("<h3>", "</h3>"),
        HeadingLevel::H4 => ("<h4>", "</h4>"),
        HeadingLevel::H5 => ("<h5>", "</h5>"),
        HeadingLevel::H6 => ("<h6>", "</h6>"),
    }
}

/// The colour of `<font color=#RRGGBB>`, with or without quotes.
fn colour(tag: &str) -> Option<&str> {
    let inner = tag.strip_prefix("<font ")?.strip_suffix('>')?.trim();
    let value = inner.strip_prefix("color")?.trim_start().strip_prefix('=')?.trim().trim_matches(['"', '\'']);
    let digits = value.strip_prefix('#').unwrap_or(value);
    ((1..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(value)
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
