//! One watcher on many databases, and many watchers on one: a dead database is one alert for all that read it, and
//! neither holds up nor resolves the others.

use super::house::low_stock;
use super::life::{Life, lived_with};
use rowbell::notify::dingtalk::simulator::Simulator;
use std::path::{Path, PathBuf};

const SHOPS: [&str; 3] = ["shop_bj", "shop_gz", "shop_sh"];

/// A watcher on every shop.
fn everywhere(more: &str) -> String {
    low_stock(more).replace("source = \"shop\"", "sources = [\"shop_*\"]").replace("every = \"1m\"", "schedule = \"* * * * *\"")
}

/// A watcher on one of them.
fn only(shop: &str, more: &str) -> String {
    everywhere(more).replace("sources = [\"shop_*\"]", &format!("source = \"{shop}\""))
}

/// Three shops, which are files of the house, and a receiver `duty`.
fn shops(simulator: &Simulator, folder: &Path) -> String {
    let sources = SHOPS.map(|shop| format!("[sources.{shop}]\nurl = \"sqlite://{}/{shop}.db\"\n", folder.display()));
    sources.concat() + &super::house::duty(simulator)
}

/// The shops of one house.
struct Shops {
    folder: PathBuf,
}

impl Shops {
    async fn open(life: &Life) -> Shops {
        let shops = Shops { folder: life.house.folder.path().to_path_buf() };
        for shop in SHOPS {
            shops.sql(shop, "create table stock (sku text primary key, qty integer, price text)").await;
        }
        shops
    }

    async fn sql(&self, shop: &str, statement: &str) {
        use sqlx::{Connection, Executor};
        let url = format!("sqlite://{}?mode=rwc", self.path(shop).display());
        let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("the shop opens");
        connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.expect("the shop changes");
        connection.close().await.expect("closed");
    }

    /// The database dies: its file cannot be opened any more.
    fn kill(&self, shop: &str) {
        std::fs::rename(self.path(shop), self.path(&format!("dead_{shop}"))).expect("killed");
    }

    fn revive(&self, shop: &str) {
        std::fs::rename(self.path(&format!("dead_{shop}")), self.path(shop)).expect("revived");
    }

    fn path(&self, shop: &str) -> PathBuf {
        self.folder.join(format!("{shop}.db"))
    }
}

#[tokio::test]
async fn a_watcher_on_many_databases_has_each_rows_source_in_its_key() {
    lived_with(&[("low", &everywhere(""))], shops, async |life: &mut Life| {
        let shops = Shops::open(life).await;
        for shop in SHOPS {
            shops.sql(shop, "insert into stock values ('a', 3, '1')").await;
        }
        life.step(60, "", "fired shop_bj/a, fired shop_gz/a, fired shop_sh/a").await;
        shops.sql("shop_gz", "delete from stock").await;
        shops.sql("shop_sh", "insert into stock values ('b', 3, '1')").await;
        life.step(60, "", "fired shop_sh/b, resolved shop_gz/a").await;
    })
    .await;
}

