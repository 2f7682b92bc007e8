//! A call as it arrives: read whole, and understood as far as each family allows.

use super::media::Upload;
use super::refusal::{ApiRefusal, Family};
use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderName, Method, header};
use serde_json::{Map, Value};

/// What arrived.
pub struct Arrived {
    pub method: Method,
    pub path: String,
    query: Vec<(String, String)>,
    token: Option<String>,
    pub host: String,
    pub accepts_json: bool,
    is_form: bool,
    pub body: Vec<u8>,
    pub file: Option<Upload>,
}

impl Arrived {
    pub async fn read(request: Request) -> Arrived {
        let mut arrived = Arrived::head(&request);
        let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().starts_with(b"multipart/form-data"));
        if kind == Some(true) {
            arrived.read_parts(request).await;
        } else {
            arrived.body = Bytes::from_request(request, &()).await.map(|body| body.to_vec()).unwrap_or_default();
        }
        arrived
    }

    /// A form with a file: the file is the part `media`, the others are fields. What cannot be read is not there.
    async fn read_parts(&mut self, request: Request) {
        let Ok(mut parts) = Multipart::from_request(request, &()).await else { return };
        let mut fields = Map::new();
        while let Ok(Some(part)) = parts.next_field().await {
            let name = part.name().unwrap_or_default().to_owned();
            if name == "media" {
                let file_name = part.file_name().unwrap_or_default().to_owned();
                self.file = part.bytes().await.ok().map(|bytes| Upload { name: file_name, bytes: bytes.to_vec() });
            } else if let Ok(text) = part.text().await {
                fields.insert(name, Value::String(text));
            }
        }
        if let (None, Some(kind)) = (fields.get("type"), self.parameter("type")) {
            fields.insert("type".to_owned(), Value::String(kind.to_owned()));
        }
        self.body = Value::Object(fields).to_string().into_bytes();
    }

    fn head(request: &Request) -> Arrived {
        let text = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Arrived {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect(),
            token: text(HeaderName::from_static("x-acs-dingtalk-access-token")),
            host: text(header::HOST).unwrap_or_default(),
            accepts_json: text(header::ACCEPT).is_some_and(|kind| kind.contains("json")),
            is_form: text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")),
            body: Vec::new(),
            file: None,
        }
    }

    pub fn token(&self, family: Family) -> Option<&str> {
        let token = match family {
            Family::New => self.token.as_deref(),
            Family::Old => self.parameter("access_token"),
        };
        token.filter(|token| !token.trim().is_empty())
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A member of the body, or of the query.
    pub fn credential<'a>(&'a self, body: Option<&'a Value>, name: &str) -> Option<&'a str> {
        let given = body.and_then(|body| body.get(name)).and_then(Value::as_str).or_else(|| self.parameter(name));
        given.filter(|text| !text.is_empty())
    }

    /// The body as an object. A GET has none; the old family takes forms too.
    pub fn parse(&self, family: Family) -> Result<Value, ApiRefusal> {
        if self.method == Method::GET {
            return Ok(Value::Object(self.query.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()));
        }
        if self.body.is_empty() && family == Family::Old {
            return Ok(Value::Object(Map::new()));
        }
        if family == Family::Old && self.is_form {
            let fields =
                url::form_urlencoded::parse(&self.body).map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())));
            return Ok(Value::Object(fields.collect()));
        }
        if self.body.is_empty() {
            return Err(ApiRefusal::code("Missingbody", "body is mandatory for this action."));
        }
        serde_json::from_slice::<Value>(&self.body).ok().filter(Value::is_object).ok_or_else(|| match family {
            Family::New => ApiRefusal::code("Invalidbody", "Specified parameter body is not valid. JSON parsing error"),
            Family::Old => ApiRefusal::errcode(40035, "缺少参数 json"),
        })
    }
}
