//! How the two families of DingTalk's API refuse: the new one by HTTP status and a code in words, the old one in an HTTP 200.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// Which family a path belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `api.dingtalk.com/v1.0/…`
    New,
    /// `oapi.dingtalk.com`
    Old,
}

/// A refusal, as it is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum ApiRefusal {
    /// Of the new family.
    New {
        /// The HTTP status.
        status: u16,
        /// The code in words.
        code: String,
        /// What it says.
        message: String,
        /// Scopes that are not granted, when that is why.
        scope: Option<&'static str>,
    },
    /// Of the old family.
    Old {
        /// The `errcode`.
        code: i64,
        /// What it says.
        message: String,
    },
    /// Of the old family: an error of the gateway, wrapped in `errcode` 88.
    Wrapped {
        /// The inner code.
        code: &'static str,
        /// What it says.
        message: &'static str,
    },
}

impl ApiRefusal {
    /// HTTP 400 with this code.
    pub fn code(code: &str, message: &str) -> ApiRefusal {
        ApiRefusal::status(400, code, message)
    }

    /// This HTTP status with this code.
    pub fn status(status: u16, code: &str, message: &str) -> ApiRefusal {
        ApiRefusal::New { status, code: code.to_owned(), message: message.to_owned(), scope: None }
    }

    /// HTTP 200 with this `errcode`.
    pub fn errcode(code: i64, message: &str) -> ApiRefusal {
        ApiRefusal::Old { code, message: message.to_owned() }
    }

    /// A field that must be there is not.
    pub fn missing(field: &str) -> ApiRefusal {
        ApiRefusal::code(&format!("Missing{field}"), &format!("{field} is mandatory for this action."))
    }

    /// A permission that the app has not been granted.
    pub fn not_granted(family: Family, scope: &'static str) -> ApiRefusal {
        match family {
            Family::Old => ApiRefusal::Wrapped { code: "60011", message: "没有调用该接口的权限" },
            Family::New => ApiRefusal::New {
                status: 403,
                code: "Forbidden.AccessDenied.AccessTokenPermissionDenied".to_owned(),
                message: format!("应用尚未开通所需的权限：[{scope}]"),
                scope: Some(scope),
            },
        }
    }

    /// The status of the answer.
    pub fn http_status(&self) -> StatusCode {
        match self {
            ApiRefusal::New { status, .. } => StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST),
            _ => StatusCode::OK,
        }
    }

    /// The code, as a text.
    pub fn code_text(&self) -> String {
        match self {
            ApiRefusal::New { code, .. } => code.clone(),
            ApiRefusal::Old { code, .. } => code.to_string(),
            ApiRefusal::Wrapped { code, .. } => format!("88/{code}"),
        }
    }

    /// What it says.
    pub fn words(&self) -> &str {
        match self {
            ApiRefusal::New { message, .. } | ApiRefusal::Old { message, .. } => message,
            ApiRefusal::Wrapped { message, .. } => message,
        }
    }

    /// The body of the answer.
    pub fn body(&self) -> Value {
        let id = uuid::Uuid::new_v4().to_string().to_uppercase();
        match self {
            ApiRefusal::New { code, message, scope, .. } => {
                let mut body = json!({ "code": code, "message": message, "requestid": id });
                if let Some(scope) = scope {
                    body["accessdenieddetail"] = json!({ "requiredScopes": [scope] });
                }
                body
            }
            ApiRefusal::Old { code, message } => json!({ "errcode": code, "errmsg": message, "request_id": id }),
            ApiRefusal::Wrapped { code, message } => json!({
                "errcode": 88, "sub_code": code, "sub_msg": message,
                "errmsg": format!("ding talk error[subcode={code},submsg={message}]"), "request_id": id,
            }),
        }
    }
}
