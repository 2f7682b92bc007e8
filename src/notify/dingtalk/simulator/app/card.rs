//! Interactive cards: creating, delivering, updating, typing into them.
//!
//! HTTP 200 and `success` do not mean that a card was delivered: an unknown person or conversation is told in
//! `deliverResults` only. An update overwrites all variables unless it says that it goes by key.

use super::gate::Ask;
use super::refusal::ApiRefusal;
use super::robot::new_key;
use super::seen::{Form, Place};
use super::state::Draft;
use crate::notify::dingtalk::simulator::Fault;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The published template with markdown and buttons.
pub const BUTTON_TEMPLATE: &str = "1366a1eb-bc54-4859-ac88-517c56a9acb1.schema";
/// The longest name of a variable in bytes.
const MAX_KEY_BYTES: usize = 100;
/// The longest text of one typing, in bytes.
const MAX_TYPED_BYTES: usize = 3_072;

/// The variables of a card: texts by name.
pub type Variables = Map<String, Value>;

/// A card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// The Client ID of the app.
    pub app: String,
    /// Its name, given by whoever created it.
    pub out_track_id: String,
    /// Its template.
    pub template: String,
    /// How presses come back.
    pub callback: Callback,
    /// Its variables.
    pub data: Variables,
    /// Variables that only one person sees, by user id.
    pub private: BTreeMap<String, Variables>,
    /// Where it was delivered.
    pub places: Vec<Place>,
    /// When it was created, by the simulator's clock.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: Option<DateTime<Utc>>,
    /// How often it was changed.
    pub updates: u32,
    /// Who pressed what.
    pub presses: Vec<Press>,
    /// The typings that were done: a repeated one does nothing.
    #[serde(skip)]
    typed: Vec<String>,
}

/// How presses come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Callback {
    /// Not at all: `callbackType` was not given.
    None,
    /// Over a Stream connection.
    Stream,
    /// To the address that was registered under this key.
    Http(String),
}

/// A button that was pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Press {
    /// When, by the simulator's clock.
    pub at: DateTime<Utc>,
    /// By whom.
    pub user_id: String,
    /// Which button.
    pub action_id: String,
    /// What came of it.
    pub outcome: super::talk::Pressed,
}

impl Card {
    /// The variables as this person sees them.
    pub fn seen_by(&self, user_id: Option<&str>) -> Variables {
        let mut data = self.data.clone();
        if let Some(private) = user_id.and_then(|user| self.private.get(user)) {
            data.extend(private.clone());
        }
        data
    }

    /// Changes variables: those that are named, or all.
    pub fn update(&mut self, change: &Change, now: DateTime<Utc>) {
        if let Some(data) = &change.data {
            put(&mut self.data, data, change.data_by_key);
        }
        for (user, data) in &change.private {
            put(self.private.entry(user.clone()).or_default(), data, change.private_by_key);
        }
        self.updated_at = Some(now);
        self.updates += 1;
    }
}

fn put(old: &mut Variables, new: &Variables, by_key: bool) {
    if !by_key {
        old.clear();
    }
    old.extend(new.clone());
}

/// A change of a card's variables.
#[derive(Default)]
pub struct Change {
    /// New variables for all.
    pub data: Option<Variables>,
    /// Whether variables that are left out stay.
    pub data_by_key: bool,
    /// New variables for some, by user id.
    pub private: BTreeMap<String, Variables>,
    /// The same for these.
    pub private_by_key: bool,
}

/// `POST /v1.0/card/instances/createAndDeliver`
pub fn create_and_deliver(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let mut card = read_card(ask)?;
    let spaces = spaces(ask)?;
    let results = deliver_to(ask, &mut card, spaces);
    let id = card.out_track_id.clone();
    ask.app().cards.push(card);
    Ok(json!({ "success": true, "result": { "outTrackId": id, "deliverResults": results } }))
}

/// `POST /v1.0/card/instances`
pub fn create(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let card = read_card(ask)?;
    let id = card.out_track_id.clone();
    ask.app().cards.push(card);
    Ok(json!({ "success": true, "result": id }))
}

/// `POST /v1.0/card/instances/deliver`
pub fn deliver(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let at = find(ask)?;
    let spaces = spaces(ask)?;
    let mut card = ask.app().cards[at].clone();
    let results = deliver_to(ask, &mut card, spaces);
    ask.app().cards[at] = card;
    Ok(json!({ "success": true, "result": results }))
}

