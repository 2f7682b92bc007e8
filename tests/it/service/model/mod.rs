//! Evaluation and store against a reference: random watchers, random polls, failures, restarts, acknowledgements and
//! silences; both must tell the same, and know the same, after every step.
//!
//! The engine is the real one on a real store; rows are given to it in place of a database, and nothing is sent. The seed
//! is printed; `ROWBELL_MODEL_SEED` takes one again and `ROWBELL_MODEL_CASES` another number of watchers. On a difference
//! the smallest story that shows it is looked for and shown.

mod reference;

use super::house::start_time;
use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use reference::{Cell, Covers, EXPECTED, Key, Kind, Reference, Span, Spec};
use rowbell::clock::Clock;
use rowbell::config::{Environment, Settings, parse_settings, parse_watcher};
use rowbell::domain::alert::{Acknowledgement, Severity};
use rowbell::domain::row::{Columns, Row};
use rowbell::domain::silence::Silence;
use rowbell::domain::value;
use rowbell::domain::watcher::Watcher;
use rowbell::engine::{Engine, Parts, Slot};
use rowbell::metrics::Metrics;
use rowbell::source::{Answer, Replay, Source, SourceErrorKind, SourceSettings};
use rowbell::store::{HistoryLine, HistoryQuery, Store};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// What happens, one after the other. Times are in seconds.
#[derive(Clone, Debug)]
enum Step {
    Poll {
        after: i64,
        rows: Vec<(Key, Cell)>,
    },
    /// The rows of the last poll once more.
    Again {
        after: i64,
    },
    Fail {
        after: i64,
    },
    Restart,
    Acknowledge,
    Silence {
        covers: Covers,
        seconds: i64,
    },
}

const WATCHERS: u32 = 140;
const STEPS: std::ops::Range<usize> = 1..70;

#[test]
fn what_is_told_is_what_the_contract_says() {
    let seed = number_of("ROWBELL_MODEL_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos() as u64);
    println!("ROWBELL_MODEL_SEED={seed}");
    let cases = number_of("ROWBELL_MODEL_CASES").map_or(WATCHERS, |cases| u32::try_from(cases).expect("a number of watchers"));
    let config = Config { cases, max_shrink_iters: 3_000, failure_persistence: None, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let steps = AtomicUsize::new(0);
    let stories = (a_watcher(), prop::collection::vec(a_step(), STEPS));
    let result = runner.run(&stories, |(spec, story)| {
        steps.fetch_add(story.len(), Ordering::Relaxed);
        runtime.block_on(live(spec, &story)).map_err(TestCaseError::fail)
    });
    println!("{} steps of {cases} watchers", steps.load(Ordering::Relaxed));
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, (spec, story))) => {
            let story: Vec<String> = story.iter().map(|step| format!("  {step}")).collect();
            panic!("ROWBELL_MODEL_SEED={seed}\n{spec:?}\n{}\n{why}", story.join("\n"));
        }
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn a_watcher() -> impl Strategy<Value = Spec> {
    let kinds = vec![
        Kind::Match { keyed: true },
        Kind::Match { keyed: true },
        Kind::Match { keyed: true },
        Kind::Match { keyed: false },
        Kind::New { tells_first: false },
        Kind::New { tells_first: true },
        Kind::Change { added: false, changed: true, removed: false },
        Kind::Change { added: true, changed: true, removed: true },
        Kind::MissingAny,
        Kind::MissingEach,
        Kind::Report { send_empty: true },
        Kind::Report { send_empty: false },
    ];
    let spans = || select(vec![Span::Seconds(0), Span::Seconds(0), Span::Seconds(120), Span::Polls(1), Span::Polls(3)]);
    let repeats = select(vec![None, Some((180, None)), Some((60, Some(2)))]);
    (select(kinds), spans(), spans(), any::<bool>(), repeats).prop_map(|(kind, hold, keep, clears, repeats)| {
        let lives = matches!(kind, Kind::Match { .. } | Kind::MissingAny | Kind::MissingEach);
        Spec {
            kind,
            hold: if lives { hold } else { Span::Seconds(0) },
            keep: if lives { keep } else { Span::Seconds(0) },
            clears: clears && matches!(kind, Kind::Match { .. }),
            repeat: repeats.filter(|_| lives).map(|(seconds, _)| seconds),
            most_repeats: repeats.filter(|_| lives).and_then(|(_, most)| most),
        }
    })
}

fn a_step() -> impl Strategy<Value = Step> {
    let after = || select(vec![30_i64, 60, 60, 120, 300]);
    let cell = prop_oneof![
        9 => select(vec![0_i64, 1, 2, 3, 3, 4, 5, 6]).prop_map(Cell::Number),
        1 => select(vec![3_i64, 5]).prop_map(Cell::Spelled),
        1 => Just(Cell::Null),
        1 => Just(Cell::Text),
    ];
    let row = (select(vec![Some("a"), Some("a"), Some("b"), Some("c"), None]), cell);
    let rows = prop::collection::vec(row, 0..5);
    prop_oneof![
        8 => (after(), rows).prop_map(|(after, rows)| Step::Poll { after, rows }),
        6 => after().prop_map(|after| Step::Again { after }),
        2 => after().prop_map(|after| Step::Fail { after }),
        1 => Just(Step::Restart),
        1 => Just(Step::Acknowledge),
        1 => (select(vec![Covers::Everything, Covers::KeyA, Covers::Critical]), select(vec![90_i64, 200, 600]))
            .prop_map(|(covers, seconds)| Step::Silence { covers, seconds }),
    ]
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Poll { after, rows } => {
                let shown: Vec<String> =
                    rows.iter().map(|(key, cell)| format!("{} {}", key.unwrap_or("NULL"), text(*cell).unwrap_or("NULL".into()))).collect();
                write!(f, "{after} s later a poll finds [{}]", shown.join(", "))
            }
            Step::Again { after } => write!(f, "{after} s later a poll finds the same again"),
            Step::Fail { after } => write!(f, "{after} s later a poll fails"),
            Step::Restart => f.write_str("the engine is restarted"),
            Step::Acknowledge => f.write_str("a person acknowledges all that fires"),
            Step::Silence { covers, seconds } => write!(f, "a silence for {seconds} s covers {covers:?}"),
        }
    }
}

