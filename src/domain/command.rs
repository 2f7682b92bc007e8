//! What people write to the robot in a chat: from their words to a [`Command`]. Pure.
//!
//! People write with a thumb and a Chinese keyboard: full-width letters, digits and spaces, no space behind the verb, the robot's
//! name in front, a full stop at the end. All of that is read. What is not understood is never guessed at: a wrong word answers
//! with what could have been written.

use chrono::TimeDelta;

/// What a person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// How things stand.
    Status,
    /// What fires, of one watcher or of all.
    Alerts(Option<String>),
    /// What happened last of a watcher.
    History(String),
    /// Not to be told of a watcher for a time.
    Silence {
        /// Whose.
        watcher: String,
        /// For how long.
        length: TimeDelta,
        /// Why, where it was said.
        reason: Option<String>,
    },
    /// To take alerts.
    Acknowledge {
        /// Their numbers.
        ids: Vec<i64>,
        /// What is being done.
        note: Option<String>,
    },
    /// Why a watcher did or did not alert.
    Why {
        /// Whose.
        watcher: String,
        /// Of which key, as it was written.
        key: Vec<String>,
    },
    /// What can be asked.
    Help,
}

/// The verbs, for what is said of one that lacks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// 状态
    Status,
    /// 告警
    Alerts,
    /// 历史
    History,
    /// 静默
    Silence,
    /// 认领
    Acknowledge,
    /// 为什么
    Why,
    /// 帮助
    Help,
}

/// Why there is no command in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misread {
    /// It begins with no verb.
    Unknown,
    /// The verb needs the name of a watcher.
    NoName(Verb),
    /// The verb needs a number.
    NoNumber,
    /// This is no length of time, or one that nobody means.
    Length(String),
}

/// How long a silence lasts where nobody says: as long as that of a card's button.
pub const SILENCE_LENGTH: TimeDelta = TimeDelta::hours(2);
/// The longest silence that a chat may make; a longer one wants a command line and a thought.
pub const LONGEST_SILENCE: TimeDelta = TimeDelta::days(7);
/// The shortest.
const SHORTEST_SILENCE: TimeDelta = TimeDelta::minutes(1);
/// Characters of a text that are read.
const MOST_CHARS: usize = 500;
/// Alerts that are taken at once.
const MOST_IDS: usize = 50;

/// Every word for a verb; where one begins with another the longer stands first.
const VERBS: &[(&str, Verb)] = &[
    ("状态", Verb::Status),
    ("状况", Verb::Status),
    ("status", Verb::Status),
    ("告警", Verb::Alerts),
    ("报警", Verb::Alerts),
    ("警报", Verb::Alerts),
    ("alerts", Verb::Alerts),
    ("alert", Verb::Alerts),
    ("历史", Verb::History),
    ("history", Verb::History),
    ("静默", Verb::Silence),
    ("静音", Verb::Silence),
    ("silence", Verb::Silence),
    ("mute", Verb::Silence),
    ("认领", Verb::Acknowledge),
    ("acknowledge", Verb::Acknowledge),
    ("ack", Verb::Acknowledge),
    ("为什么", Verb::Why),
    ("为啥", Verb::Why),
    ("为何", Verb::Why),
    ("why", Verb::Why),
    ("explain", Verb::Why),
    ("帮助", Verb::Help),
    ("help", Verb::Help),
    ("?", Verb::Help),
];

/// Units of a length of time, in seconds; where one begins with another the longer stands first.
const UNITS: &[(&str, i64)] = &[
    ("分钟", 60),
    ("minutes", 60),
    ("minute", 60),
    ("mins", 60),
    ("min", 60),
    ("个小时", 3_600),
    ("小时", 3_600),
    ("hours", 3_600),
    ("hour", 3_600),
    ("days", 86_400),
    ("day", 86_400),
    ("分", 60),
    ("时", 3_600),
    ("天", 86_400),
    ("日", 86_400),
    ("m", 60),
    ("h", 3_600),
    ("d", 86_400),
];

/// Reads a text.
///
/// # Errors
/// What is missing, or wrong.
pub fn parse(text: &str) -> Result<Command, Misread> {
    let is_read = |c: &char| c.is_whitespace() || !(c.is_control() || is_unseen(*c));
    let text: String = text.chars().filter(is_read).take(MOST_CHARS).collect();
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    // The robot's own name, where the chat leaves it in.
    words.drain(..words.iter().take_while(|word| word.starts_with(['@', '＠'])).count());
    let Some(first) = words.first() else { return Ok(Command::Help) };
    let (verb, rest) = verb(first).ok_or(Misread::Unknown)?;
    match rest {
        Some(rest) => words[0] = rest,
        None => _ = words.remove(0),
    }
    match verb {
        Verb::Status => Ok(Command::Status),
        Verb::Help => Ok(Command::Help),
        Verb::Alerts => Ok(Command::Alerts(words.first().map(|name| name_of(name)))),
        Verb::History => Ok(Command::History(first_name(&words, verb)?)),
        Verb::Why => Ok(Command::Why { watcher: first_name(&words, verb)?, key: words.split_off(1) }),
        Verb::Silence => silence(&words),
        Verb::Acknowledge => acknowledge(&words),
    }
}