/// `PUT /v1.0/card/instances`
pub fn update(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let at = find(ask)?;
    let data = ask.body.pointer("/cardData/cardParamMap").cloned().filter(|map| !map.is_null());
    let private = ask.body.get("privateData").and_then(Value::as_object).cloned().unwrap_or_default();
    if data.is_none() && private.is_empty() {
        return Err(ApiRefusal::code("param.cardDataAndPrivateDataBothEmpty", "cardData 和 privateData 不能同时为空"));
    }
    let by_key = |ask: &Ask, option: &str| ask.body.pointer(&format!("/cardUpdateOptions/{option}")) == Some(&Value::Bool(true));
    let mut change = Change {
        data: data.map(|data| variables(ask, &data)).transpose()?,
        data_by_key: by_key(ask, "updateCardDataByKey"),
        private: BTreeMap::new(),
        private_by_key: by_key(ask, "updatePrivateDataByKey"),
    };
    for (user, data) in private {
        change.private.insert(user, variables(ask, &data["cardParamMap"])?);
    }
    let now = ask.now();
    ask.app().cards[at].update(&change, now);
    Ok(json!({ "success": true, "result": true }))
}

/// `PUT /v1.0/card/streaming`
pub fn stream(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    let text = |member: &str| ask.body.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (key, guid, content) = (text("key"), text("guid"), text("content"));
    for (value, code) in [(&text("outTrackId"), "outTrackId"), (&key, "keyEmpty"), (&guid, "guidEmpty"), (&content, "contentEmpty")] {
        if value.is_empty() {
            return Err(ApiRefusal::code(&format!("param.stream.{code}"), "参数为空"));
        }
    }
    let is_full = ask.body["isFull"] == true;
    if key == "markdown" && !is_full {
        return Err(ApiRefusal::code("param.stream.isFull", "markdown 变量必须全量更新"));
    }
    if content.len() > MAX_TYPED_BYTES {
        return Err(ApiRefusal::code("param.stream.content", "content 过长"));
    }
    let at = find(ask)?;
    let now = ask.now();
    let card = &mut ask.app().cards[at];
    if !card.typed.contains(&guid) {
        let before = if is_full { "" } else { card.data.get(&key).and_then(Value::as_str).unwrap_or_default() };
        let data = Map::from_iter([(key, Value::String(format!("{before}{content}")))]);
        card.update(&Change { data: Some(data), data_by_key: true, ..Change::default() }, now);
        card.typed.push(guid);
    }
    Ok(json!({ "success": true, "result": true }))
}

/// `POST /v1.0/card/callbacks/register`
pub fn register(ask: &mut Ask) -> Result<Value, ApiRefusal> {
    ask.require(&["callbackRouteKey", "callbackUrl"])?;
    let (key, url, secret) = (ask.string("callbackRouteKey"), ask.string("callbackUrl"), ask.string("apiSecret"));
    let forced = ask.body["forceUpdate"] == true;
    if ask.app().callbacks.contains_key(&key) && !forced {
        return Err(ApiRefusal::status(500, "param.callbackRouteKeyExist", "callbackRouteKey 已存在"));
    }
    let said = json!({ "success": true, "result": { "callbackUrl": url, "apiSecret": secret } });
    ask.app().callbacks.insert(key, (url, secret));
    Ok(said)
}

fn read_card(ask: &mut Ask) -> Result<Card, ApiRefusal> {
    let (template, id) = (ask.string("cardTemplateId"), ask.string("outTrackId"));
    for (value, code) in [(&template, "cardTemplateIdEmpty"), (&id, "outTrackIdEmpty")] {
        if value.is_empty() {
            return Err(ApiRefusal::code(&format!("param.{code}"), "参数为空"));
        }
    }
    let Some(data) = ask.body.pointer("/cardData/cardParamMap").cloned() else {
        return Err(ApiRefusal::code("param.cardPublicDataEmpty", "cardData 为空"));
    };
    let data = variables(ask, &data)?;
    let mut private = BTreeMap::new();
    for (user, given) in ask.body.get("privateData").and_then(Value::as_object).into_iter().flatten() {
        private.insert(user.clone(), variables(ask, &given["cardParamMap"])?);
    }
    let callback = callback(ask)?;
    let created_at = ask.now();
    let app = ask.app();
    if !app.settings.templates.contains(&template) {
        return Err(ApiRefusal::code("param.templateNotExist", "卡片模板不存在"));
    }
    if app.cards.iter().any(|card| card.out_track_id == id) {
        return Err(ApiRefusal::code("param.cardAlreadyExist", "卡片已存在"));
    }
    Ok(Card {
        app: app.settings.client_id.clone(),
        out_track_id: id,
        template,
        callback,
        data,
        private,
        places: Vec::new(),
        created_at,
        updated_at: None,
        updates: 0,
        presses: Vec::new(),
        typed: Vec::new(),
    })
}

fn callback(ask: &Ask) -> Result<Callback, ApiRefusal> {
    match ask.string("callbackType").as_str() {
        "" => Ok(Callback::None),
        "STREAM" => Ok(Callback::Stream),
        "HTTP" => Ok(Callback::Http(ask.string("callbackRouteKey"))),
        _ => Err(ApiRefusal::code("param.invalid", "callbackType 只能是 STREAM 或 HTTP")),
    }
}

