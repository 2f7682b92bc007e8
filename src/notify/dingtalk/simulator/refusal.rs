//! Why DingTalk refuses a message: its codes and its words.

use super::check::Missing;
use std::net::IpAddr;

/// DingTalk's words for the same refusals have changed over the years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wording {
    /// As in the documentation and in 2019.
    Documented,
    /// As it was seen in 2026.
    Current,
}

/// A reason to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotPost,
    NoToken,
    Throttled(i64),
    UnknownToken,
    ContentType,
    TooLong,
    NoJson,
    MsgType(String),
    Missing(Missing),
    Address(IpAddr),
    Timestamp,
    Sign,
    Keyword,
    Quota,
    /// The simulator itself cannot keep the message.
    Busy,
    /// Told to refuse with this code.
    Told(i64),
    /// Told to repeat this URL.
    Echo(String),
}

impl Refusal {
    pub(super) fn code(&self) -> i64 {
        match self {
            Refusal::NotPost => 43002,
            Refusal::NoToken | Refusal::NoJson => 40035,
            Refusal::Throttled(code) | Refusal::Told(code) => *code,
            Refusal::UnknownToken => 300005,
            Refusal::ContentType => 43004,
            Refusal::TooLong => 460101,
            Refusal::MsgType(_) => 400105,
            Refusal::Missing(missing) => missing.code,
            Refusal::Address(_) | Refusal::Timestamp | Refusal::Sign | Refusal::Keyword => 310000,
            Refusal::Quota => 90030,
            Refusal::Busy => -1,
            Refusal::Echo(_) => 40000,
        }
    }

    pub(super) fn words(&self, wording: Wording) -> String {
        match (self, wording) {
            (Refusal::NoToken, _) => "缺少参数 access_token".to_owned(),
            (Refusal::MsgType(_), Wording::Documented) => "unsupported msgtype".to_owned(),
            (Refusal::MsgType(kind), Wording::Current) => described(&format!("不支持类型 msgType:{kind} "), "请参考文档选择消息类型"),
            (Refusal::Missing(missing), _) => format!("缺少参数 {}", missing.field),
            (Refusal::Address(ip), Wording::Documented) => format!("ip {ip} not in whitelist"),
            (Refusal::Address(ip), Wording::Current) => described(&format!("ip {ip} 不在白名单"), "请将该IP添加到机器人的安全设置中"),
            (Refusal::Timestamp, Wording::Documented) => "invalid timestamp".to_owned(),
            (Refusal::Timestamp, Wording::Current) => described("机器人发送签名过期", "签名生成时间和发送时间请保持在 timestampms 以内"),
            (Refusal::Sign, Wording::Documented) => "sign not match".to_owned(),
            (Refusal::Sign, Wording::Current) => described("机器人发送签名不匹配", "请确认签名和生成签名的时间戳必须都放在调用的网址中"),
            (Refusal::Keyword, Wording::Documented) => "keywords not in content".to_owned(),
            (Refusal::Keyword, Wording::Current) => {
                described("关键词不匹配", "请联系群管理员查看此机器人的关键词，并在发送的信息中包含此关键词")
            }
            (Refusal::TooLong, Wording::Documented) => "message too long, exceed 20000 bytes".to_owned(),
            (Refusal::TooLong, Wording::Current) => described("body 大小不合法", "请保持大小在 20000bytes 以内"),
            (Refusal::Echo(url), _) => format!("bad request: {url}"),
            _ => words_of(self.code()).to_owned(),
        }
    }
}

fn described(what: &str, remedy: &str) -> String {
    format!("错误描述:{what};解决方案:{remedy};")
}

/// DingTalk's words for the codes whose words have not changed.
fn words_of(code: i64) -> &'static str {
    match code {
        -1 => "系统繁忙",
        15 => "remote service timeout",
        40035 => "缺少参数 json",
        43002 => "需要POST请求",
        43004 => "无效的HTTP HEADER Content-Type",
        90002 => "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了",
        90018 => "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了",
        90020 => "API调用量已达到本月上限",
        90030 => "webhook调用量已达到本月上限",
        101002 => "message is too long",
        130101 => "send too fast, exceed 20 times per minute",
        300001 | 300005 => "token is not exist",
        310000 => "keywords not in content",
        400013 => "群已被解散",
        400101 => "access_token不存在",
        400102 => "机器人已停用",
        400105 => "不支持的消息类型",
        400106 => "机器人不存在",
        410100 => "发送速度太快而限流",
        430101 => "含有不安全的外链",
        430102 => "含有不合适的文本",
        430103 => "含有不合适的图片",
        430104 => "含有不合适的内容",
        450101 => "发送频率超限",
        460101 => "message too long, exceed 20000 bytes",
        660026 => "sending too many messages per minute",
        _ => "unknown error",
    }
}
