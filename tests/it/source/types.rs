//! Every type a business table has, and its odd values: the exact text that arrives. `n:1.50` is kind and text.

use super::{open, rows};
use crate::databases::{Product, TestDatabase};

async fn assert_cells(product: Product, prepare: &str, cases: &[(&str, &str)]) {
    let database = TestDatabase::new(product).await;
    if !prepare.is_empty() {
        database.run(prepare).await;
    }
    let source = open(&database.url);
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        let from = if expression.contains(" from ") { "" } else { " " };
        let cell = rows(&source, &format!("select {expression}{from}")).await.remove(0).remove(0);
        if cell != *expected {
            wrong.push(format!("{expression} is {cell}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_postgresql_arrives_exactly() {
    let prepare = "create type mood as enum ('ok', 'bad'); create domain price as numeric(10,2); create domain code as varchar(9); \
        create type pair as (a int, b text); create extension if not exists citext; create table odd (j jsonb, e mood, arr int[][]); \
        insert into odd values ('{\"n\": 12345678901234567890123, \"x\": 1.10}', 'bad', '{{1,2},{3,4}}')";
    let cases = [
        ("true", "b:true"),
        ("false", "b:false"),
        ("null::int", "NULL"),
        ("32767::int2", "n:32767"),
        ("'-9223372036854775808'::int8", "n:-9223372036854775808"),
        ("1.50::numeric", "n:1.50"),
        (
            "12345678901234567890123456789012345678901234567890.123456789::numeric",
            "n:12345678901234567890123456789012345678901234567890.123456789",
        ),
        ("1e-40::numeric", "n:0.0000000000000000000000000000000000000001"),
        ("'NaN'::numeric", "f:NaN"),
        ("'NaN'::float8", "f:NaN"),
        ("'-Infinity'::float8", "f:-Infinity"),
        ("0.1::float8", "f:0.1"),
        ("0.1::float4", "f:0.1"),
        ("100::float8", "f:100"),
        ("1e300::float8", "f:1e300"),
        ("1.5e-7::float8", "f:1.5e-7"),
        ("'张三 ''x'''::text", "t:张三 'x'"),
        ("''::text", "t:"),
        ("'ab'::char(5)", "t:ab"),
        ("'ab  '::varchar", "t:ab  "),
        ("'AbC'::citext", "t:AbC"),
        ("'n'::name", "t:n"),
        ("'x'::\"char\"", "t:x"),
        ("'\\x00ff'::bytea", "x:00ff"),
        ("date '2026-11-23'", "d:2026-11-23"),
        ("'infinity'::date", "d:infinity"),
        ("'0044-03-15 BC'::date", "d:0044-03-15 BC"),
        ("time '24:00:00'", "h:24:00:00"),
        ("time '09:30:00.5'", "h:09:30:00.5"),
        ("timetz '09:30:00+02'", "o:09:30:00+02"),
        ("timestamp '2026-11-23 09:30:00'", "w:2026-11-23 09:30:00"),
        ("timestamp '2026-11-23 09:30:00.123456'", "w:2026-11-23 09:30:00.123456"),
        ("timestamptz '2026-11-23 01:30:00+00'", "z:2026-11-23 09:30:00+08"),
        ("'-infinity'::timestamptz", "z:-infinity"),
        ("interval '1 year 2 months 3 days 4 hours 5 minutes 6.5 seconds'", "i:P1Y2M3DT4H5M6.5S"),
        ("interval '-1 day'", "i:P-1D"),
        ("interval '0'", "i:PT0S"),
        ("j from odd", "j:{\"n\": 12345678901234567890123, \"x\": 1.10}"),
        ("'{\"b\":1,  \"a\":2}'::json", "j:{\"b\":1,  \"a\":2}"),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "t:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("e from odd", "t:bad"),
        ("array_agg(e) from odd", "o:{bad}"),
        ("arr from odd", "o:{{1,2},{3,4}}"),
        ("array['a','b,c',null]", "o:{a,\"b,c\",NULL}"),
        ("1.5::price", "n:1.50"),
        ("'abc'::code", "t:abc"),
        ("row(1,'x')::pair", "o:(1,x)"),
        ("row(1,'x')", "o:(1,x)"),
        ("point(1,2)", "o:(1,2)"),
        ("inet '10.0.0.1/8'", "o:10.0.0.1/8"),
        ("b'101'", "o:101"),
        ("int4range(1,5)", "o:[1,5)"),
        ("'a b'::tsvector", "o:'a' 'b'"),
        ("'<a/>'::xml", "o:<a/>"),
        ("'pg_class'::regclass", "o:pg_class"),
        ("4294967295::oid", "n:4294967295"),
        ("pg_sleep(0)", "o:"),
    ];
    assert_cells(Product::Postgres, prepare, &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_mariadb_arrives_exactly() {
    let prepare = "create table odd (b bigint unsigned, d decimal(65,30), z date, zd datetime, y year, s set('a','b','c'), e enum('ok','bad'), \
        bits bit(10), g varchar(20) character set gbk, l text character set latin1, bin binary(3), vb varbinary(9), bl blob, u uuid, \
        j json, t time, t6 time(6), dt6 datetime(6), ts timestamp, tiny tinyint(1), c char(5), cs varchar(9) collate utf8mb4_bin, \
        p point, f float, db double, i6 inet6, big longtext) character set utf8mb4; \
        set sql_mode = ''; set time_zone = '+00:00'; \
        insert into odd values (18446744073709551615, 12345678901234567890123456789012345.123456789012345678901234567890, '0000-00-00', \
        '0000-00-00 00:00:00', 2026, 'a,c', 'bad', b'1000000001', '中文', 'é', x'00ff01', x'00ff', x'abcd', \
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"b\":1,  \"n\":12345678901234567890123}', '-838:59:59', '09:30:00.500000', \
        '2026-11-23 09:30:00.000000', '2026-11-23 01:30:00', -1, 'ab', 'Ab', point(1,2), 0.1, 1e300, '::1', '长');";
    let cases = [
        ("b from odd", "n:18446744073709551615"),
        ("d from odd", "n:12345678901234567890123456789012345.123456789012345678901234567890"),
        ("z from odd", "d:0000-00-00"),
        ("zd from odd", "w:0000-00-00 00:00:00"),
        ("y from odd", "n:2026"),
        ("s from odd", "t:a,c"),
        ("e from odd", "t:bad"),
        ("bits from odd", "n:513"),
        ("g from odd", "t:中文"),
        ("l from odd", "t:é"),
        ("bin from odd", "x:00ff01"),
        ("vb from odd", "x:00ff"),
        ("bl from odd", "x:abcd"),
        ("u from odd", "t:a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("j from odd", "t:{\"b\":1,  \"n\":12345678901234567890123}"),
        ("t from odd", "h:-838:59:59"),
        ("t6 from odd", "h:09:30:00.5"),
        ("dt6 from odd", "w:2026-11-23 09:30:00"),
        ("ts from odd", "w:2026-11-23 09:30:00"),
        ("tiny from odd", "n:-1"),
        ("c from odd", "t:ab"),
        ("cs from odd", "t:Ab"),
        ("f from odd", "f:0.1"),
        ("db from odd", "f:1e300"),
        ("i6 from odd", "t:::1"),
        ("big from odd", "t:长"),
        ("p from odd", "x:000000000101000000000000000000f03f0000000000000040"),
        ("null", "NULL"),
        ("1.50", "n:1.50"),
        ("-5", "n:-5"),
        ("1.5e-7", "f:1.5e-7"),
        ("100e0", "f:100"),
        ("'x'", "t:x"),
        ("concat('')", "t:"),
        ("true", "n:1"),
        ("count(*) from odd", "n:1"),
        ("date '2026-11-23'", "d:2026-11-23"),
        ("concat('a', 1)", "t:a1"),
        ("sum(b) from odd", "n:18446744073709551615"),
        ("json_extract('{\"a\":1.10}', '$.a')", "t:1.10"),
        ("x'00ff'", "x:00ff"),
    ];
    assert_cells(Product::Mariadb, prepare, &cases).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_sqlite_arrives_exactly() {
    let prepare = "create table odd (mixed, price decimal(10,2), day date); \
        insert into odd values (1, 1.50, '2026-11-23'), ('one', 18, 20261123), (x'00ff', 'n/a', null), (1.25, null, 1.5), (null, 0.1, '')";
    let cases = [
        ("9223372036854775807", "n:9223372036854775807"),
        ("-1", "n:-1"),
        ("1.50", "f:1.5"),
        ("100.0", "f:100"),
        ("1e300", "f:1e300"),
        ("1.5e-7", "f:1.5e-7"),
        ("9e999", "f:Infinity"),
        ("0.1 + 0.2", "f:0.30000000000000004"),
        ("'张三'", "t:张三"),
        ("''", "t:"),
        ("null", "NULL"),
        ("x'00FF'", "x:00ff"),
        ("x''", "x:"),
        ("cast(x'ff41' as text)", "t:\u{fffd}A"),
        ("date('2026-11-23', '+1 day')", "t:2026-11-24"),
        ("count(*) from odd", "n:5"),
        ("json_object('a', 1)", "t:{\"a\":1}"),
        ("true", "n:1"),
        ("'a' || char(0) || 'b'", "t:a\0b"),
    ];
    assert_cells(Product::Sqlite, prepare, &cases).await;
    let database = TestDatabase::new(Product::Sqlite).await;
    database.run(prepare).await;
    let expected = [
        ["n:1", "f:1.5", "t:2026-11-23"],
        ["t:one", "n:18", "n:20261123"],
        ["x:00ff", "t:n/a", "NULL"],
        ["f:1.25", "NULL", "f:1.5"],
        ["NULL", "f:0.1", "t:"],
    ];
    assert_eq!(rows(&open(&database.url), "select * from odd order by rowid").await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_that_is_not_utf8_arrives_as_its_bytes() {
    let database = TestDatabase::new(Product::Postgres).await;
    let other = format!("{}_ascii", database.name());
    database.run(&format!("create database {other} encoding 'SQL_ASCII' locale 'C' template template0")).await;
    let mut url = url::Url::parse(&database.url).expect("a url");
    url.set_path(&other);
    let source = open(url.as_str());
    let cell = rows(&source, "select E'caf\\xe9' as word").await;
    source.close().await;
    database.run(&format!("drop database {other} with (force)")).await;
    assert_eq!(cell, [["t:caf\u{fffd}"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_quoted_by_the_database_stays_out_of_the_error() {
    let database = TestDatabase::new(Product::Postgres).await;
    database.run("create table t (id int, word text); insert into t values (1, 'topsecret')").await;
    let error = super::fails(&open(&database.url), "select word::int as n from t").await;
    assert!(error.message.contains("integer") && !error.to_string().contains("topsecret"), "{error}");
}