/// A map of variables, all of them texts.
fn variables(ask: &Ask, map: &Value) -> Result<Variables, ApiRefusal> {
    let invalid = |why: &str| ApiRefusal::code("param.invalid", why);
    let map = map.as_object().ok_or_else(|| invalid("cardParamMap 必须是对象"))?;
    let most = ask.state.settings.max_card_value_bytes.unwrap_or(usize::MAX);
    for (key, value) in map {
        let text = value.as_str().ok_or_else(|| invalid(&format!("cardParamMap 的值必须是字符串：{key}")))?;
        if key.len() > MAX_KEY_BYTES || text.len() > most {
            return Err(invalid(&format!("cardParamMap 过长：{key}")));
        }
    }
    Ok(map.clone())
}

/// A space that a card goes to.
struct Space {
    kind: &'static str,
    id: String,
    place: Place,
}

fn spaces(ask: &mut Ask) -> Result<Vec<Space>, ApiRefusal> {
    let given = ask.string("openSpaceId");
    if given.is_empty() {
        return Err(ApiRefusal::code("param.openSpaceIdEmpty", "openSpaceId 为空"));
    }
    let spaces: Option<Vec<Space>> = given.split(';').map(space).collect();
    let spaces = spaces.ok_or_else(|| ApiRefusal::code("param.openSpaceIdInvalid", "openSpaceId 不合法"))?;
    for space in &spaces {
        models(ask, space)?;
    }
    Ok(spaces)
}

fn space(text: &str) -> Option<Space> {
    let (kind, id) = text.trim().strip_prefix("dtv1.card//")?.split_once('.')?;
    if id.is_empty() {
        return None;
    }
    let id = id.to_owned();
    Some(match kind.to_ascii_uppercase().as_str() {
        "IM_ROBOT" => Space { kind: "IM_ROBOT", place: Place::User(id.clone()), id },
        "IM_GROUP" => Space { kind: "IM_GROUP", place: Place::Conversation(id.clone()), id },
        "ONE_BOX" => Space { kind: "ONE_BOX", place: Place::Conversation(id.clone()), id },
        _ => return None,
    })
}

/// The models that a space asks for.
fn models(ask: &mut Ask, space: &Space) -> Result<(), ApiRefusal> {
    let (deliver, model) = match space.kind {
        "IM_ROBOT" => ("imRobotOpenDeliverModel", "imRobotOpenSpaceModel"),
        "IM_GROUP" => ("imGroupOpenDeliverModel", "imGroupOpenSpaceModel"),
        _ => ("topOpenDeliverModel", "topOpenSpaceModel"),
    };
    let Some(given) = ask.body.get(deliver).filter(|given| given.is_object()) else {
        return Err(ApiRefusal::code("param.openDeliverModelEmpty", &format!("{deliver} 为空")));
    };
    let text = |member: &str| given.get(member).and_then(Value::as_str).unwrap_or_default();
    let client_id = ask.state.apps[ask.number].settings.client_id.as_str();
    let right = match space.kind {
        "IM_ROBOT" => text("spaceType") == "IM_ROBOT" && (text("robotCode").is_empty() || text("robotCode") == client_id),
        "IM_GROUP" => text("robotCode") == client_id,
        _ => true,
    };
    if !right {
        return Err(ApiRefusal::code("param.openDeliverModelError", &format!("{deliver} 不合法")));
    }
    let is_wrong = |model: &Value| !model.get("supportForward").is_some_and(Value::is_boolean);
    match ask.body.get(model).filter(|model| is_wrong(model)) {
        Some(_) => Err(ApiRefusal::code("param.openSpaceModelInvalid", &format!("{model}.supportForward 为空"))),
        None => Ok(()),
    }
}

fn deliver_to(ask: &mut Ask, card: &mut Card, spaces: Vec<Space>) -> Vec<Value> {
    let is_refused = ask.fault == Some(Fault::NotDelivered);
    let mut results = Vec::new();
    for Space { kind, id, place } in spaces {
        let settings = &ask.app().settings;
        let known = match &place {
            Place::User(user) => settings.person(user).is_some(),
            Place::Conversation(id) => settings.conversation(id).is_some(),
        };
        if !known || is_refused {
            results.push(json!({ "spaceType": kind, "spaceId": id, "success": false, "errorMsg": "spaceId is illegal" }));
            continue;
        }
        let carrier = new_key();
        let draft = Draft {
            form: Form::Card,
            kind: card.template.clone(),
            handle: carrier.clone(),
            card: Some(card.out_track_id.clone()),
            ..Draft::default()
        };
        ask.show(&draft, place.clone());
        card.places.push(place);
        results.push(json!({ "spaceType": kind, "spaceId": id, "success": true, "carrierId": carrier, "errorMsg": "" }));
    }
    results
}

/// The number of the card that is asked for.
fn find(ask: &mut Ask) -> Result<usize, ApiRefusal> {
    let id = ask.string("outTrackId");
    if id.is_empty() {
        return Err(ApiRefusal::code("param.outTrackIdEmpty", "outTrackId 为空"));
    }
    let at = ask.app().cards.iter().position(|card| card.out_track_id == id);
    at.ok_or_else(|| ApiRefusal::code("param.cardNotExist", "卡片不存在"))
}
