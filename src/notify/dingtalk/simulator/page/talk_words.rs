//! What the pages of apps say.

use crate::notify::dingtalk::simulator::{Language, Pressed};

/// The words.
pub(in super::super) struct TalkWords {
    pub robots: &'static str,
    pub conversations: &'static str,
    pub people: &'static str,
    pub phone: &'static str,
    pub ding: &'static str,
    pub ding_sms: &'static str,
    pub ding_phone: &'static str,
    pub work: &'static str,
    pub recalled: &'static str,
    pub read: &'static str,
    pub unread: &'static str,
    pub read_by: &'static str,
    pub as_person: &'static str,
    pub say_here: &'static str,
    pub send: &'static str,
    pub nothing: &'static str,
    pub stream: &'static str,
    pub no_stream: &'static str,
    pub updated: &'static str,
    pub not_taken: &'static str,
    pub no_callback: &'static str,
    pub no_button: &'static str,
    pub no_connection: &'static str,
    pub failed: &'static str,
}

impl TalkWords {
    /// Those of a language.
    pub fn of(language: Language) -> &'static TalkWords {
        match language {
            Language::Chinese => &CHINESE,
            Language::English => &ENGLISH,
        }
    }

    /// What is told to a person who pressed a button that was not taken.
    pub fn pressed(&self, pressed: Pressed) -> &'static str {
        match pressed {
            Pressed::Taken => "",
            Pressed::NoCard | Pressed::NoButton => self.no_button,
            Pressed::NoCallback => self.no_callback,
            Pressed::NoConnection => self.no_connection,
            Pressed::Failed => self.failed,
        }
    }
}

const CHINESE: TalkWords = TalkWords {
    robots: "群机器人",
    conversations: "应用所在群",
    people: "成员的手机",
    phone: "手机",
    ding: "DING · 应用内",
    ding_sms: "DING · 短信",
    ding_phone: "DING · 电话",
    work: "工作通知",
    recalled: "消息已撤回",
    read: "已读",
    unread: "未读",
    read_by: "人已读",
    as_person: "身份",
    say_here: "对机器人说，例如：状态",
    send: "发送",
    nothing: "还没有消息",
    stream: "Stream 连接",
    no_stream: "没有 Stream 连接：按钮和消息无人接收",
    updated: "次更新",
    not_taken: "发送成功，但没有连接接收",
    no_callback: "卡片未设置 callbackType，点击无人接收",
    no_button: "卡片上已没有这个按钮",
    no_connection: "没有 Stream 连接，请稍后重试",
    failed: "操作失败，请重试",
};

const ENGLISH: TalkWords = TalkWords {
    robots: "Robots in groups",
    conversations: "Conversations of the app",
    people: "People's phones",
    phone: "phone",
    ding: "DING · in the app",
    ding_sms: "DING · SMS",
    ding_phone: "DING · phone call",
    work: "Work notification",
    recalled: "taken back",
    read: "read",
    unread: "unread",
    read_by: "have read it",
    as_person: "as",
    say_here: "Say something to the robot, such as: status",
    send: "Send",
    nothing: "No message yet",
    stream: "Stream connections",
    no_stream: "no Stream connection: nobody hears presses and words",
    updated: "× updated",
    not_taken: "said, but no connection took it",
    no_callback: "the card has no callbackType: nobody is told",
    no_button: "the card has no such button now",
    no_connection: "no Stream connection, try again later",
    failed: "it failed, try again",
};
