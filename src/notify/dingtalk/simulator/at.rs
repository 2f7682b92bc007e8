//! Who a message calls by name: the list says who, the text must say it again.

use super::warning::Warning;
use serde_json::Value;

/// What `at` comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct At {
    /// Listed, and in the text.
    pub mentioned: Vec<String>,
    /// Listed, but not in the text: nobody is notified.
    pub listed_only: Vec<String>,
    /// Everyone.
    pub all: bool,
    /// What was not meant so.
    pub warnings: Vec<Warning>,
}

/// Reads `at` of a message of this type with this text.
pub(super) fn read(msgtype: &str, text: &str, body: &Value) -> At {
    let mut at = At::default();
    let listed: Vec<String> = ["atMobiles", "atUserIds"].iter().flat_map(|list| names(body.pointer(&format!("/at/{list}")))).collect();
    at.all = body.pointer("/at/isAtAll").and_then(Value::as_bool).unwrap_or(false);
    if body.pointer(&format!("/{msgtype}/at")).is_some() {
        at.warnings.push(Warning::AtInside);
    }
    if matches!(msgtype, "link" | "feedCard") && (at.all || !listed.is_empty()) {
        at.warnings.push(Warning::AtIgnored);
        return At { warnings: at.warnings, ..At::default() };
    }
    if listed.len() > crate::notify::dingtalk::MAX_MENTIONS {
        at.warnings.push(Warning::TooManyPeople);
    }
    (at.mentioned, at.listed_only) = listed.into_iter().partition(|name| text.contains(&format!("@{name}")));
    at
}

fn names(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_who_is_listed_and_marked_is_notified() {
        let body = json!({ "at": { "atMobiles": ["13800000000"], "atUserIds": ["boss"], "isAtAll": true } });
        let at = read("markdown", "see @13800000000 and @other", &body);
        assert_eq!(at, At { mentioned: vec!["13800000000".into()], listed_only: vec!["boss".into()], all: true, warnings: vec![] });
    }

    #[test]
    fn a_misplaced_list_is_told() {
        let at = read("markdown", "@boss", &json!({ "markdown": { "at": { "atUserIds": ["boss"] } } }));
        assert!(at.mentioned.is_empty() && at.warnings.len() == 1);
        let at = read("link", "@boss", &json!({ "at": { "atUserIds": ["boss"] } }));
        assert!(at.mentioned.is_empty() && at.warnings.len() == 1);
    }
}
