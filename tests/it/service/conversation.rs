//! What people do from a chat, over the whole way: the simulator's chat, its Stream connection, the engine, the store.

use super::house::{House, low_stock};
use chrono::TimeDelta;
use rowbell::clock::Clock;
use rowbell::engine::Conversation;
use rowbell::notify::dingtalk::simulator::{Form, Place, Pressed, SimulatedApp, Simulator, SimulatorSettings};
use rowbell::notify::dingtalk::stream::{Stream, StreamSettings};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const APP: &str = "dingduty";
const SECRET: &str = "s3cret-of-the-app";
const GROUP: &str = "cidDuty==";

/// A house whose robot can be talked with.
struct Chat {
    house: House,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

fn with_app(settings: SimulatorSettings) -> SimulatorSettings {
    let app = SimulatedApp::new(APP, SECRET, "告警助手");
    settings.with_app(
        app.with_person("manager01", "13800000001", "张三").with_person("user02", "13800000002", "李四").with_conversation(GROUP, "值班群"),
    )
}

/// The settings of the receiver `duty`, which sends cards.
fn cards(simulator: &Simulator) -> String {
    format!(
        "[receivers.duty]\ntype = \"dingtalk_app\"\nclient_id = \"{APP}\"\nclient_secret = \"{SECRET}\"\nusers = [\"manager01\", \"user02\"]\nform = \"card\"\napi_url = \"{0}\"\noapi_url = \"{0}\"\n",
        simulator.api_url()
    )
}

fn conversation(house: &House) -> Conversation {
    let url = url::Url::parse(&house.simulator.api_url()).expect("a URL");
    let settings =
        StreamSettings { name: "duty".into(), client_id: APP.into(), client_secret: SECRET.into(), api_url: url.clone(), oapi_url: url };
    let operators = ["manager01".to_owned()].into_iter().collect();
    Conversation { stream: Stream::new(settings).expect("a client"), receiver: "duty".into(), operators }
}

fn listen(house: &House) -> (watch::Sender<bool>, JoinHandle<()>) {
    let (stop, stopped) = watch::channel(false);
    let (engine, conversation) = (house.engine.clone(), conversation(house));
    (stop, tokio::spawn(async move { engine.run_conversation(conversation, stopped).await }))
}

/// Waits for what happens in real time, on the other side of a connection; the clock stands still, or goes on by seconds.
async fn until(clock: Option<&Clock>, what: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if what() {
            return;
        }
        if let Some(clock) = clock {
            clock.advance(TimeDelta::seconds(1));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come to that");
}

impl Chat {
    async fn open(watchers: &[(&str, &str)]) -> Chat {
        let house = House::furnished(watchers, with_app, |simulator, _| cards(simulator)).await;
        let (stop, task) = listen(&house);
        let chat = Chat { house, stop, task };
        chat.connected().await;
        chat
    }

    async fn connected(&self) {
        until(Some(&self.house.clock), || self.house.simulator.streams() == 1).await;
    }

    fn replies(&self, place: &Place) -> Vec<String> {
        let there = self.house.simulator.app_messages_in(place);
        there.into_iter().filter(|message| message.form == Form::Reply).map(|message| message.text).collect()
    }

    /// A person writes to the robot alone, and it answers.
    async fn ask(&self, user: &str, text: &str) -> String {
        self.ask_in(user, None, text).await
    }

    async fn ask_in(&self, user: &str, group: Option<&str>, text: &str) -> String {
        let place = group.map_or_else(|| Place::User(user.to_owned()), |group| Place::Conversation(group.to_owned()));
        let before = self.replies(&place).len();
        let said = self.house.simulator.say(user, group, text).await.expect("it is said");
        assert!(said.taken, "{text}");
        until(None, || self.replies(&place).len() > before).await;
        self.replies(&place).pop().expect("an answer")
    }

    /// What the history says was acknowledged.
    async fn taken(&self) -> Vec<String> {
        let history = self.house.history().await;
        history.into_iter().filter(|line| line.event == "acknowledged").map(|line| line.reason).collect()
    }

    async fn close(self) {
        self.stop.send_replace(true);
        self.task.await.expect("it stops");
        until(None, || self.house.simulator.streams() == 0).await;
        self.house.close().await;
    }
}

#[tokio::test]
async fn an_alert_is_looked_up_taken_and_explained_from_a_chat() {
    let chat = Chat::open(&[("low_stock", &low_stock("repeat_interval = \"10m\""))]).await;
    chat.house.sql("insert into stock values ('A-17', 3, '9.90')").await;
    chat.house.step(60).await;
    let status = chat.ask("manager01", "status").await;
    assert!(status.starts_with("### Status\n\n- 🟠 warning 1\n\n> 1 watchers"), "{status}");
    let alerts = chat.ask_in("manager01", Some(GROUP), "告警").await;
    assert!(alerts.starts_with("### 1 firing\n\n- 🟠 **1** · low_stock · sku A-17 · qty 3 · price 9.90 · since 09:31"), "{alerts}");
    let taken = chat.ask("manager01", "认领 1 已联系供应商").await;
    assert_eq!(taken, "### 🙋 张三 (manager01) acknowledged 1\n\n- **1** low_stock · sku A-17");
    assert_eq!(chat.taken().await, ["by 张三 (manager01): 已联系供应商"]);
    let told = chat.house.simulator.messages().len();
    for _ in 0..30 {
        chat.house.step(60).await;
    }
    assert_eq!(chat.house.simulator.messages().len(), told, "nobody is reminded");
    let history = chat.ask("manager01", "历史 LOW_STOCK").await;
    assert!(history.contains("acknowledged · sku A-17 · by 张三 (manager01): 已联系供应商"), "{history}");
    let why = chat.ask("manager01", "为什么 low_stock A-17").await;
    assert!(why.starts_with("### Why · low_stock\n\nsku A-17 has been firing since 09:31"), "{why}");
    assert!(why.contains("reminders stop because 张三 (manager01) acknowledged it"), "{why}");
    chat.close().await;
}

#[tokio::test]
async fn a_silence_from_a_chat_is_somebodys_and_has_a_reason() {
    let chat = Chat::open(&[("low_stock", &low_stock(""))]).await;
    let made = chat.ask("manager01", "静默 low_stock 2h 盘点").await;
    assert!(made.starts_with("🔕 **low＿stock**") || made.starts_with("🔕 **low_stock**"), "{made}");
    chat.house.sql("insert into stock values ('A-17', 3, '9.90')").await;
    chat.house.step(60).await;
    assert_eq!(chat.house.simulator.messages().len(), 0, "it is silent");
    let silence = chat.house.engine.parts().store.open_silences().await.expect("silences").remove(0);
    assert_eq!(
        (silence.author.as_str(), silence.reason.as_str(), silence.watcher.as_deref()),
        ("张三 (manager01)", "盘点", Some("low_stock"))
    );
    assert_eq!(silence.ends_at - silence.starts_at, TimeDelta::hours(2));
    // The same message comes again: there is still one silence, and one answer.
    let place = Place::User("manager01".into());
    let answers = chat.replies(&place).len();
    assert!(chat.house.simulator.push_again().await, "it is acknowledged");
    assert_eq!(chat.house.engine.parts().store.open_silences().await.expect("silences").len(), 1);
    chat.ask("manager01", "help").await;
    assert_eq!(chat.replies(&place).len(), answers + 1);
    for (text, answer) in [
        ("静默 low_stok 2h", "There is no watcher low_stok. Did you mean low_stock?"),
        ("静默 low_stock 2x", "`2x` is no length of time: write 30m, 2h or 1d, 7 days at most"),
        ("认领 99", "### Nothing was acknowledged\n\n- **99** there is no such number; `alerts` lists them"),
    ] {
        assert_eq!(chat.ask("manager01", text).await, answer, "{text}");
    }
    chat.house.clock.advance(TimeDelta::hours(2));
    chat.house.step(60).await;
    assert_eq!(chat.house.simulator.messages().len(), 1, "what still fires is told at its end");
    chat.close().await;
}

#[tokio::test]
async fn whoever_is_no_operator_is_told_how_to_become_one_and_changes_nothing() {
    let chat = Chat::open(&[("low_stock", &low_stock(""))]).await;
    chat.house.sql("insert into stock values ('A-17', 3, '9.90')").await;
    chat.house.step(60).await;
    for text in ["认领 1", "静默 low_stock 2h", "status", "help"] {
        let answer = chat.ask("user02", text).await;
        assert!(answer.contains("receivers.duty") && answer.contains("operators = [\"user02\"]"), "{answer}");
    }
    assert!(chat.taken().await.is_empty());
    assert!(chat.house.engine.parts().store.open_silences().await.expect("silences").is_empty());
    chat.close().await;
}

#[tokio::test]
async fn what_was_said_while_connections_die_is_done_once_or_was_not_acknowledged() {
    let chat = Chat::open(&[("low_stock", &low_stock(""))]).await;
    for n in 0..50 {
        chat.house.sql(&format!("insert into stock values ('A-{n}', 3, '1')")).await;
    }
    chat.house.step(60).await;
    for id in 1..=50_u64 {
        // The connection is cut while the command is under way: before it arrives, while it is done, or after it.
        let text = format!("认领 {id}");
        let (said, _) = tokio::join!(chat.house.simulator.say("manager01", None, &text), async {
            tokio::time::sleep(Duration::from_millis(id % 5 * 2)).await;
            chat.house.simulator.cut_streams()
        });
        chat.connected().await;
        // DingTalk may push again what was not acknowledged; here it does.
        if !said.expect("said").taken {
            assert!(chat.house.simulator.push_again().await, "{id}");
        }
        until_async(async || chat.taken().await.len() as u64 >= id).await;
    }
    assert_eq!(chat.taken().await.len(), 50, "each once");
    let alerts = chat.house.engine.parts().store.alerts(None, 0).await.expect("alerts");
    assert!(alerts.iter().all(|alert| alert.acknowledged.as_ref().is_some_and(|taken| taken.by == "张三 (manager01)")));
    chat.close().await;
}

async fn until_async(what: impl AsyncFn() -> bool) {
    for _ in 0..1_000 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come to that");
}

#[tokio::test]
async fn of_two_processes_one_listens_and_the_other_takes_over_when_it_stops() {
    let chat = Chat::open(&[]).await;
    let clock = chat.house.clock.clone();
    let engine = chat.house.beside("second").await;
    let (stop, stopped) = watch::channel(false);
    let conversation = conversation(&chat.house);
    let task = tokio::spawn(async move { engine.run_conversation(conversation, stopped).await });
    for _ in 0..50 {
        clock.advance(TimeDelta::seconds(1));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(chat.house.simulator.streams() <= 1);
    }
    let opened = || chat.house.simulator.api_calls().iter().filter(|call| call.api.ends_with("connections/open")).count();
    assert_eq!(opened(), 1, "the second has not even asked");
    chat.stop.send_replace(true);
    until(Some(&clock), || opened() == 2 && chat.house.simulator.streams() == 1).await;
    assert!(chat.ask("manager01", "status").await.contains("nothing fires"));
    stop.send_replace(true);
    task.await.expect("it stops");
    chat.close().await;
}

/// A watcher that tells people with cards, and reminds.
fn with_cards() -> String {
    low_stock("repeat_interval = \"10m\"").replace("\"warehouse\"", "\"duty\"")
}

impl Chat {
    /// The outTrackId of the card that a person got last.
    fn card_of(&self, user: &str) -> String {
        let place = Place::User(user.to_owned());
        self.house.simulator.cards().into_iter().rfind(|card| card.places.contains(&place)).expect("a card").out_track_id
    }

    /// What stands at the foot of a card.
    fn tips(&self, card: &str) -> String {
        let data = self.house.simulator.card(card).expect("a card").data;
        data["tips"].as_str().expect("a text").to_owned()
    }

    fn messages(&self) -> usize {
        let there = self.house.simulator.app_messages();
        there.iter().filter(|message| matches!(message.form, Form::Message | Form::Card)).count()
    }
}

#[tokio::test]
async fn a_card_that_is_acknowledged_stops_the_reminders_and_says_who_has_it() {
    let chat = Chat::open(&[("low_stock", &with_cards())]).await;
    chat.house.sql("insert into stock values ('A-17', 3, '9.90')").await;
    chat.house.step(60).await;
    // The robot knows the name of whoever has written to it.
    chat.ask("manager01", "help").await;
    let card = chat.card_of("manager01");
    assert_eq!(chat.tips(&card), "🔴 open");
    let told = chat.messages();
    assert_eq!(chat.house.simulator.press(&card, "manager01", "acknowledge").await, Pressed::Taken);
    assert!(chat.tips(&card).starts_with("🙋 acknowledged by 张三 (manager01) 09:3"), "{}", chat.tips(&card));
    assert_eq!(chat.taken().await, ["by 张三 (manager01)"]);
    // Another person's card of the same message follows, and pressing it is harmless.
    let other = chat.card_of("user02");
    assert_eq!(chat.house.simulator.press(&other, "user02", "acknowledge").await, Pressed::Taken);
    assert!(chat.tips(&other).contains("张三 (manager01)"));
    assert_eq!(chat.taken().await.len(), 1, "it stays the first person's");
    for _ in 0..30 {
        chat.house.step(60).await;
    }
    assert_eq!(chat.messages(), told, "nobody is reminded");
    chat.house.sql("update stock set qty = 50").await;
    chat.house.step(60).await;
    chat.house.engine.refresh_cards().await.expect("a look");
    assert!(chat.tips(&card).starts_with("✅ resolved"), "{}", chat.tips(&card));
    assert_eq!(chat.house.simulator.press(&card, "manager01", "acknowledge").await, Pressed::NoButton);
    chat.close().await;
}

#[tokio::test]
async fn a_card_that_is_silenced_is_silent_for_two_hours_but_for_what_becomes_worse() {
    let severity = "severity = [{ when = \"qty = 0\", level = \"critical\" }, { level = \"warning\" }]\n";
    let watcher = low_stock(&format!("{severity}repeat_interval = \"10m\"")).replace("\"warehouse\"", "\"duty\"");
    let chat = Chat::open(&[("low_stock", &watcher)]).await;
    chat.house.sql("insert into stock values ('A', 3, '1'), ('B', 4, '1')").await;
    chat.house.step(60).await;
    let card = chat.card_of("user02");
    assert_eq!(chat.house.simulator.press(&card, "user02", "silence").await, Pressed::Taken);
    assert!(chat.tips(&card).contains("user02 silenced until 11:3"), "{}", chat.tips(&card));
    let silences = chat.house.engine.parts().store.open_silences().await.expect("silences");
    assert_eq!(silences.iter().map(|silence| silence.author.as_str()).collect::<Vec<_>>(), ["user02", "user02"]);
    let told = chat.messages();
    for _ in 0..15 {
        chat.house.step(60).await;
    }
    assert_eq!(chat.messages(), told, "nobody is reminded");
    chat.house.sql("update stock set qty = 0 where sku = 'A'").await;
    chat.house.step(60).await;
    assert_eq!(chat.messages(), told + 2, "what becomes worse rings, at both");
    chat.stop.send_replace(true);
    chat.task.await.expect("it stops");
}

#[tokio::test]
async fn presses_while_connections_die_are_done_once_or_the_person_sees_that_they_failed() {
    let chat = Chat::open(&[("low_stock", &with_cards())]).await;
    let mut failed = 0;
    for n in 0..50_u64 {
        chat.house.sql(&format!("insert into stock values ('A-{n}', 3, '1')")).await;
        chat.house.step(60).await;
        chat.connected().await;
        let card = chat.card_of("manager01");
        let (pressed, _) = tokio::join!(chat.house.simulator.press(&card, "manager01", "acknowledge"), async {
            tokio::time::sleep(Duration::from_millis(n % 6 * 2)).await;
            chat.house.simulator.cut_streams()
        });
        chat.connected().await;
        // Who sees that it failed presses again: it is there once, whether or not the first press had arrived.
        if pressed != Pressed::Taken {
            failed += 1;
            let again = chat.house.simulator.press(&card, "manager01", "acknowledge").await;
            assert!(matches!(again, Pressed::Taken | Pressed::NoButton), "{again:?}");
        }
        assert_eq!(chat.taken().await.len() as u64, n + 1, "{pressed:?}");
        chat.house.engine.refresh_cards().await.expect("a look");
        assert!(chat.tips(&card).contains("acknowledged by manager01"), "{}", chat.tips(&card));
    }
    assert!(failed > 0, "some were cut before they were answered");
    chat.close().await;
}
