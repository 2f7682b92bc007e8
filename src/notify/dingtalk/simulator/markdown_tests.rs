//! What each dialect draws, and that no text makes markup of its own.

use super::*;

fn html(text: &str) -> String {
    render(text, &["13800000000".to_owned(), "138".to_owned(), "user_01".to_owned()]).html.0
}

fn warnings(text: &str) -> Vec<Warning> {
    render(text, &[]).warnings
}

#[test]
fn a_card_has_tables_code_breaks_and_uploaded_pictures() {
    let card = |text: &str| render_as(Dialect::Card, text, &[]);
    assert_eq!(card("|a|b|\n|-|-|\n|<b>|2|").html.0, "<table><tr><td>a</td><td>b</td></tr><tr><td>&lt;b&gt;</td><td>2</td></tr></table>");
    assert_eq!(card("```\n<x>\n```").html.0, "<pre><code>&lt;x&gt;\n</code></pre>");
    assert_eq!(card("a<br>b ![](@lAD-1_x)").html.0, "<p>a<br>b <img src=\"/simulator/media/%40lAD-1_x\" alt=\"\"></p>");
    assert_eq!(card("<font sizeToken=x>a</font> <script>").html.0, "<p>a &lt;script&gt;</p>");
    assert!(card("![](@\"><x)").html.0.contains("&quot;"));
}

#[test]
fn the_documented_subset_is_drawn() {
    let text = "### 库存\n\n> **bold** *it*\n\n- a\n- b\n\n1. c\n\n[t](https://x.y/?a=1&b=2)";
    assert_eq!(
        html(text),
        "<h3>库存</h3><blockquote><p><strong>bold</strong> <em>it</em></p></blockquote><ul><li>a</li><li>b</li></ul>\
         <ol start=\"1\"><li>c</li></ol><p><a target=\"_blank\" rel=\"noopener noreferrer nofollow\" \
         href=\"https://x.y/?a=1&amp;b=2\">t</a></p>"
    );
    assert_eq!(warnings(text), []);
}

#[test]
fn a_single_newline_does_not_break_and_two_spaces_do() {
    assert_eq!(html("a\nb"), "<p>a b</p>");
    assert_eq!(warnings("a\nb"), [Warning::SingleNewline]);
    assert_eq!(html("a  \n  b"), "<p>a<br>b</p>");
    assert_eq!(warnings("a  \n  b\n\nc"), []);
}

#[test]
fn what_is_not_in_the_subset_is_shown_as_written() {
    assert_eq!(html("```sql\nselect 1 < 2\n```"), "<pre class=\"raw\">```sql\nselect 1 &lt; 2\n```</pre>");
    assert_eq!(warnings("```\nx\n```"), [Warning::CodeBlock]);
    assert_eq!(warnings("| a | b |\n|---|---|\n| 1 | 2 |"), [Warning::SingleNewline, Warning::Table]);
    assert_eq!(html("- a\n  - b"), "<ul><li>a<span class=\"raw\">- b</span></li></ul>");
    assert_eq!(warnings("- a\n  - b"), [Warning::NestedList]);
    assert_eq!(warnings("~~gone~~"), [Warning::Strikethrough]);
    assert_eq!(warnings("- [ ] todo"), [Warning::TaskList]);
    assert_eq!(html("a\n\n---\n\nb"), "<p>a</p><p class=\"raw\">---</p><p>b</p>");
}

#[test]
fn html_is_text_but_for_a_colour() {
    assert_eq!(html("<b>x</b>"), "<p>&lt;b&gt;x&lt;/b&gt;</p>");
    assert_eq!(html("a <font color=#FF0000>red</font>"), "<p>a <font color=\"#FF0000\">red</font></p>");
    assert_eq!(html("a <font color='#f00'>red"), "<p>a <font color=\"#f00\">red</font></p>");
    assert_eq!(html("a </font>"), "<p>a &lt;/font&gt;</p>");
    assert_eq!(html("x <font color=\"red\" onclick=\"y\">z"), "<p>x &lt;font color=&quot;red&quot; onclick=&quot;y&quot;&gt;z</p>");
    assert_eq!(html("<script>\nalert(1)\n</script>"), "<p>&lt;script&gt;\nalert(1)\n&lt;/script&gt;</p>");
    assert_eq!(warnings("<b>x</b>"), [Warning::Html]);
}

#[test]
fn a_link_leads_to_the_web_or_to_dingtalk_only() {
    for address in ["javascript:alert(1)", "data:text/html,x", "JaVaScRiPt:alert(1)", "//evil", "/relative", "dtmd://x", "ftp://x"] {
        let text = format!("[t]({address})");
        assert_eq!(html(&text), format!("<p><span class=\"raw\">[t]({address})</span></p>"), "{address}");
        assert_eq!(warnings(&text), [Warning::Link]);
    }
    assert!(html("[t](dingtalk://dingtalkclient/page/link?url=x)").contains("href=\"dingtalk:"));
    assert!(html("[t](http://库存.cn/1)").contains("href=\"http://库存.cn/1\""));
    assert!(html("<https://x/'onmouseover='alert>").contains("href=\"https://x/&#39;onmouseover=&#39;alert\""));
}

#[test]
fn pictures_are_not_loaded() {
    assert_eq!(html("![alt](https://x/y.png)"), "<p><span class=\"picture\">https://x/y.png</span></p>");
    assert_eq!(warnings("![alt](@lADxyz)"), [Warning::MediaId]);
    assert!(!html("![a](https://x/y.png)").contains("<img"));
}

#[test]
fn mentions_and_addresses_are_drawn_in_text() {
    assert_eq!(html("hi @13800000000"), "<p>hi <span class=\"at\">@13800000000</span></p>");
    assert_eq!(html("hi @user_01!"), "<p>hi <span class=\"at\">@user_01</span>!</p>");
    assert_eq!(html("hi @nobody"), "<p>hi @nobody</p>");
    assert!(html("see http://x.y/z, then").contains("href=\"http://x.y/z\">http://x.y/z</a>, then"));
    assert_eq!(plain("a\n<b> @138", &["138".to_owned()]).0, "a\n&lt;b&gt; <span class=\"at\">@138</span>");
}

#[test]
fn no_text_makes_markup_of_its_own() {
    let known =
        ["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "em", "strong", "a", "code", "pre", "span", "br", "font", "blockquote"];
    proptest::proptest!(|(text in r#"([<>"'&@#*_~`|\-\[\]()!\\ \n]|font|color=|script|img|javascript:|http://x|[a-z0-9]|库){0,60}"#)| {
        let html = html(&text);
        for tag in html.split('<').skip(1) {
            let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
            proptest::prop_assert!(known.contains(&name.as_str()), "{html}");
            let attributes = tag.split('>').next().unwrap_or_default();
            proptest::prop_assert!(!attributes.contains(" on"), "{html}");
        }
    });
}

#[test]
fn deep_quotes_stay_flat() {
    let html = html(&">".repeat(5000));
    assert!(html.matches("<blockquote>").count() <= MAX_QUOTES, "{}", html.len());
}
