//! `kill -9` of the real program at random moments while rows change.
//!
//! The oracle stands outside: a writer turns rows bad and good again, and turns a row only when its last turn is in the
//! history. So each turn was true at a completed poll, and must be in the history exactly once. The program logs every
//! statement; it is killed when a random number of lines has been read: between any two steps of a poll or a delivery.

use rowbell::clock::Clock;
use rowbell::notify::dingtalk::simulator::{SimulatedRobot, Simulator, SimulatorSettings};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Row as _, SqlitePool};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::OnceCell;

/// Each watcher has a robot of its own, so that the robots' limits do not stretch the test.
const WATCHERS: usize = 12;
/// How often the program is killed.
const KILLS: u32 = 100;
/// A process writes at least so many lines before it is killed, and at most so many.
const LINES: std::ops::Range<u64> = 5..260;

struct World {
    folder: tempfile::TempDir,
    shop: SqlitePool,
    simulator: Simulator,
    turns: BTreeMap<String, u64>,
    random: u64,
    store: OnceCell<SqlitePool>,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_a_hundred_times_it_loses_nothing_and_doubles_at_most_once_per_kill() {
    let mut world = World::new().await;
    for _ in 0..KILLS {
        let lines = world.random(LINES.end - LINES.start) + LINES.start;
        let (mut child, mut log) = world.start();
        for _ in 0..lines {
            let line = tokio::time::timeout(Duration::from_secs(20), log.next_line())
                .await
                .expect("the service goes on")
                .expect("its log is read");
            assert!(line.is_some(), "the service ended by itself");
            world.turn_one().await;
        }
        child.kill().await.expect("killed");
    }
    let turns: u64 = world.turns.values().sum();
    assert!(turns >= 60, "only {turns} turns: the test did not test much");
    world.drain().await;
    let repeats = world.check().await;
    eprintln!("kills {KILLS}, turns {turns}, lost 0, duplicates without msgUuid {repeats}, with it 0");
    assert!(repeats <= KILLS, "{repeats} duplicates for {KILLS} kills");
}

impl World {
    async fn new() -> World {
        rowbell::notify::install_tls();
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = SimulatorSettings::new(Clock::System);
        settings.robots = (0..WATCHERS).map(|n| SimulatedRobot::new(&format!("token{n}"), &format!("robot{n}"))).collect();
        let simulator = Simulator::start(settings).await.expect("the simulator starts");
        write_files(folder.path(), &simulator);
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("shop.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let shop = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("the shop opens");
        sqlx::raw_sql("create table item (watcher text, sku text, bad integer, primary key (watcher, sku))")
            .execute(&shop)
            .await
            .expect("a table");
        for n in 0..WATCHERS {
            sqlx::query("insert into item values (?, 'x', 0)").bind(format!("w{n}")).execute(&shop).await.expect("an item");
        }
        World { folder, shop, simulator, turns: BTreeMap::new(), random: 0x2026_1123, store: OnceCell::new() }
    }

    /// A number below `bound`: xorshift, the same in each run.
    fn random(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    fn start(&self) -> (Child, Lines<BufReader<ChildStderr>>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rowbell"))
            .args(["run", "--log", "debug"])
            .current_dir(self.folder.path())
            .env_remove("ROWBELL_CONFIG")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the service starts");
        let log = child.stderr.take().expect("its log");
        (child, BufReader::new(log).lines())
    }

    /// Turns one row, if its last turn is in the history.
    async fn turn_one(&mut self) {
        let watcher = format!("w{}", self.random(WATCHERS as u64));
        let turned = self.turns.get(&watcher).copied().unwrap_or(0);
        if self.told(&watcher).await.len() as u64 != turned {
            return;
        }
        sqlx::query("update item set bad = 1 - bad where watcher = ?").bind(&watcher).execute(&self.shop).await.expect("a turn");
        self.turns.insert(watcher, turned + 1);
    }

    /// The store, read from outside; it is there once the service has started.
    async fn store(&self) -> Option<&SqlitePool> {
        if self.store.get().is_none() {
            let options = SqliteConnectOptions::new().filename(self.folder.path().join("state.db")).busy_timeout(Duration::from_secs(10));
            let store = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.ok()?;
            sqlx::query("select 1 from alert_history").fetch_optional(&store).await.ok()?;
            self.store.get_or_init(async || store).await;
        }
        self.store.get()
    }

    /// The events of a watcher, oldest first.
    async fn told(&self, watcher: &str) -> Vec<String> {
        let Some(store) = self.store().await else { return Vec::new() };
        let rows = sqlx::query("select event from alert_history where watcher = ? order by id")
            .bind(watcher)
            .fetch_all(store)
            .await
            .expect("the history is read");
        rows.iter().map(|row| row.get("event")).collect()
    }

    /// The faults are over: everything is told and delivered, and the service stops when asked to.
    async fn drain(&self) {
        let (mut child, mut log) = self.start();
        let log = tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        let quiet = async {
            while !self.is_quiet().await {
                looks.tick().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(150), quiet).await.is_err() {
            panic!("not all is delivered within the robots' limits: {}", self.left().await);
        }
        let pid = child.id().expect("a process").to_string();
        let stopped = Command::new("kill").args(["-TERM", &pid]).status().await.expect("a signal");
        assert!(stopped.success());
        assert!(child.wait().await.expect("it stops").success(), "a soft stop ends with 0");
        log.await.expect("its log ends");
    }

    async fn is_quiet(&self) -> bool {
        for (watcher, turns) in &self.turns {
            if self.told(watcher).await.len() as u64 != *turns {
                return false;
            }
        }
        self.left().await.is_empty()
    }

    /// What is not delivered, in words.
    async fn left(&self) -> String {
        let Some(store) = self.store().await else { return "there is no store".into() };
        let rows = sqlx::query(
            "select id, receiver, state, attempts, answer, not_before from delivery where state <> 'delivered' and merged_into is null",
        )
        .fetch_all(store)
        .await
        .expect("the outbox is read");
        rows.iter()
            .map(|row| {
                format!(
                    "{} {} {} {} {:?} {}\n",
                    row.get::<i64, _>("id"),
                    row.get::<String, _>("receiver"),
                    row.get::<String, _>("state"),
                    row.get::<i64, _>("attempts"),
                    row.get::<Option<String>, _>("answer"),
                    row.get::<String, _>("not_before")
                )
            })
            .collect()
    }

    /// Each turn is in the history once, each event's message reached the robot; how often one came again.
    async fn check(&self) -> u32 {
        for (watcher, turns) in &self.turns {
            let told = self.told(watcher).await;
            let expected: Vec<&str> = ["fired", "resolved"].into_iter().cycle().take(*turns as usize).collect();
            assert_eq!(told, expected, "{watcher}");
        }
        let store = self.store().await.expect("the store");
        let rows = sqlx::query(
            "select d.msg_uuid, count(e.event_id) as events from delivery d join delivery_event e on e.delivery_id = d.id group by d.id",
        )
        .fetch_all(store)
        .await
        .expect("deliveries");
        let sent: BTreeSet<String> = rows.iter().map(|row| row.get("msg_uuid")).collect();
        let events: i64 = rows.iter().map(|row| row.get::<i64, _>("events")).sum();
        assert_eq!(events as u64, self.turns.values().sum::<u64>(), "an event without a message");
        let messages = self.simulator.messages();
        let posted: BTreeSet<String> = messages.iter().filter_map(|message| message.uuid.clone()).collect();
        assert_eq!(posted.len(), messages.len(), "with msgUuid honoured nothing is posted twice");
        assert_eq!(sent, posted, "what was made is what arrived");
        messages.iter().map(|message| message.repeats).sum()
    }
}

fn write_files(folder: &Path, simulator: &Simulator) {
    let mut settings = String::from(
        "timezone = \"UTC\"\n[store]\nurl = \"sqlite://state.db\"\n[web]\nlisten = \"127.0.0.1:0\"\n[sources.shop]\nurl = \"sqlite://shop.db\"\n",
    );
    std::fs::create_dir(folder.join("watchers")).expect("a folder");
    for n in 0..WATCHERS {
        settings
            .push_str(&format!("[receivers.r{n}]\ntype = \"dingtalk_robot\"\nwebhook = \"{}\"\n", simulator.webhook(&format!("token{n}"))));
        let watcher = format!(
            "source = \"shop\"\nevery = \"1s\"\nalert_on = \"match\"\nkey = [\"sku\"]\nquery = \"select sku from item where watcher = 'w{n}' and bad = 1\"\n[[notify]]\nreceivers = [\"r{n}\"]\n"
        );
        std::fs::write(folder.join(format!("watchers/w{n}.toml")), watcher).expect("a watcher");
    }
    std::fs::write(folder.join("rowbell.toml"), settings).expect("the settings");
}
