//! `rowbell receivers`: what each receiver may still be sent, and what keeps it from being sent.

use super::moment::{Wall, stamp};
use super::{Global, Outcome, output, wiring};
use crate::clock::Clock;
use crate::domain::budget::{Month, RobotFacts, Terms};
use crate::domain::standing::Standing;
use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

/// A receiver and how it stands.
struct Line {
    kind: &'static str,
    terms: Terms,
    standing: Standing,
}

pub(super) async fn receivers(global: &Global) -> Outcome {
    let settings = wiring::settings(global)?;
    let receivers = wiring::receivers(&settings)?;
    let (store, _scratch) = wiring::store_to_read(secrecy::ExposeSecret::expose_secret(&settings.store.url)).await?;
    let now = Clock::System.now();
    let mut lines = Vec::new();
    for receiver in receivers.values() {
        let standing = store.standing(&receiver.terms, now).await?;
        lines.push(Line { kind: receiver.kind(), terms: receiver.terms.clone(), standing });
    }
    store.close().await;
    if lines.is_empty() && !global.json {
        eprintln!("the settings have no receivers");
    } else if global.json {
        lines.iter().for_each(|line| output::json(&line.json(now)));
    } else {
        let wall = Wall::new(settings.timezone, now);
        table(&lines, &wall, now).lines().for_each(|line| output::line(line.trim_end()));
    }
    Ok(true)
}

fn table(lines: &[Line], wall: &Wall, now: DateTime<Utc>) -> comfy_table::Table {
    let mut table = output::table(&["receiver", "type", "robots", "left now", "month", "waiting", "fallback", "state"]);
    for line in lines {
        table.add_row([
            line.terms.receiver.clone(),
            line.kind.to_owned(),
            line.terms.robots.len().to_string(),
            line.standing.left.to_string(),
            line.standing.month(&line.terms),
            line.standing.waiting.to_string(),
            line.terms.fallback.clone().unwrap_or_default(),
            output::plain(&line.standing.words(&line.terms, now, |at| wall.at(at))),
        ]);
    }
    output::align_right(&mut table, &[2, 3, 5]);
    output::keep_whole(&mut table, &[0, 1, 2, 3, 4, 5, 6]);
    table
}

impl Line {
    fn json(&self, now: DateTime<Utc>) -> Json {
        let Line { kind, terms, standing } = self;
        let held = |robot: &RobotFacts| robot.held_until.filter(|until| *until > now);
        let robot = |robot: &RobotFacts| {
            json!({
                "robot": robot.name,
                "left": terms.per_minute.saturating_sub(robot.sent.len()),
                "held_until": held(robot).map(stamp),
                "reason": robot.reason,
                "gone": robot.gone,
                "cap": robot.cap.as_ref().map(|cap| json!({ "quota": cap.quota, "used": cap.used, "left": cap.left() })),
            })
        };
        let all_held: Option<Vec<DateTime<Utc>>> = standing.robots.iter().map(held).collect();
        json!({
            "receiver": terms.receiver,
            "type": kind,
            "organisation": terms.organisation,
            "robots": standing.robots.iter().map(robot).collect::<Vec<_>>(),
            "left": standing.left,
            "month": { "name": Month::of(now).name, "quota": terms.quota, "used": standing.used, "left": terms.quota.map(|quota| quota.saturating_sub(standing.used)) },
            "held_until": all_held.and_then(|all| all.into_iter().min()).map(stamp),
            "refuses_for_good": standing.refuses_for_good(),
            "waiting": standing.waiting,
            "digest_s": terms.digest.map(|digest| digest.as_secs()),
            "fallback": terms.fallback,
        })
    }
}
