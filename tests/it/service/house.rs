//! A house of its own for each test.

use chrono::{DateTime, TimeDelta, Utc};
use rowbell::clock::Clock;
use rowbell::config::{Environment, ReceiverKind, ReceiverSettings, Settings, parse_settings, parse_watcher};
use rowbell::domain::budget::{APP_BUDGET, BUDGET, QuotaKind, RobotTerms, Terms};
use rowbell::engine::{Engine, Parts};
use rowbell::metrics::Metrics;
use rowbell::notify::dingtalk::app::{App, AppSettings};
use rowbell::notify::dingtalk::simulator::{SimulatedRobot, Simulator, SimulatorSettings};
use rowbell::notify::dingtalk::{Channel, Pool, Receiver, Robot, RobotSettings};
use rowbell::source::{Source, SourceSettings};
use rowbell::store::{HistoryLine, HistoryQuery, PollLine, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The token of the robot called `warehouse`.
pub const TOKEN: &str = "4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4f1c0ffee4";

/// A shop, its watchers, a robot, and the engine between them.
pub struct House {
    pub folder: TempDir,
    pub clock: Clock,
    pub simulator: Simulator,
    pub engine: Engine,
    pub shop: SqlitePool,
    /// More settings than every house has.
    more: String,
}

/// The token of the robot called `duty`, which only some houses have.
pub const DUTY_TOKEN: &str = "d07fd07fd07fd07fd07fd07fd07fd07fd07fd07fd07fd07fd07fd07fd07fd07f";

/// A watcher on the table `stock`, with more lines of TOML.
pub fn low_stock(more: &str) -> String {
    format!(
        "source = \"shop\"\nevery = \"1m\"\nalert_on = \"match\"\nkey = [\"sku\"]\nquery = \"select sku, qty, price from stock where qty < 10 order by sku\"\n{more}\n[[notify]]\nreceivers = [\"warehouse\"]\n"
    )
}

pub fn start_time() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-23T01:30:00Z").expect("a time").to_utc()
}

impl House {
    pub async fn new(watchers: &[(&str, &str)]) -> House {
        House::with(watchers, |settings| settings).await
    }

    pub async fn with(watchers: &[(&str, &str)], change: impl FnOnce(SimulatorSettings) -> SimulatorSettings) -> House {
        House::furnished(watchers, change, |_, _| String::new()).await
    }

    /// A house with more settings, for more sources or receivers.
    pub async fn furnished(
        watchers: &[(&str, &str)],
        change: impl FnOnce(SimulatorSettings) -> SimulatorSettings,
        more: impl FnOnce(&Simulator, &Path) -> String,
    ) -> House {
        rowbell::notify::install_tls();
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::at(start_time());
        let shop = open_shop(folder.path()).await;
        let mut simulated = SimulatorSettings::new(clock.clone())
            .with_robot(SimulatedRobot::new(TOKEN, "warehouse"))
            .with_robot(SimulatedRobot::new(DUTY_TOKEN, "duty"));
        simulated.hold = Duration::from_millis(1_500);
        let simulator = Simulator::start(change(simulated)).await.expect("the simulator starts");
        let more = more(&simulator, folder.path());
        let engine = open_engine(&settings(folder.path(), &simulator, &more), &clock, "test").await;
        let house = House { folder, clock, simulator, engine, shop, more };
        house.set_watchers(watchers).await;
        house
    }

    pub fn settings(&self) -> Settings {
        settings(self.folder.path(), &self.simulator, &self.more)
    }

    pub async fn set_watchers(&self, watchers: &[(&str, &str)]) {
        let settings = self.settings();
        let parse =
            |(name, text): &(&str, &str)| parse_watcher(name, Path::new(name), text, &settings).expect("a valid watcher").instances();
        self.engine.set_watchers(watchers.iter().flat_map(parse).map(Arc::new).collect()).await.expect("the watchers are taken");
    }

    /// A house whose receiver gathers what is not critical for so long.
    pub async fn gathering(digest: &str) -> House {
        let digest = format!("warehouse.digest = \"{digest}\"\n");
        House::furnished(&[], |settings| settings, |_, _| digest).await
    }

