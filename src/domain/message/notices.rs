//! What rowbell says of itself: for whom a fallback speaks, which receiver refuses for good, and how much of a month is used.

use super::words::Language;
use super::{Message, neutralise};

impl Message {
    /// Says that this receiver is told in the place of another, below the heading.
    pub fn say_moved_from(&mut self, receiver: &str) {
        let receiver = neutralise(receiver);
        let words = match self.language {
            Language::ZhCn => format!("> 原本发给 {receiver}：该接收方已拒收（机器人被移除或令牌失效），由这里代为通知"),
            Language::En => format!("> This was for {receiver}, which refuses for good (its robot was removed, or its token is unknown)"),
        };
        let at = self.blocks.len().min(1);
        self.blocks.insert(at, words);
        self.first_cuttable = if self.first_cuttable >= at { self.first_cuttable + 1 } else { self.first_cuttable };
    }
}

/// That much, or all, of a month is used. `kind`: `webhook` or `api` of an organisation, `cap` of a receiver's robot.
pub fn month_share(language: Language, kind: &str, name: &str, month: &str, percent: u8, used: u64, quota: u64) -> Message {
    let (icon, is_over) = if percent >= 100 { ("🔴", true) } else { ("🟡", false) };
    let name = neutralise(name);
    let (title, what, next) = match language {
        Language::ZhCn => (
            if is_over {
                format!("{icon} {month} 的钉钉配额已用完")
            } else {
                format!("{icon} {month} 的钉钉配额已用 {percent}%")
            },
            match kind {
                "cap" => format!("接收方 {name} 的机器人本月上限：已用 {used} / {quota} 条"),
                "api" => format!("组织 {name} 的 API 调用：已用 {used} / {quota} 次"),
                _ => format!("组织 {name} 的 Webhook 消息：已用 {used} / {quota} 条"),
            },
            if is_over {
                "非严重的告警将等到下个月再发送，严重告警仍会尝试发送。可购买更多配额，并相应修改设置。"
            } else {
                "非严重的告警将合并、放缓发送，使余量够用到月底；最后 5% 只留给严重告警。"
            },
        ),
        Language::En => (
            if is_over {
                format!("{icon} DingTalk's quota of {month} is used up")
            } else {
                format!("{icon} {percent} % of DingTalk's quota of {month} are used")
            },
            match kind {
                "cap" => format!("The monthly cap of the robot of {name}: {used} of {quota} messages"),
                "api" => format!("API calls of the organisation {name}: {used} of {quota}"),
                _ => format!("Webhook messages of the organisation {name}: {used} of {quota}"),
            },
            if is_over {
                "What is not critical waits for the next month; what is critical is tried all the same. Buy a larger quota, and raise it in the settings."
            } else {
                "What is not critical is merged and spaced from here on, so that the rest lasts until the month ends; the last 5 % are for what is critical."
            },
        ),
    };
    Message::plain(language, &title, vec![format!("### {title}"), what, next.to_owned()])
}

/// That a receiver, or one robot of its pool, refuses for good, and who is told in its place.
pub fn refuses_for_good(language: Language, receiver: &str, why: &str, is_pool: bool, fallback: Option<&str>) -> Message {
    let (receiver, why) = (neutralise(receiver), neutralise(why));
    let fallback = fallback.map(neutralise);
    let (title, why, next) = match language {
        Language::ZhCn => (
            format!("🔴 接收者 {receiver} 拒收消息"),
            format!("原因：{why}"),
            match (is_pool, fallback) {
                (true, Some(fallback)) => format!("由同组的其他机器人代为通知；全部被移除时由 {fallback} 接手。"),
                (true, None) => "由同组的其他机器人代为通知；全部被移除时，消息最多等待 72 小时。".to_owned(),
                (false, Some(fallback)) => format!("修好之前由 {fallback} 代为通知。"),
                (false, None) => "没有接收者接手：修好之前消息等待，最多 72 小时。可在设置中指定 `fallback`。".to_owned(),
            },
        ),
        Language::En => (
            format!("🔴 {receiver} refuses messages for good"),
            format!("Why: {why}"),
            match (is_pool, fallback) {
                (true, Some(fallback)) => format!("The other robots of its group take over; when none is left, {fallback} does."),
                (true, None) => {
                    "The other robots of its group take over; when none is left, messages wait, for 72 hours at most.".to_owned()
                }
                (false, Some(fallback)) => format!("{fallback} takes over until it is mended."),
                (false, None) => {
                    "Nobody takes over: messages wait until it is mended, for 72 hours at most. Name a `fallback` in the settings."
                        .to_owned()
                }
            },
        ),
    };
    Message::plain(language, &title, vec![format!("### {title}"), why, next])
}