/// Goes through a story with both; the first difference.
async fn live(spec: Spec, story: &[Step]) -> Result<(), String> {
    let mut world = World::new(spec).await;
    let mut reference = Reference::new(spec);
    let mut last: Vec<(Key, Cell)> = Vec::new();
    for (at, step) in story.iter().enumerate() {
        match step {
            Step::Poll { after, rows } => {
                last = rows.iter().map(|(key, cell)| (*key, as_read(spec, *cell))).collect();
                poll(&world, &mut reference, *after, Some(&last)).await;
            }
            Step::Again { after } => poll(&world, &mut reference, *after, Some(&last)).await,
            Step::Fail { after } => poll(&world, &mut reference, *after, None).await,
            Step::Restart => world.restart().await,
            Step::Acknowledge => {
                world.acknowledge().await;
                reference.acknowledge();
            }
            Step::Silence { covers, seconds } if reference.silence.is_none() => {
                world.silence(*covers, *seconds).await;
                reference.silence = Some((*covers, reference.now + seconds));
            }
            Step::Silence { .. } => {}
        }
        let found = (world.told().await, world.standing().await);
        let wanted = (reference.told(), reference.standing());
        if found != wanted {
            return Err(format!(
                "step {}, {step}\n  told {:?}\nwanted {:?}\nstands {:?}\nwanted {:?}",
                at + 1,
                found.0,
                wanted.0,
                found.1,
                wanted.1
            ));
        }
    }
    world.engine.parts().store.close().await;
    Ok(())
}

/// The sums of a report are written as the numbers are: one spelling will do.
fn as_read(spec: Spec, cell: Cell) -> Cell {
    match (spec.kind, cell) {
        (Kind::Report { .. }, Cell::Spelled(number)) => Cell::Number(number),
        _ => cell,
    }
}

async fn poll(world: &World, reference: &mut Reference, after: i64, rows: Option<&[(Key, Cell)]>) {
    world.clock.advance(TimeDelta::seconds(after));
    reference.now += after;
    reference.look();
    match rows {
        Some(rows) => reference.poll(rows),
        None => reference.fail(),
    }
    world.poll(rows).await;
}

/// The real thing.
struct World {
    folder: TempDir,
    clock: Clock,
    settings: Settings,
    watcher: Arc<Watcher>,
    replay: Replay,
    engine: Engine,
    last: std::cell::Cell<i64>,
}