#[tokio::test]
async fn a_dead_database_is_told_once_and_neither_holds_up_nor_resolves_the_others() {
    let second = only("shop_gz", "").replace("\"warehouse\"", "\"duty\"").replace("* * * * *", "20 * * * * *");
    lived_with(&[("low", &everywhere("")), ("other", &second)], shops, async |life: &mut Life| {
        let shops = Shops::open(life).await;
        for shop in SHOPS {
            shops.sql(shop, "insert into stock values ('a', 3, '1')").await;
        }
        life.step(20, "", "fired a").await;
        life.step(40, "", "fired shop_bj/a, fired shop_gz/a, fired shop_sh/a").await;
        life.step(20, "", "-").await;
        shops.kill("shop_gz");
        life.step(40, "", "-").await;
        shops.sql("shop_bj", "delete from stock").await;
        life.step(20, "", "-").await;
        life.step(40, "", "resolved shop_bj/a").await;
        life.step(20, "", "-").await;
        let told = life.events(40).await;
        assert_eq!((told.len(), told[0].event.as_str(), told[0].source.as_str()), (1, "watcher_failed", "shop_gz"), "{told:?}");
        let receivers: Vec<&str> = told[0].deliveries.iter().map(|delivery| delivery.receiver.as_str()).collect();
        assert_eq!(receivers, ["warehouse", "duty"], "everyone whose watchers read it");
        shops.sql("shop_sh", "insert into stock values ('b', 3, '1')").await;
        life.step(20, "", "-").await;
        life.step(40, "", "fired shop_sh/b").await;
        for _ in 0..5 {
            life.step(20, "", "-").await;
            life.step(40, "", "-").await;
        }
        assert_eq!(life.house.firing().await.len(), 4, "what is not answered for goes on");
        shops.revive("shop_gz");
        shops.sql("shop_gz", "delete from stock").await;
        life.step(20, "", "resolved a, watcher_recovered -").await;
        life.step(40, "", "resolved shop_gz/a").await;
        life.step(20, "", "-").await;
        life.step(40, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_back_is_told_although_a_watcher_has_news_of_its_own() {
    // `first` is polled before the others, and its own polls fail for reasons of its own before and after.
    let first = only("shop_gz", "failures_before_alert = 1").replace("from stock", "from stocks");
    let second = only("shop_gz", "").replace("\"warehouse\"", "\"duty\"").replace("* * * * *", "30 * * * * *");
    lived_with(&[("first", &first), ("second", &second)], shops, async |life: &mut Life| {
        let shops = Shops::open(life).await;
        shops.sql("shop_gz", "insert into stock values ('a', 3, '1'); create table stocks as select * from stock").await;
        life.step(30, "", "fired a").await;
        life.step(30, "", "fired a").await;
        shops.kill("shop_gz");
        life.step(30, "", "-").await;
        life.step(30, "", "watcher_failed -").await;
        for _ in 0..9 {
            life.step(30, "", "-").await;
        }
        shops.revive("shop_gz");
        shops.sql("shop_gz", "alter table stocks rename to hidden").await;
        let told = life.events(30).await;
        let receivers = |line: &rowbell::store::HistoryLine| {
            line.deliveries.iter().map(|delivery| delivery.receiver.clone()).collect::<Vec<_>>().join(" ")
        };
        let events: Vec<String> = told.iter().map(|line| format!("{} {}", line.event, receivers(line))).collect();
        assert_eq!(events, ["watcher_recovered warehouse duty", "watcher_failed warehouse"]);
        // It is told that it fails; then its database dies, and both are there again.
        life.step(30, "", "-").await;
        shops.kill("shop_gz");
        // `first` finds it dead for the second time, and does not keep that to itself because it had failed before.
        life.step(30, "", "-").await;
        life.step(30, "", "-").await;
        life.step(30, "", "watcher_failed -").await;
        for _ in 0..3 {
            life.step(30, "", "-").await;
        }
        shops.revive("shop_gz");
        shops.sql("shop_gz", "alter table hidden rename to stocks").await;
        let told = life.events(30).await;
        let events: Vec<String> = told.iter().map(|line| format!("{} {}", line.event, receivers(line))).collect();
        assert_eq!(events, ["watcher_recovered warehouse duty", "watcher_recovered warehouse"]);
        life.step(30, "", "-").await;
    })
    .await;
}

#[tokio::test]
async fn a_database_that_dies_again_is_told_again_to_those_who_were_told_that_it_is_back() {
    // `seldom` reaches it in between; `often` never does.
    let often = only("shop_gz", "");
    let seldom = only("shop_gz", "").replace("* * * * *", "45 */10 * * * *");
    lived_with(&[("often", &often), ("seldom", &seldom)], shops, async |life: &mut Life| {
        let shops = Shops::open(life).await;
        // 01:30, then every minute; `seldom` at 01:40:45.
        life.step(60, "", "-").await;
        shops.kill("shop_gz");
        life.step(60, "", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "watcher_failed -").await;
        life.step(400, "", "-").await;
        shops.revive("shop_gz");
        life.step(5, "", "watcher_recovered -").await;
        shops.kill("shop_gz");
        life.step(15, "", "-").await;
        life.step(60, "", "-").await;
        life.step(60, "", "watcher_failed -").await;
        life.step(60, "", "-").await;
        shops.revive("shop_gz");
        life.step(60, "", "watcher_recovered -").await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_another_takes_the_place_of_is_read_anew() {
    lived_with(&[("low", &only("shop_bj", ""))], shops, async |life: &mut Life| {
        let shops = Shops::open(life).await;
        shops.sql("shop_bj", "insert into stock values ('a', 3, '1')").await;
        life.step(60, "", "fired a").await;
        shops
            .sql("export", "create table stock (sku text primary key, qty integer, price text); insert into stock values ('b', 3, '1')")
            .await;
        std::fs::rename(shops.path("export"), shops.path("shop_bj")).expect("replaced");
        life.step(60, "", "fired b, resolved a").await;
    })
    .await;
}
