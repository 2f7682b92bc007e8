//! The sample shop: the Northwind data in an SQLite file, moved to the present, and what happens in it.
//!
//! It plays the part of the business program that owns the database; rowbell reads the file as it reads any other source.

use super::plan::Change;
use anyhow::Context;
use chrono::NaiveDate;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::Path;

/// The data; its licence stands beside it in the repository.
const NORTHWIND: &str = include_str!("../../../tests/data/northwind/northwind.sqlite.sql");
/// The day of the newest order in the data.
const LAST_DAY: Option<NaiveDate> = NaiveDate::from_ymd_opt(1998, 5, 6);

/// The shop, as its own program sees it.
pub(super) struct Shop {
    connection: SqliteConnection,
}

impl Shop {
    /// Writes the file; the newest orders are of today.
    pub(super) async fn create(file: &Path, today: NaiveDate) -> anyhow::Result<Shop> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true).disable_statement_logging();
        let connection = options.connect().await.context("creating the sample shop")?;
        let mut shop = Shop { connection };
        sqlx::raw_sql(NORTHWIND).execute(&mut shop.connection).await.context("filling the sample shop")?;
        let days = LAST_DAY.map_or(0, |last| (today - last).num_days());
        shop.move_dates(days).await.context("moving the sample shop to the present")?;
        Ok(shop)
    }

    async fn move_dates(&mut self, days: i64) -> sqlx::Result<()> {
        for column in ["order_date", "required_date", "shipped_date"] {
            let statement = format!("update orders set {column} = date({column}, ? || ' days')");
            sqlx::query(AssertSqlSafe(statement)).bind(days).execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Lets something happen, and says in words what.
    pub(super) async fn apply(&mut self, change: &Change, today: NaiveDate) -> sqlx::Result<String> {
        match change {
            Change::Order { customer, lines, discount, due_in_days } => self.order(customer, lines, *discount, *due_in_days, today).await,
            Change::Stock { product, units } => self.stock(*product, *units).await,
            Change::Price { product, price } => {
                let what = format!("{} gets a price of {price}", self.product(*product).await?);
                self.run("update products set unit_price = ? where product_id = ?", &[price, &product.to_string()]).await?;
                Ok(what)
            }
            Change::PriceCorrected { product } => self.correct_price(*product).await,
            Change::ShipUrgent => self.ship("required_date <= date(?, '2 days') order by order_id desc limit 1", today).await,
            Change::ShipOldest { orders } => self.ship(&format!("?1 is not null order by order_id limit {orders}"), today).await,
            Change::EmptyOrder { customer } => {
                let order = self.insert_order(customer, 28, today).await?;
                Ok(format!("order {order} is written, but without its lines"))
            }
            Change::FillEmptyOrder => self.fill_empty_orders().await,
            Change::SupplierLost { product } => {
                self.run("update products set supplier_id = null where product_id = ?", &[&product.to_string()]).await?;
                Ok(format!("{} loses its supplier", self.product(*product).await?))
            }
            Change::SupplierFound { product } => {
                self.run("update products set supplier_id = 19 where product_id = ?", &[&product.to_string()]).await?;
                Ok(format!("{} has its supplier again", self.product(*product).await?))
            }
        }
    }

    /// The order and its lines in one transaction, as a shop writes them.
    async fn order(&mut self, customer: &str, lines: &[(i64, i64)], discount: i64, due: i64, today: NaiveDate) -> sqlx::Result<String> {
        sqlx::raw_sql("begin immediate").execute(&mut self.connection).await?;
        let order = self.insert_order(customer, due, today).await?;
        for (product, quantity) in lines {
            sqlx::query(
                "insert into order_details (order_id, product_id, unit_price, quantity, discount)
                 select ?, product_id, unit_price, ?, ? / 100.0
                 from products where product_id = ?",
            )
            .bind(order)
            .bind(quantity)
            .bind(discount)
            .bind(product)
            .execute(&mut self.connection)
            .await?;
        }
        sqlx::raw_sql("commit").execute(&mut self.connection).await?;
        let amount: String =
            sqlx::query_scalar("select printf('%.2f', sum(unit_price * quantity * (1 - discount))) from order_details where order_id = ?")
                .bind(order)
                .fetch_one(&mut self.connection)
                .await?;
        let name = self.customer(customer).await?;
        let less = if discount > 0 { format!(", {discount}% off") } else { String::new() };
        let soon = if due < 7 { ", due tomorrow" } else { "" };
        Ok(format!("order {order}: {amount}{less}{soon}, {name}"))
    }

    async fn insert_order(&mut self, customer: &str, due_in_days: i64, today: NaiveDate) -> sqlx::Result<i64> {
        sqlx::query_scalar(
            "insert into orders (order_id, customer_id, employee_id, order_date, required_date, ship_via, freight, ship_name, ship_country)
             select (select max(order_id) + 1 from orders), customer_id, 3, date(?1), date(?1, ?2 || ' days'), 2, 18.50, company_name, country
             from customers where customer_id = ?3 returning order_id",
        )
        .bind(today.to_string())
        .bind(due_in_days)
        .bind(customer)
        .fetch_one(&mut self.connection)
        .await
    }

    async fn stock(&mut self, product: i64, units: i64) -> sqlx::Result<String> {
        let before: i64 = sqlx::query_scalar("select units_in_stock from products where product_id = ?")
            .bind(product)
            .fetch_one(&mut self.connection)
            .await?;
        // Nothing is on order: a product that runs out is a case for the person on duty.
        self.run(
            "update products set units_in_stock = ?, reorder_level = max(reorder_level, 5), units_on_order = 0 where product_id = ?",
            &[&units.to_string(), &product.to_string()],
        )
        .await?;
        let word = if units < before { "falls" } else { "is refilled" };
        Ok(format!("stock of {} {word}: {before} → {units}", self.product(product).await?))
    }

    /// The price it was last sold at.
    async fn correct_price(&mut self, product: i64) -> sqlx::Result<String> {
        let price: String = sqlx::query_scalar(
            "update products set unit_price = (select unit_price from order_details where product_id = ?1 and unit_price > 1 order by order_id desc limit 1)
             where product_id = ?1 returning printf('%.2f', unit_price)",
        )
        .bind(product)
        .fetch_one(&mut self.connection)
        .await?;
        Ok(format!("price of {} corrected to {price}", self.product(product).await?))
    }

    async fn ship(&mut self, which: &str, today: NaiveDate) -> sqlx::Result<String> {
        let statement = format!(
            "update orders set shipped_date = ?1 where order_id in (select order_id from orders where shipped_date is null and {which}) returning order_id"
        );
        let mut orders: Vec<i64> =
            sqlx::query_scalar(AssertSqlSafe(statement)).bind(today.to_string()).fetch_all(&mut self.connection).await?;
        orders.sort_unstable();
        let numbers: Vec<String> = orders.iter().map(i64::to_string).collect();
        Ok(format!("shipped: {}", if numbers.is_empty() { "nothing to ship".to_owned() } else { numbers.join(", ") }))
    }

    async fn fill_empty_orders(&mut self) -> sqlx::Result<String> {
        let orders: Vec<i64> = sqlx::query_scalar(
            "insert into order_details (order_id, product_id, unit_price, quantity, discount)
             select order_id, 40, 18.40, 10, 0 from orders where order_id not in (select order_id from order_details) returning order_id",
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(format!("order {} gets its lines", orders.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")))
    }

    async fn run(&mut self, statement: &'static str, values: &[&str]) -> sqlx::Result<()> {
        let mut query = sqlx::query(statement);
        for value in values {
            query = query.bind((*value).to_owned());
        }
        query.execute(&mut self.connection).await.map(drop)
    }

    async fn product(&mut self, product: i64) -> sqlx::Result<String> {
        sqlx::query_scalar("select product_name from products where product_id = ?").bind(product).fetch_one(&mut self.connection).await
    }

    async fn customer(&mut self, customer: &str) -> sqlx::Result<String> {
        sqlx::query_scalar("select company_name from customers where customer_id = ?").bind(customer).fetch_one(&mut self.connection).await
    }

    /// Closes the file.
    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.connection.close().await
    }
}