impl World {
    async fn new(spec: Spec) -> World {
        // In memory where there is such a folder: thousands of commits wait for no disk.
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).expect("a folder");
        let text = format!(
            "[store]\nurl = \"sqlite://{}/state.db\"\n[sources.shop]\nurl = \"sqlite://shop.db\"\n[receivers.warehouse]\ntype = \"dingtalk_robot\"\nwebhook = \"http://127.0.0.1:9/robot/send?access_token=0\"\n",
            folder.path().display()
        );
        let settings = parse_settings(&folder.path().join("rowbell.toml"), &text, &Environment::default()).expect("valid settings");
        let watcher = Arc::new(parse_watcher("w", Path::new("w.toml"), &declared(spec), &settings).expect("a valid watcher"));
        let (clock, replay) = (Clock::at(start_time()), Replay::default());
        let engine = open(&settings, &clock, &replay).await;
        engine.know_watchers(vec![watcher.clone()]);
        World { folder, clock, settings, watcher, replay, engine, last: std::cell::Cell::new(0) }
    }

    async fn restart(&mut self) {
        self.engine = open(&self.settings, &self.clock, &self.replay).await;
        self.engine.parts().store.take_over().await.expect("taken over");
        self.engine.know_watchers(vec![self.watcher.clone()]);
    }

    async fn poll(&self, rows: Option<&[(Key, Cell)]>) {
        let columns = Columns::new(vec!["id".into(), "v".into()]).expect("two columns");
        let failure = rows.is_none().then(|| (SourceErrorKind::Sql, "no such table".to_owned()));
        let row = |(key, cell): &(Key, Cell)| {
            let kind = if *cell == Cell::Text { value::Kind::Text } else { value::Kind::Number };
            let value = text(*cell);
            Row::from_cells(columns.clone(), [(value::Kind::Text, *key), (kind, value.as_deref())])
        };
        let rows = rows.unwrap_or_default().iter().map(row).collect();
        self.replay.give(&self.watcher.query, Answer { columns: columns.clone(), rows, failure });
        self.engine.tell_digests().await;
        let slot = Slot { scheduled_at: self.clock.now(), missed: 0, advances: true };
        let report = self.engine.poll(self.watcher.clone(), slot).await;
        assert!(report.poll_id.is_some(), "a poll was not recorded in {}: {report:?}", self.folder.path().display());
    }

    async fn acknowledge(&self) {
        let store = &self.engine.parts().store;
        let alerts = store.alerts(None, 0).await.expect("the alerts are read");
        let firing = alerts.iter().filter(|alert| alert.status == "firing" && alert.acknowledged.is_none());
        let by = Acknowledgement { at: self.clock.now(), by: "wang".into(), note: None };
        store.acknowledge(firing.filter_map(|alert| alert.id).collect(), by).await.expect("acknowledged");
    }

    async fn silence(&self, covers: Covers, seconds: i64) {
        let silence = Silence {
            id: 0,
            author: "wang".into(),
            reason: "stocktaking".into(),
            watcher: Some("*".into()),
            key: if covers == Covers::KeyA { vec![("id".into(), "a".into())] } else { Vec::new() },
            severity: (covers == Covers::Critical).then_some(Severity::Critical),
            receiver: None,
            starts_at: self.clock.now(),
            ends_at: self.clock.now() + TimeDelta::seconds(seconds),
        };
        self.engine.parts().store.add_silence(silence, self.clock.now()).await.expect("a silence");
    }

    /// What was told since the last look.
    async fn told(&self) -> Vec<String> {
        let history = self.engine.parts().store.history(HistoryQuery::default()).await.expect("the history is read");
        let mut told: Vec<String> = history.iter().filter(|line| line.id > self.last.get()).map(|line| self.shown(line)).collect();
        self.last.set(history.first().map_or(0, |line| line.id));
        told.sort();
        told
    }

    fn shown(&self, line: &HistoryLine) -> String {
        let silenced = if line.silenced { " silenced" } else { "" };
        let has_message = !line.deliveries.is_empty();
        assert!(line.event == "acknowledged" || has_message != line.silenced, "what is not silenced is in a message: {line:?}");
        let reason = if line.event == "report" {
            format!(" {}", line.reason.split("; warehouse").next().unwrap_or_default())
        } else {
            String::new()
        };
        format!("{} {} {}{reason}{silenced}", line.event, key_text(line.key.as_ref()), line.severity)
    }

    async fn standing(&self) -> Vec<String> {
        let alerts = self.engine.parts().store.alerts(None, 0).await.expect("the alerts are read");
        let mut standing: Vec<String> =
            alerts.iter().map(|alert| format!("{} {} {}", alert.status, key_text(Some(&alert.key)), alert.severity)).collect();
        standing.sort();
        standing
    }
}

