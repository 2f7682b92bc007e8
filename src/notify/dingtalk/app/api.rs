//! The APIs of DingTalk that are called, and where they are.

/// One API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// The access token. Not counted toward the month's quota.
    AccessToken,
    /// A message to at most 20 people.
    SendToPeople,
    /// A message to one conversation.
    SendToConversation,
    /// Who has read a message to people.
    ReadByPeople,
    /// Who has read a message to a conversation.
    ReadInConversation,
    /// Who has read a DING.
    ReadDing,
    /// Takes messages to people back.
    RecallFromPeople,
    /// Takes messages to a conversation back.
    RecallFromConversation,
    /// Takes a DING back.
    RecallDing,
    /// Takes a work notification back.
    RecallWork,
    /// A DING.
    Ding,
    /// A work notification.
    WorkNotification,
    /// What became of a work notification.
    WorkResult,
    /// The person with a mobile number. Not counted toward the month's quota.
    PersonOfMobile,
    /// A file for messages.
    UploadMedia,
    /// A new card, shown.
    CreateCard,
    /// What a card shows.
    UpdateCard,
}

/// How a family of APIs is called and how it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `api.dingtalk.com`: the token in a header, errors as HTTP statuses.
    New,
    /// `oapi.dingtalk.com`: the token in the query, errors inside HTTP 200.
    Old,
}

impl Api {
    pub(super) fn family(self) -> Family {
        match self {
            Api::PersonOfMobile | Api::WorkNotification | Api::WorkResult | Api::RecallWork | Api::UploadMedia => Family::Old,
            _ => Family::New,
        }
    }

    /// Its path; upper and lower case count.
    pub(super) fn path(self) -> &'static str {
        match self {
            Api::AccessToken => "/v1.0/oauth2/accessToken",
            Api::SendToPeople => "/v1.0/robot/oToMessages/batchSend",
            Api::SendToConversation => "/v1.0/robot/groupMessages/send",
            Api::ReadByPeople => "/v1.0/robot/oToMessages/readStatus",
            Api::ReadInConversation => "/v1.0/robot/groupMessages/query",
            // Of all of them only this one has a small `t`.
            Api::RecallFromPeople => "/v1.0/robot/otoMessages/batchRecall",
            Api::RecallFromConversation => "/v1.0/robot/groupMessages/recall",
            Api::Ding => "/v1.0/robot/ding/send",
            Api::ReadDing => "/v1.0/robot/ding/readStatuses/query",
            Api::RecallDing => "/v1.0/robot/ding/recall",
            Api::RecallWork => "/topapi/message/corpconversation/recall",
            Api::WorkNotification => "/topapi/message/corpconversation/asyncsend_v2",
            Api::WorkResult => "/topapi/message/corpconversation/getsendresult",
            Api::PersonOfMobile => "/topapi/v2/user/getbymobile",
            Api::UploadMedia => "/media/upload",
            Api::CreateCard => "/v1.0/card/instances/createAndDeliver",
            Api::UpdateCard => "/v1.0/card/instances",
        }
    }

    pub(super) fn method(self) -> reqwest::Method {
        match self {
            Api::ReadByPeople => reqwest::Method::GET,
            Api::UpdateCard => reqwest::Method::PUT,
            _ => reqwest::Method::POST,
        }
    }

    /// Whether a call counts toward the organisation's API quota of the month.
    pub(super) fn is_counted(self) -> bool {
        !matches!(self, Api::AccessToken | Api::PersonOfMobile)
    }
}
