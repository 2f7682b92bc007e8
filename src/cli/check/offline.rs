//! What the files, the clock and the calendars tell without any database.

use super::{Checked, lint};
use crate::config::{Fault, Part, Settings, WatcherText};
use crate::domain::active::Active;
use crate::domain::sql_text::Dialect;
use crate::domain::watcher::Watcher;
use chrono::{DateTime, Utc};

/// Checks every valid watcher.
pub(super) fn check(checked: &mut [Checked], settings: &Settings, now: DateTime<Utc>) {
    for one in checked.iter_mut() {
        let (Some(watcher), Some(text)) = (one.file.watcher.as_ref().ok(), one.text.as_ref()) else { continue };
        let dialect = settings.sources.get(&watcher.source).map_or(Dialect::Postgres, |source| source.dialect());
        one.warnings.extend(lint::warnings(watcher, dialect, text));
        one.warnings.extend(nobody_first(watcher, text));
        if let Some(active) = &watcher.active {
            one.warnings.extend(missing_year(watcher, active, settings, text, now));
            one.faults.extend(never_opens(watcher, active, settings, text, now));
        }
    }
}

/// Steps that follow on nothing: nobody can acknowledge what nobody was told of.
fn nobody_first(watcher: &Watcher, text: &WatcherText) -> Option<Fault> {
    if watcher.notify.is_empty() || watcher.notify.iter().any(|block| block.after.is_none()) {
        return None;
    }
    let message = "no one is told when it fires: each [[notify]] block has an `after`";
    let hint = "add a block without `after`; what is to hold for some time before it fires at all is said with `for`".to_owned();
    Some(text.fault(Part::NotifyAfter(0), None, message, Some(hint)))
}

fn missing_year(watcher: &Watcher, active: &Active, settings: &Settings, text: &WatcherText, now: DateTime<Utc>) -> Option<Fault> {
    let calendar = settings.calendars.get(active.calendar()?)?;
    let missing = calendar.missing_year(now.with_timezone(&watcher.timezone).date_naive())?;
    let hint = missing.hint(&settings.calendars_folder.display().to_string());
    Some(text.fault(Part::Calendar, None, missing.to_string(), Some(hint)))
}

fn never_opens(watcher: &Watcher, active: &Active, settings: &Settings, text: &WatcherText, now: DateTime<Utc>) -> Option<Fault> {
    let calendars = &settings.calendars;
    let opens = active.is_open(now, watcher.timezone, calendars) || active.next_opening(now, watcher.timezone, calendars).is_some();
    let hint = match active.calendar() {
        Some(calendar) => format!("`{calendar}` works on none of these days; without `calendar` the days count as they are"),
        None => "name days and hours that come".to_owned(),
    };
    (!opens)
        .then(|| text.fault(Part::Active, None, format!("it never begins to speak: {active} does not come within 400 days"), Some(hint)))
}