fn key_text(key: Option<&rowbell::store::Object>) -> String {
    let Some(key) = key else { return "-".to_owned() };
    key.values().next().map_or("all", |value| value.as_str().unwrap_or("NULL")).to_owned()
}

fn text(cell: Cell) -> Option<String> {
    match cell {
        Cell::Null => None,
        Cell::Number(number) => Some(number.to_string()),
        Cell::Spelled(number) => Some(format!("{number}.0")),
        Cell::Text => Some("x".to_owned()),
    }
}

/// The file of a watcher.
fn declared(spec: Spec) -> String {
    let span = |name: &str, span: Span| match span {
        Span::Seconds(0) => String::new(),
        Span::Seconds(seconds) => format!("{name} = \"{seconds}s\"\n"),
        Span::Polls(polls) => format!("{name} = {polls}\n"),
    };
    let own = match spec.kind {
        Kind::Match { keyed } => format!("alert_on = \"match\"\n{}", if keyed { "key = [\"id\"]\n" } else { "" }),
        Kind::New { tells_first } => {
            format!("alert_on = \"new\"\nkey = [\"id\"]\nfirst_poll = \"{}\"\n", if tells_first { "alert" } else { "baseline" })
        }
        Kind::Change { added, changed, removed } => {
            let words = [("added", added), ("changed", changed), ("removed", removed)];
            let rows: Vec<String> = words.iter().filter(|(_, is_told)| *is_told).map(|(word, _)| format!("\"{word}\"")).collect();
            format!("alert_on = \"change\"\nkey = [\"id\"]\nrows = [{}]\n", rows.join(", "))
        }
        Kind::MissingAny => "alert_on = \"missing\"\n".to_owned(),
        Kind::MissingEach => format!("alert_on = \"missing\"\nkey = [\"id\"]\nexpect = {EXPECTED:?}\n"),
        Kind::Report { send_empty } => format!("alert_on = \"report\"\nsum = [\"v\"]\nsend_empty = {send_empty}\n"),
    };
    let bad = if matches!(spec.kind, Kind::MissingAny | Kind::MissingEach) { "id = 'a'" } else { "v > 4" };
    let repeats = spec.repeat.map(|seconds| format!("repeat_interval = \"{seconds}s\"\n")).unwrap_or_default();
    let most = spec.most_repeats.map(|most| format!("max_repeats = {most}\n")).unwrap_or_default();
    let clears = if spec.clears { "clear_when = \"v < 1\"\n" } else { "" };
    format!(
        "source = \"shop\"\nevery = \"1m\"\nquery = \"select id, v from t\"\nwhen = \"v > 2\"\nseverity = [{{ when = \"{bad}\", level = \"critical\" }}, {{ level = \"warning\" }}]\n{own}{}{}{clears}{repeats}{most}[[notify]]\nreceivers = [\"warehouse\"]\n",
        span("for", spec.hold),
        span("keep_firing_for", spec.keep)
    )
}

async fn open(settings: &Settings, clock: &Clock, replay: &Replay) -> Engine {
    use secrecy::ExposeSecret;
    let store = Store::open(settings.store.url.expose_secret()).await.expect("the store opens");
    let source = &settings.sources["shop"];
    let own = SourceSettings {
        name: "shop".to_owned(),
        url: source.url.clone(),
        timezone: source.timezone,
        max_connections: source.max_connections,
        query_timeout: Duration::from_secs(5),
        max_rows: source.max_rows,
    };
    Engine::new(Parts {
        clock: clock.clone(),
        store,
        sources: BTreeMap::from([("shop".to_owned(), Arc::new(Source::replay(own, replay.clone())))]),
        receivers: BTreeMap::new(),
        calendars: settings.calendars.clone(),
        language: settings.language,
        timezone: settings.timezone,
        public_url: None,
        metrics: Metrics::new(),
        owner: "model".into(),
    })
}