    /// The process dies and a new one starts on the same files; time stands still.
    pub async fn restart(&mut self, watchers: &[(&str, &str)]) {
        self.engine = open_engine(&self.settings(), &self.clock, "test").await;
        self.engine.parts().store.take_over().await.expect("the store is taken over");
        self.set_watchers(watchers).await;
    }

    /// Another process on the same store, without watchers of its own.
    pub async fn beside(&self, owner: &str) -> Engine {
        open_engine(&self.settings(), &self.clock, owner).await
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.shop).await.expect("the shop changes");
    }

    /// Time passes, what is due is polled, what can be sent is sent.
    pub async fn step(&self, seconds: i64) {
        self.clock.advance(TimeDelta::seconds(seconds));
        self.engine.tick().await;
        self.engine.deliver_due().await.expect("the outbox is worked on");
    }

    /// What happened, oldest first, as `event key`.
    pub async fn told(&self) -> Vec<String> {
        let mut lines = self.history().await;
        lines.reverse();
        lines.iter().map(|line| format!("{} {}", line.event, key_text(line))).collect()
    }

    pub async fn history(&self) -> Vec<HistoryLine> {
        self.engine.parts().store.history(HistoryQuery::default()).await.expect("the history is read")
    }

    pub async fn last_poll(&self) -> PollLine {
        self.engine.parts().store.polls(None, 1).await.expect("the polls are read").remove(0)
    }

    pub async fn firing(&self) -> Vec<String> {
        let mut alerts: Vec<String> = self
            .engine
            .parts()
            .store
            .alerts(None, 0)
            .await
            .expect("the alerts are read")
            .iter()
            .map(|alert| alert.key.values().map(|v| v.as_str().unwrap_or("NULL").to_owned()).collect())
            .collect();
        alerts.sort();
        alerts
    }

    pub async fn waiting(&self) -> u64 {
        self.engine.parts().store.waiting().await.expect("the outbox is read").iter().map(|(_, count)| count).sum()
    }

    /// Nothing is left in the outbox, and every event of an alert that someone is told of is in a message that was taken.
    pub async fn close(self) {
        assert_eq!(self.waiting().await, 0, "something is left undelivered");
        for line in self.history().await {
            assert!(line.deliveries.iter().all(|delivery| delivery.state == "delivered"), "{line:?}");
        }
        self.engine.parts().store.close().await;
        self.simulator.stop().await;
    }
}

fn key_text(line: &HistoryLine) -> String {
    let key =
        line.key.as_ref().map(|key| key.values().map(|value| value.as_str().unwrap_or("NULL").to_owned()).collect::<Vec<_>>().join("/"));
    key.unwrap_or_else(|| "-".to_owned())
}

async fn open_shop(folder: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.join("shop.db")).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
    let shop = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.expect("the shop opens");
    sqlx::raw_sql("create table stock (sku text primary key, qty integer, price text)").execute(&shop).await.expect("a table");
    shop
}

/// The settings of a second receiver, `duty`.
pub fn duty(simulator: &Simulator) -> String {
    format!("[receivers.duty]\ntype = \"dingtalk_robot\"\nwebhook = \"{}\"\n", simulator.webhook(DUTY_TOKEN))
}

fn settings(folder: &Path, simulator: &Simulator, more: &str) -> Settings {
    // What stands before the first table belongs to the top of the file.
    let (top, more) = more.split_at(more.find('[').unwrap_or(more.len()));
    // And what is said of `warehouse.…` to that receiver.
    let (own, top): (Vec<&str>, Vec<&str>) = top.lines().partition(|line| line.starts_with("warehouse."));
    let own = own.join("\n").replace("warehouse.", "");
    let top = top.join("\n");
    let text = format!(
        "{top}\ntimezone = \"Asia/Shanghai\"\nlanguage = \"en\"\n[store]\nurl = \"sqlite://{0}/state.db\"\n[sources.shop]\nurl = \"sqlite://{0}/shop.db\"\nmax_rows = 20000\n[receivers.warehouse]\ntype = \"dingtalk_robot\"\nwebhook = \"{1}\"\n{own}\n{more}",
        folder.display(),
        simulator.webhook(TOKEN),
    );
    parse_settings(&folder.join("rowbell.toml"), &text, &Environment::default()).expect("valid settings")
}

