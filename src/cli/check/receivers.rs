//! What is worth a look in the receivers of the settings: each is valid, and does less than someone may expect.

use crate::config::{AppSettings, ReceiverKind, Settings};
use crate::domain::delivery::AppForm;

/// Sentences, one for each.
pub(super) fn notes(settings: &Settings) -> Vec<String> {
    let apps = settings.receivers.iter().filter_map(|(name, receiver)| match &receiver.kind {
        ReceiverKind::App(app) => Some((name, app)),
        ReceiverKind::Robots(_) => None,
    });
    apps.flat_map(|(name, app)| of_app(settings, app).into_iter().map(move |note| format!("note: [receivers.{name}]: {note}"))).collect()
}

fn of_app(settings: &Settings, app: &AppSettings) -> Vec<String> {
    let mut notes = Vec::new();
    let people = app.users.len() + app.mobiles.len();
    match app.form {
        AppForm::Card => {
            if settings.public_url.is_none() {
                notes.push("without `public_url` its cards have no button that opens the page".to_owned());
            }
            if people > 20 {
                notes.push(format!("each of {people} people gets a card of their own, which is a call of the month's API quota each; a message is one call for 20"));
            }
        }
        AppForm::Ding | AppForm::DingSms | AppForm::DingPhone => {
            notes.push(
                "DING works in DingTalk's professional and exclusive editions only, with the permission `Premium.Ding.Write`".to_owned(),
            );
        }
        AppForm::Message | AppForm::WorkNotification => {}
    }
    let is_for_people = !matches!(app.form, AppForm::Message | AppForm::Card);
    if is_for_people && !app.conversations.is_empty() {
        notes.push("conversations get an ordinary message: this form is for people".to_owned());
    }
    if !app.mobiles.is_empty() {
        notes.push("people are looked up by number, which needs the permission `qyapi_get_member_by_mobile`".to_owned());
    }
    notes
}
