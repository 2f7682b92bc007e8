//! How a simulated app is set up.

/// The card templates that can be used without building one: those of the official Python SDK and of the official examples.
pub const TEMPLATES: [&str; 5] = [
    super::card::BUTTON_TEMPLATE,
    "589420e2-c1e2-46ef-a5ed-b8728e654da9.schema",
    "382e4302-551d-4880-bf29-a30acfab2e71.schema",
    "7f538f6d-ebb7-4533-a9ac-61a32da094cf.schema",
    "2c278d79-fc0b-41b4-b14e-8b8089dc08e8.schema",
];

/// An internal app (企业内部应用) with its robot, and the part of its organisation that it can reach.
#[derive(Clone, Default)]
pub struct SimulatedApp {
    /// The Client ID (AppKey). The robot's code is the same.
    pub client_id: String,
    /// The Client Secret (AppSecret).
    pub client_secret: String,
    /// The agent of work notifications.
    pub agent_id: i64,
    /// What the chats call its robot.
    pub name: String,
    /// The people of the organisation.
    pub people: Vec<SimulatedPerson>,
    /// The group conversations that its robot is in; everyone of the organisation is.
    pub conversations: Vec<SimulatedConversation>,
    /// The card templates that exist.
    pub templates: Vec<String>,
}

/// Someone of the organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedPerson {
    /// The user id (userId, staffId).
    pub user_id: String,
    /// The mobile number; empty: none is known.
    pub mobile: String,
    /// What the chats call this person.
    pub name: String,
}

/// A group conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulatedConversation {
    /// The openConversationId, `cid…==`.
    pub id: String,
    /// Its title.
    pub title: String,
}

impl SimulatedApp {
    /// An app without people and conversations.
    pub fn new(client_id: &str, client_secret: &str, name: &str) -> SimulatedApp {
        SimulatedApp {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            agent_id: 1_000_001,
            name: name.to_owned(),
            people: Vec::new(),
            conversations: Vec::new(),
            templates: TEMPLATES.map(str::to_owned).to_vec(),
        }
    }

    /// The same with one more person.
    pub fn with_person(mut self, user_id: &str, mobile: &str, name: &str) -> SimulatedApp {
        self.people.push(SimulatedPerson { user_id: user_id.to_owned(), mobile: mobile.to_owned(), name: name.to_owned() });
        self
    }

    /// The same with one more conversation.
    pub fn with_conversation(mut self, id: &str, title: &str) -> SimulatedApp {
        self.conversations.push(SimulatedConversation { id: id.to_owned(), title: title.to_owned() });
        self
    }

    /// The name of a person, or the id when nobody has it.
    pub(in super::super) fn name_of<'a>(&'a self, user_id: &'a str) -> &'a str {
        self.person(user_id).map_or(user_id, |person| person.name.as_str())
    }

    pub(in super::super) fn person(&self, user_id: &str) -> Option<&SimulatedPerson> {
        self.people.iter().find(|person| person.user_id == user_id)
    }

    pub(in super::super) fn conversation(&self, id: &str) -> Option<&SimulatedConversation> {
        self.conversations.iter().find(|conversation| conversation.id == id)
    }
}
