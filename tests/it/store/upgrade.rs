//! A store of an earlier version: what waited still waits, what was held is still held, and no budget begins anew.

use super::*;
use sqlx::migrate::Migrator;

#[tokio::test]
async fn what_waits_and_what_is_held_outlives_the_upgrade_to_robots() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("rowbell.db").display());
    let files = folder.path().join("migrations");
    std::fs::create_dir(&files).expect("a folder");
    let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    for name in ["0001_init.sql", "0002_watching.sql"] {
        std::fs::copy(ours.join(name), files.join(name)).expect("a migration");
    }
    let pool = sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.expect("a store");
    Migrator::new(files.as_path()).await.expect("migrations").run(&pool).await.expect("the earlier version");
    let stamp = |seconds: i64| at(seconds).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let message = serde_json::to_string(&draft("robot", "1", &[]).message).expect("a message");
    sqlx::query("insert into receiver_state (receiver, robot, held_until, reason, throttled, failures) values ('robot', 'r', ?, 'too fast', 1, 1), ('other', 'r', null, null, 0, 0)")
        .bind(stamp(600))
        .execute(&pool)
        .await
        .expect("a held receiver");
    sqlx::query("insert into delivery (created_at, receiver, watcher, title, message, msg_uuid, state, attempts, not_before) values (?1, 'robot', 'w', '1', ?2, 'uuid', 'pending', 1, ?1)")
        .bind(stamp(0))
        .bind(message)
        .execute(&pool)
        .await
        .expect("a delivery that waits");
    sqlx::query("insert into delivery_attempt (delivery_id, attempt, receiver, started_at, ended_at, outcome) values (1, 1, 'robot', ?1, ?1, 'throttled')")
        .bind(stamp(0))
        .execute(&pool)
        .await
        .expect("an attempt");
    pool.close().await;
    let store = Store::open(&url).await.expect("the new version");
    let of = |name: &str| Terms { robots: vec![RobotTerms { name: "r".into(), cap: None }], ..terms(name) };
    assert_eq!(not_before(&store, &of("robot"), at(1)).await, at(600), "the ban goes on");
    let line = &store.deliveries(true, 0).await.expect("deliveries")[0];
    assert_eq!((line.held.as_deref(), line.held_until.as_deref()), (Some("too fast"), Some(stamp(600).as_str())));
    let standing = store.standing(&of("other"), at(30)).await.expect("a standing");
    assert_eq!(standing.robots[0].sent, [at(0)], "the budget goes on, for every receiver of the robot");
    let again = claimed(&store, &of("robot"), at(600)).await;
    assert_eq!((again.msg_uuid.as_str(), again.attempts, again.failures), ("uuid", 2, 1));
}
