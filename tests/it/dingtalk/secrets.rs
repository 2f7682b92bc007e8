//! Nothing that leaves the client shows the token, the secret or an address.

use super::{Chat, settings};
use rowbell::notify::dingtalk::simulator::{Fault, SimulatedRobot};

const TOKEN: &str = "t0ken/c4nary+";
const SECRET: &str = "SECs3cret-c4nary=";

async fn chat() -> Chat {
    let robot = SimulatedRobot { secret: Some(SECRET.to_owned()), ..SimulatedRobot::new(TOKEN, "alerts") };
    Chat::with(robot, |settings| settings.hold = std::time::Duration::from_millis(5)).await
}

#[tokio::test]
async fn no_attempt_shows_a_secret_whatever_is_answered() {
    let chat = chat().await;
    for example in Fault::EXAMPLES {
        let fault: Fault = serde_json::from_str(example).expect("a fault");
        assert!(chat.simulator.misbehave(TOKEN, fault, 1));
        let robot = chat.robot.clone().with_deadline(std::time::Duration::from_millis(300));
        let message = super::note("t", "x");
        let outgoing = rowbell::notify::dingtalk::Outgoing { uuid: example, message: &message };
        let attempt = robot.send(&outgoing, chat.clock.now()).await;
        let shown = format!("{attempt:?}");
        for secret in ["c4nary", "127.0.0.1", "://", "sign="] {
            assert!(!shown.contains(secret), "{example}: {shown}");
        }
    }
}

#[tokio::test]
async fn debug_shows_neither_webhook_nor_secret() {
    let chat = chat().await;
    let settings = settings(&chat.simulator.webhook(TOKEN), Some(SECRET), Some("告警"));
    for shown in [format!("{:?}", chat.robot), format!("{settings:?}")] {
        assert!(shown.contains("alerts") && !shown.contains("c4nary") && !shown.contains("access_token"), "{shown}");
    }
}

#[tokio::test]
async fn the_simulator_shows_no_token_either() {
    let chat = chat().await;
    chat.send("1").await;
    let raw = super::raw();
    for path in ["/", "/chat/1", "/simulator/messages", "/simulator/calls"] {
        let page = raw.get(chat.url(path)).send().await.expect("an answer").text().await.expect("a text");
        assert!(page.contains("alerts") && !page.contains("c4nary"), "{path}");
    }
}