async fn open_engine(settings: &Settings, clock: &Clock, owner: &str) -> Engine {
    use secrecy::ExposeSecret;
    let store = Store::open(settings.store.url.expose_secret()).await.expect("the store opens");
    let sources = settings.sources.iter().map(|(name, source)| {
        let own = SourceSettings {
            name: name.clone(),
            url: source.url.clone(),
            timezone: source.timezone,
            max_connections: source.max_connections,
            query_timeout: source.query_timeout,
            max_rows: source.max_rows,
        };
        (name.clone(), Arc::new(Source::open(own).expect("a source")))
    });
    let receivers = receivers(settings);
    store.register_robots(receivers.values().map(|receiver| receiver.terms.clone()).collect()).await.expect("the robots are known");
    Engine::new(Parts {
        clock: clock.clone(),
        store,
        sources: sources.collect::<BTreeMap<_, _>>(),
        receivers,
        calendars: settings.calendars.clone(),
        language: settings.language,
        timezone: settings.timezone,
        public_url: settings.public_url.clone(),
        metrics: Metrics::new(),
        owner: owner.to_owned(),
    })
}

/// The receivers as the service makes them, but with less patience.
fn receivers(settings: &Settings) -> BTreeMap<String, Arc<Receiver>> {
    let receiver = |(name, receiver): (&String, &ReceiverSettings)| {
        let own = match &receiver.kind {
            ReceiverKind::Robots(own) => own,
            ReceiverKind::App(own) => return (name.clone(), Arc::new(app(settings, name, receiver, own))),
        };
        let robot = |robot: &rowbell::config::RobotSettings| {
            let own = RobotSettings {
                name: name.clone(),
                webhook: robot.webhook.clone(),
                secret: robot.secret.clone(),
                keyword: robot.keyword.clone(),
            };
            Robot::new(own).expect("a robot").with_deadline(Duration::from_secs(1))
        };
        let (organisation, quotas) = settings.organisation_of(receiver);
        let robots: Vec<Robot> = own.robots.iter().map(robot).collect();
        let terms = Terms {
            receiver: name.clone(),
            robots: robots.iter().map(|robot| RobotTerms { name: robot.fingerprint().to_owned(), cap: own.monthly_cap }).collect(),
            per_minute: BUDGET,
            organisation,
            quota_kind: QuotaKind::Webhook,
            quota: quotas.monthly_quota,
            tell: quotas.tell,
            digest: receiver.digest,
            fallback: receiver.fallback.clone(),
        };
        (name.clone(), Arc::new(Receiver { terms, channel: Channel::Robots(Pool::new(robots)) }))
    };
    settings.receivers.iter().map(receiver).collect()
}

/// An app as the service makes it, but with less patience.
fn app(settings: &Settings, name: &str, receiver: &ReceiverSettings, own: &rowbell::config::AppSettings) -> Receiver {
    let app = App::new(AppSettings {
        name: name.to_owned(),
        client_id: own.client_id.clone(),
        client_secret: own.client_secret.clone(),
        robot_code: own.robot_code.clone(),
        users: own.users.clone(),
        mobiles: own.mobiles.clone(),
        conversations: own.conversations.clone(),
        form: own.form,
        card_template: own.card_template.clone(),
        agent_id: own.agent_id,
        api_url: own.api_url.clone(),
        oapi_url: own.oapi_url.clone(),
        public_url: settings.public_url.clone(),
        language: settings.language,
        recall_resolved: own.recall_resolved,
        operators: own.operators.clone(),
    });
    let app = app.expect("an app").with_deadline(Duration::from_secs(1));
    let (organisation, quotas) = settings.organisation_of(receiver);
    let terms = Terms {
        receiver: name.to_owned(),
        robots: vec![RobotTerms { name: app.standing_name(), cap: None }],
        per_minute: APP_BUDGET,
        organisation,
        quota_kind: QuotaKind::Api,
        quota: quotas.api_quota,
        tell: quotas.tell,
        digest: receiver.digest,
        fallback: receiver.fallback.clone(),
    };
    Receiver { terms, channel: Channel::App(Box::new(app)) }
}