/// The columns of a key and their values: `sku=A-17`, or values alone in the order of the columns.
///
/// # Errors
/// The columns that should have been named.
pub fn key_of(columns: &[String], words: &[String]) -> Result<Vec<(String, String)>, Vec<String>> {
    let named = |word: &String| word.replacen('＝', "=", 1).split_once('=').map(|(column, value)| (column.to_owned(), value.to_owned()));
    let pairs: Vec<(String, String)> = words.iter().filter_map(named).collect();
    match (words, columns) {
        ([], _) => Ok(Vec::new()),
        _ if pairs.len() == words.len() => Ok(pairs),
        (_, [column]) => Ok(vec![(column.clone(), words.join(" "))]),
        _ if words.len() == columns.len() => Ok(columns.iter().cloned().zip(words.iter().cloned()).collect()),
        _ => Err(columns.to_vec()),
    }
}

fn silence(words: &[String]) -> Result<Command, Misread> {
    let watcher = first_name(words, Verb::Silence)?;
    let (length, used) = match words.get(1).map(|word| narrow(word)) {
        Some(word) if word.starts_with(|c: char| c.is_ascii_digit()) => {
            // `2 小时`: a number and its unit apart.
            let apart = words.get(2).map(|unit| format!("{word}{}", narrow(unit)));
            let apart = apart.filter(|_| word.chars().all(|c| c.is_ascii_digit()));
            let used = if apart.is_some() { 2 } else { 1 };
            (length(&apart.unwrap_or_else(|| word.clone())).ok_or(Misread::Length(word))?, used)
        }
        _ => (SILENCE_LENGTH, 0),
    };
    let reason = words[1 + used..].join(" ");
    Ok(Command::Silence { watcher, length, reason: Some(reason).filter(|reason| !reason.is_empty()) })
}

/// `2h`, `1d12h`, `30分钟`, within what a chat may ask for.
fn length(text: &str) -> Option<TimeDelta> {
    let (mut rest, mut seconds) = (text, 0_i64);
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = rest[..digits].parse().ok()?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| rest[digits..].starts_with(unit))?;
        seconds = seconds.checked_add(number.checked_mul(*factor)?)?;
        rest = &rest[digits + unit.len()..];
    }
    let length = TimeDelta::try_seconds(seconds)?;
    (SHORTEST_SILENCE..=LONGEST_SILENCE).contains(&length).then_some(length)
}

fn acknowledge(words: &[String]) -> Result<Command, Misread> {
    let mut ids = Vec::new();
    let mut used = 0;
    for word in words {
        let narrow = narrow(word);
        let numbers: Option<Vec<i64>> = narrow
            .split([',', '、', ';'])
            .map(|part| part.trim_start_matches('#'))
            .filter(|part| !part.is_empty())
            .map(|part| part.parse().ok().filter(|id| *id > 0))
            .collect();
        match numbers {
            Some(numbers) => ids.extend(numbers),
            None => break,
        }
        used += 1;
    }
    ids.truncate(MOST_IDS);
    if ids.is_empty() {
        return Err(Misread::NoNumber);
    }
    let note = words[used..].join(" ");
    Ok(Command::Acknowledge { ids, note: Some(note).filter(|note| !note.is_empty()) })
}

/// The verb of a word, and what is glued to it: `认领42`. A Latin verb stands alone.
fn verb(word: &str) -> Option<(Verb, Option<String>)> {
    let narrow = narrow(word);
    let word = narrow.trim_start_matches('/');
    let whole = word.trim_end_matches(['。', '.', '!', '?', ',', ':', '：', '、']);
    let whole = if whole.is_empty() { word } else { whole };
    let exact = VERBS.iter().find(|(text, _)| *text == whole).map(|(_, verb)| (*verb, None));
    exact.or_else(|| {
        let glued = |(text, verb): &(&str, Verb)| {
            let rest = word.strip_prefix(text).filter(|_| !text.is_ascii())?;
            Some((*verb, Some(rest.trim_start_matches([':', '：', ',']).to_owned())))
        };
        VERBS.iter().find_map(glued)
    })
}

fn first_name(words: &[String], verb: Verb) -> Result<String, Misread> {
    words.first().map(|word| name_of(word)).filter(|name| !name.is_empty()).ok_or(Misread::NoName(verb))
}

/// A watcher's name as it was typed, in the letters that names have.
fn name_of(word: &str) -> String {
    narrow(word).trim_matches(['`', '"', '\'', '《', '》', '“', '”', '。', ',']).to_owned()
}

/// Full-width letters, digits and marks as their narrow forms, in lower case.
fn narrow(word: &str) -> String {
    let half = |c: char| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
        other => other,
    };
    word.chars().map(half).flat_map(char::to_lowercase).collect()
}

/// Zero-width and direction characters, which chats put around names.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
