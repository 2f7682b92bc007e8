//! A preview as a page: the messages as the simulator's chat shows them.

use super::{Failed, Sample, Shown, Unread};
use crate::cli::moment::{self, Wall};
use crate::domain::message::Language;
use crate::domain::watcher::AlertOn;
use crate::engine::Engine;
use crate::notify::dingtalk::simulator::{self, Preview as Page, preview_page};
use crate::picture::png;
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes the page, and says where.
pub(super) fn write(engine: &Engine, name: &str, path: PathBuf, shown: &[Shown], failures: &[Unread]) -> Result<PathBuf, Failed> {
    let (mut page, pictures) = page(engine, name, shown)?;
    page.facts.extend(failures.iter().map(|(watcher, failure)| format!("{}: {}: {}", watcher.source, failure.kind, failure.message)));
    let mut html = preview_page(&page).map_err(|words| anyhow::anyhow!("the page cannot be made: {words}"))?;
    for (address, data) in pictures {
        html = html.replace(&address, &data);
    }
    write_private(&path, html.as_bytes()).with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// Where the page is to be written. A file that was named is overwritten, but only when its name says that it is a page.
pub(super) fn place(name: &str, file: Option<PathBuf>) -> Result<PathBuf, Failed> {
    let Some(path) = file else {
        return Ok(std::env::temp_dir().join(format!("rowbell-{name}-{}.html", uuid::Uuid::new_v4().simple())));
    };
    let is_page = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("html") || extension.eq_ignore_ascii_case("htm"));
    match is_page {
        true => Ok(path),
        false => Err(Failed::Invalid(format!("error: --html: `{}` does not end in .html", path.display()))),
    }
}

/// Rows of a business database are nobody else's to read.
pub(super) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)
}

/// A picture of the page: an address that nothing else in it can hold, and what stands there instead.
type Inlined = (String, String);

/// The page, and its pictures.
fn page(engine: &Engine, name: &str, shown: &[Shown]) -> Result<(Page, Vec<Inlined>), Failed> {
    let parts = engine.parts();
    let mut receivers: Vec<String> = Vec::new();
    for receiver in shown.iter().flat_map(|one| one.watcher.receivers()) {
        if !receivers.contains(&receiver) {
            receivers.push(receiver);
        }
    }
    let (mut messages, mut pictures) = (Vec::new(), Vec::new());
    for draft in shown.iter().flat_map(Shown::messages) {
        let mut message = draft.message.clone();
        if let Some(picture) = &mut message.chart {
            let png = png(&picture.chart).context("drawing a chart")?;
            let address = format!("http://127.0.0.1/{}.png", uuid::Uuid::new_v4());
            picture.url = Some(address.clone());
            pictures.push((address, format!("data:image/png;base64,{}", STANDARD.encode(png))));
        }
        let place = receivers.iter().position(|receiver| *receiver == draft.receiver);
        let body = parts.receivers.get(&draft.receiver).and_then(|receiver| receiver.body(&message));
        messages.extend(place.zip(body));
    }
    let page = Page {
        title: name.to_owned(),
        description: shown.first().and_then(|one| one.watcher.description.clone()).unwrap_or_default(),
        facts: shown.iter().flat_map(|one| facts(engine, one, shown.len() > 1)).collect(),
        receivers,
        messages,
        language: if parts.language == Language::En { simulator::Language::English } else { simulator::Language::Chinese },
        timezone: parts.timezone,
        at: parts.clock.now(),
    };
    Ok((page, pictures))
}

/// What a poll would do, in the language of the messages.
fn facts(engine: &Engine, shown: &Shown, names_source: bool) -> Vec<String> {
    let (parts, preview) = (engine.parts(), &shown.preview);
    let is_english = parts.language == Language::En;
    let pick = |chinese: String, english: String| if is_english { english } else { chinese };
    let wall = Wall::new(parts.timezone, parts.clock.now());
    let on = if names_source { format!("{}: ", preview.source) } else { String::new() };
    let (rows, matched, events) = (preview.rows, preview.matched, preview.changes.events.len());
    let mut all = vec![
        on + &pick(
            format!("读取 {rows} 行，其中 {matched} 行符合条件；{events} 个事件"),
            format!("{rows} rows read, of which {matched} count; {events} events"),
        ),
    ];
    if preview.baseline > 0 && !preview.has_baseline && matches!(shown.watcher.alert_on, AlertOn::New { .. } | AlertOn::Change { .. }) {
        let count = preview.baseline;
        all.push(pick(
            format!("首次轮询以这 {count} 行为基线，不通知"),
            format!("the first poll takes {count} rows as the baseline and tells no one of them"),
        ));
    }
    if !preview.pending.is_empty() {
        let count = preview.pending.len();
        all.push(pick(format!("{count} 个键还在等待，持续时间未到"), format!("{count} keys wait until they have held for long enough")));
    }
    if preview.unchanged > 0 {
        let count = preview.unchanged;
        all.push(pick(format!("{count} 个告警仍在触发，不重复通知"), format!("{count} alerts go on firing, nothing is told of them")));
    }
    let due = preview.changes.deferred.iter().map(|deferral| deferral.due_at).min().map(|due| wall.shown(&moment::stamp(due)));
    all.extend(shown.sample.as_ref().map(|(why, _)| match (why, due) {
        (Sample::AsIfNew, _) => pick(
            "现在没有要发送的消息；下面是这些行作为新事件时的样子".into(),
            "no one would be told now; below is how its rows would be told if they were new".into(),
        ),
        (Sample::KeptBack, Some(due)) => pick(
            format!("现在不在工作时段，{due} 汇总通知；下面是工作时段内的样子"),
            format!("it is outside the watcher's hours, and told at {due} in a digest; below is how it would be within them"),
        ),
        (Sample::KeptBack, None) => {
            pick("现在被静默；下面是没有静默时的样子".into(), "a silence covers it now; below is how it would be without".into())
        }
    }));
    all.extend(preview.failure.as_ref().map(|failure| format!("{}: {}", failure.kind, failure.message)));
    all
}
