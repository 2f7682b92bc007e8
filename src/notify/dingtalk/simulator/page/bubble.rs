//! One message of a chat, as the chat draws it. The live chat and the preview show the same.

use super::view::{ChatRow, Content, MessageView, Picture};
use super::words::Words;
use askama::Template;

/// A message in its bubble, with what is said about it below.
#[derive(Template)]
#[template(
    ext = "html",
    source = r##"{% macro thumb(picture) %}{% match picture %}
{%- when Some with (Picture::Here(source)) %}<img src="{{ source }}" alt="" referrerpolicy="no-referrer">
{%- when Some with (Picture::Elsewhere(address)) %}<span class="picture" title="{{ address }}"></span>
{%- when None %}{% endmatch %}{% endmacro -%}
<article class="message" id="m{{ message.id }}">
<span class="avatar c{{ chat.colour }}">{{ chat.initial }}</span>
<div class="who">{{ chat.name }}<span class="tag">{{ words.robot }}</span><time>{{ message.time }}</time></div>
{%- match message.content %}
{%- when Content::Plain with (html) %}
<div class="bubble plain">
{{- html }}{% if message.at_all %} <span class="at">{{ words.everyone }}</span>{% endif -%}
</div>
{%- when Content::Rich { html, buttons, side_by_side } %}
<div class="bubble">{{ html }}{% if message.at_all %}<p><span class="at">{{ words.everyone }}</span></p>{% endif %}
{%- if !buttons.is_empty() %}<div class="buttons{% if *side_by_side %} pair{% endif %}">
{%- for button in buttons %}{% match button.address %}{% when Some with (address) -%}
<a href="{{ address }}" target="_blank" rel="noopener noreferrer nofollow">{{ button.title }}</a>
{%- when None %}<span class="dead">{{ button.title }}</span>{% endmatch %}{% endfor -%}
</div>{% endif %}</div>
{%- when Content::Link { link, text } %}
<div class="bubble link">{% match link.address %}{% when Some with (address) -%}
<a class="title" href="{{ address }}" target="_blank" rel="noopener noreferrer nofollow">{{ link.title }}</a>
{%- when None %}<span class="title">{{ link.title }}</span>{% endmatch %}
{%- call thumb(link.picture) %}{% endcall %}<div class="text">{{ text }}</div></div>
{%- when Content::Feed with (links) %}
<div class="bubble feed">{% for link in links %}{% match link.address %}{% when Some with (address) -%}
<a href="{{ address }}" target="_blank" rel="noopener noreferrer nofollow"><span>{{ link.title }}</span>{% call thumb(link.picture) %}{% endcall %}</a>
{%- when None %}<div><span>{{ link.title }}</span>{% call thumb(link.picture) %}{% endcall %}</div>{% endmatch %}{% endfor %}</div>
{%- endmatch %}
<div class="notes">
{%- for warning in message.warnings %}<span class="warning">⚠ {{ warning }}</span>{% endfor %}
{%- if !message.listed_only.is_empty() %}<span class="warning">⚠ {{ words.not_called }} {{ message.listed_only }}</span>{% endif %}
{%- if message.repeats > 0 %}<span class="warning">↻ {{ words.repeated }} {{ message.repeats }}</span>{% endif %}
{%- if !message.notification.is_empty() %}<span>🔔 {{ words.notification }}: {{ message.notification }}</span>{% endif -%}
<details id="b{{ message.id }}"><summary>{{ message.bytes }} {{ words.bytes }}</summary><pre>{{ message.body }}</pre></details>
</div>
</article>"##
)]
pub(super) struct Bubble<'a> {
    message: &'a MessageView,
    chat: &'a ChatRow,
    words: &'a Words,
}

impl askama::filters::HtmlSafe for Bubble<'_> {}

impl MessageView {
    /// The message as HTML.
    pub(super) fn drawn<'a>(&'a self, chat: &'a ChatRow, words: &'a Words) -> Bubble<'a> {
        Bubble { message: self, chat, words }
    }
}
