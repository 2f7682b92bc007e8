//! What would not look, or notify, as the sender meant it.

use super::settings::Language;

/// A warning about a message that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Warning {
    Table,
    CodeBlock,
    NestedList,
    Html,
    Strikethrough,
    TaskList,
    Rule,
    SingleNewline,
    MediaId,
    Link,
    AtInside,
    AtIgnored,
    TooManyPeople,
}

impl Warning {
    /// It in words.
    pub fn words(self, language: Language) -> &'static str {
        match language {
            Language::English => self.english(),
            Language::Chinese => self.chinese(),
        }
    }

    fn english(self) -> &'static str {
        match self {
            Warning::Table => "a table: robots' markdown has none, phones garble it",
            Warning::CodeBlock => "a code block: robots' markdown has none",
            Warning::NestedList => "a list in a list: robots' markdown has none",
            Warning::Html => "HTML is shown as text; only <font color> works",
            Warning::Strikethrough => "~~strikethrough~~ does not work",
            Warning::TaskList => "a task list is shown as text",
            Warning::Rule => "a rule (---) is shown as text",
            Warning::SingleNewline => "a single line break does not break the line: leave a blank line",
            Warning::MediaId => "a picture by media id may be shown as text: use an https address",
            Warning::Link => "a link that is neither http, https nor dingtalk is shown as text",
            Warning::AtInside => "`at` stands inside the message and is ignored: it belongs beside it",
            Warning::AtIgnored => "`at` is ignored in messages of this type",
            Warning::TooManyPeople => "more than 50 people are called by name: not all are notified",
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            Warning::Table => "含有表格：机器人 Markdown 不支持，手机上会错乱",
            Warning::CodeBlock => "含有代码块：机器人 Markdown 不支持",
            Warning::NestedList => "含有嵌套列表：机器人 Markdown 不支持",
            Warning::Html => "HTML 按文本显示，仅支持 <font color>",
            Warning::Strikethrough => "不支持 ~~删除线~~",
            Warning::TaskList => "任务列表按文本显示",
            Warning::Rule => "分隔线（---）按文本显示",
            Warning::SingleNewline => "单个换行不会换行：请空一行",
            Warning::MediaId => "用 media id 的图片可能显示为文本：请用 https 地址",
            Warning::Link => "非 http、https、dingtalk 的链接按文本显示",
            Warning::AtInside => "`at` 写在消息体内，被忽略：应与 msgtype 同级",
            Warning::AtIgnored => "此类消息的 `at` 无效",
            Warning::TooManyPeople => "@ 超过 50 人：部分人收不到提醒",
        }
    }
}
