//! What expressions are worth, one line per case.

use super::*;

#[test]
fn numbers_compare_by_their_exact_value() {
    table(&[
        ("stock < reorder_level", "true"),
        ("stock < 5", "false"),
        ("stock <= 5.0", "true"),
        ("stock = 5.000", "true"),
        ("price = 1.5", "true"),
        ("price > 1.49999999999999999999999999999999", "true"),
        ("price < 1.5000000000000000000000000000001", "true"),
        ("big = 18446744073709551615", "true"),
        ("big > 18446744073709551614", "true"),
        ("big <> 18446744073709551616", "true"),
        ("9007199254740993 > 9007199254740992", "true"),
        ("0.1 + 0.2 = 0.3", "true"),
        ("-0.0 = 0", "true"),
        ("1e3 = 1000", "true"),
        ("1e-3 = 0.001", "true"),
        ("1e999999999 > 1e999999998", "true"),
        ("-1e999999999 < 5", "true"),
        ("1e-999999999 < stock", "true"),
        ("1e400 > rate", "true"),
        ("rate = 0.1", "true"),
        ("rate + rate + rate = 0.3", "true"),
        ("rate < 0.11", "true"),
        ("nan > 1e300", "true"),
        ("nan = nan", "true"),
        ("nan > infinite", "true"),
        ("infinite > big", "true"),
        ("-infinite < -big", "true"),
        ("stock != 4", "true"),
        ("stock <> 5", "false"),
        (".5 = 0.5", "true"),
        ("\"Mixed Case\" = 7", "true"),
        ("`Mixed Case` = 7", "true"),
        ("\"mixed case\" = 7", "true"),
        ("STOCK = 5", "true"),
        ("中文列 = '缺货'", "true"),
    ]);
}

#[test]
fn arithmetic_is_exact() {
    table(&[
        ("stock + 1", "6"),
        ("price * 3", "4.50"),
        ("stock - 7", "-2"),
        ("-stock", "-5"),
        ("- -stock", "5"),
        ("+stock", "5"),
        ("1 / 2", "0.5"),
        ("10 / 4", "2.5"),
        ("1 / 4 = 0.25", "true"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("7.5 % 2", "1.5"),
        ("big + 1", "18446744073709551616"),
        ("big * big", "340282366920938463426481119284349108225"),
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("10 - 2 - 3", "5"),
        ("2 * 3 % 4", "2"),
        ("-2 * 3", "-6"),
        ("1 / 3 * 3 > 0.99999999999999999999999999999999999999", "true"),
        ("stock / 0", "error: division by zero"),
        ("stock % 0", "error: division by zero"),
        ("stock / gone", "null"),
        ("gone + 1", "null"),
        ("1e999999999 + 1", "error: the number has too many digits"),
        ("1e140000 * 1e140000 > 1", "error: the number has too many digits"),
        ("infinite - infinite = nan", "true"),
        ("infinite + 1 = infinite", "true"),
        ("infinite / 0", "error: division by zero"),
        ("stock * rate", "0.5"),
        ("name + 1", "error: cannot add text and a number"),
        ("active * 2", "error: cannot multiply a boolean by a number"),
    ]);
}

#[test]
fn null_is_unknown() {
    table(&[
        ("gone = 1", "null"),
        ("gone <> 1", "null"),
        ("not gone = 1", "null"),
        ("gone is null", "true"),
        ("gone is not null", "false"),
        ("stock is null", "false"),
        ("stock is not null", "true"),
        ("gone = 1 and false", "false"),
        ("false and gone = 1", "false"),
        ("gone = 1 and true", "null"),
        ("gone = 1 or true", "true"),
        ("gone = 1 or false", "null"),
        ("gone = 1 or gone = 2", "null"),
        ("gone in (1, 2)", "null"),
        ("stock in (gone, 5)", "true"),
        ("stock in (gone, 6)", "null"),
        ("stock not in (gone, 6)", "null"),
        ("stock not in (gone, 5)", "false"),
        ("gone between 1 and 2", "null"),
        ("stock between gone and 4", "false"),
        ("stock between gone and 6", "null"),
        ("stock not between gone and 4", "true"),
        ("gone like 'a%'", "null"),
        ("name like gone", "null"),
        ("gone is distinct from 1", "true"),
        ("gone is distinct from gone", "false"),
        ("gone is not distinct from gone", "true"),
        ("stock is distinct from 5", "false"),
        ("stock is not distinct from 5.0", "true"),
        ("gone is true", "false"),
        ("gone is not true", "true"),
        ("gone is unknown", "true"),
        ("(gone = 1) is unknown", "true"),
        ("(stock = 5) is not unknown", "true"),
        ("(stock = 5) is true", "true"),
        ("(stock = 5) is not false", "true"),
        ("(stock = 6) is false", "true"),
        ("gone || 'a'", "null"),
        ("null", "null"),
        ("not null", "null"),
        ("case when gone = 1 then 1 else 2 end", "2"),
        ("-gone", "null"),
        ("lower(gone)", "null"),
    ]);
}

#[test]
fn conditions_read_as_in_sql() {
    table(&[
        ("not stock = 5 or true", "true"),
        ("true or true and false", "true"),
        ("not false and false", "false"),
        ("stock = 5 and name is not null and price > 1", "true"),
        ("stock in (1, 5, 7)", "true"),
        ("stock not in (1, 5, 7)", "false"),
        ("sku in ('A-1', 'B-2')", "true"),
        ("stock between 5 and 5", "true"),
        ("stock not between 1 and 4", "true"),
        ("stock between 1 and 4 or price = 1.5", "true"),
        ("active", "true"),
        ("not active", "false"),
        ("active = true", "true"),
        ("active = 1", "true"),
        ("flag = true", "true"),
        ("off = false", "true"),
        ("not off", "true"),
        ("flag and active", "true"),
        ("flag is true", "true"),
        ("off is false", "true"),
        ("rate and true", "true"),
        ("name = 'Chai Tea' -- a comment", "true"),
        ("stock /* of all shops */ = 5", "true"),
        ("stock =\n  5", "true"),
        ("name and true", "error: text is not a condition"),
        ("not due", "error: a date is not a condition"),
        ("stock > 0 and 1 / off > 2", "error: division by zero"),
        ("off <> 0 and 1 / off > 2", "false"),
        ("off = 0 or 1 / off > 2", "true"),
        ("raw = raw", "true"),
        ("tag = '0f3a'", "true"),
        ("doc = '{\"a\":1}'", "true"),
        ("tag > 5", "error: cannot compare a value of a special type with a number"),
        ("raw = 'x'", "error: cannot compare bytes with text"),
    ]);
}

#[test]
fn text_is_matched_as_in_sql() {
    table(&[
        ("name like 'Chai%'", "true"),
        ("name like 'chai%'", "false"),
        ("name ilike 'chai%'", "true"),
        ("name ilike '%TEA'", "true"),
        ("name not like '%Tea'", "false"),
        ("name like 'Chai_Tea'", "true"),
        ("name like 'Chai'", "false"),
        ("name like '%'", "true"),
        ("'' like '%'", "true"),
        ("'' like '_'", "false"),
        ("name like '%a%a%'", "true"),
        ("name like '%a%a%a%'", "false"),
        ("code like '100\\%%'", "true"),
        ("code like '100!%!_off' escape '!'", "true"),
        ("code like '100%off'", "true"),
        ("name like '100\\'", "error: the pattern ends with its escape character"),
        ("中文列 like '缺_'", "true"),
        ("sku like sku", "true"),
        ("stock like '5%'", "error: like compares text, not a number"),
        ("cast(stock as text) like '5%'", "true"),
        ("name || '!'", "'Chai Tea!'"),
        ("sku || stock", "'A-15'"),
        ("sku || price", "'A-11.50'"),
        ("'it''s'", "'it''s'".replace("''", "'").as_str()),
        ("'a' < 'b'", "true"),
        ("'10' < '9'", "true"),
        ("'a' || 'b' || 'c' = 'abc'", "true"),
        ("active || 'x'", "error: `||` joins texts"),
    ]);
}

#[test]
fn functions_do_what_their_names_say() {
    table(&[
        ("coalesce(gone, 3)", "3"),
        ("coalesce(gone, gone)", "null"),
        ("coalesce(stock, 1 / 0)", "5"),
        ("ifnull(gone, 'x')", "'x'"),
        ("nullif(stock, 5)", "null"),
        ("nullif(stock, 6)", "5"),
        ("nullif(gone, 6)", "null"),
        ("greatest(1, stock, 3)", "5"),
        ("least(1.5, stock)", "1.5"),
        ("greatest(gone, stock)", "5"),
        ("greatest(gone, gone)", "null"),
        ("greatest(due, current_date)", "2026-11-23"),
        ("abs(-3.50)", "3.50"),
        ("abs(stock - 10)", "5"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(2.345, 2)", "2.35"),
        ("round(1234, -2)", "1200"),
        ("round(1.5, gone)", "null"),
        ("round(1, 999999999)", "error: the number has too many digits"),
        ("floor(-1.5)", "-2"),
        ("floor(1.9)", "1"),
        ("ceil(1.1)", "2"),
        ("ceiling(-1.1)", "-1"),
        ("lower('ÄB')", "'äb'"),
        ("upper(name)", "'CHAI TEA'"),
        ("length('缺货')", "2"),
        ("char_length(name)", "8"),
        ("trim('  a b ')", "'a b'"),
        ("ltrim('  a ')", "'a '"),
        ("rtrim('  a ')", "'  a'"),
        ("LOWER(name) = 'chai tea'", "true"),
        ("lower(stock)", "error: the function takes text, not a number"),
        ("abs(name)", "error: the function takes a number, not text"),
        ("greatest(name, stock)", "error: the arguments are of different types"),
        ("case when stock < 3 then 'low' when stock < 8 then 'some' else 'many' end", "'some'"),
        ("case when false then 1 end", "null"),
        ("case stock when 4 then 'four' when 5 then 'five' end", "'five'"),
        ("case when stock = 5 then true else 1 / 0 > 1 end", "true"),
    ]);
}

#[test]
fn times_are_compared_and_moved() {
    table(&[
        ("now() = timestamptz '2026-11-23 01:30:00Z'", "true"),
        ("now() = current_timestamp", "true"),
        ("current_date", "2026-11-23"),
        ("current_date = date '2026-11-23'", "true"),
        ("due < current_date", "true"),
        ("due = '2026-11-20'", "true"),
        ("due > '2026-11-19 12:00'", "true"),
        ("due < 'soon'", "error: the text cannot be read as a date"),
        ("created < now()", "true"),
        ("created = seen", "true"),
        ("created < now() - interval '20 minutes'", "true"),
        ("created < now() - interval '40 minutes'", "false"),
        ("seen > now() - interval '1 hour'", "true"),
        ("lite < now() - interval '1' hour", "true"),
        ("lite < now() - interval 2 hour", "false"),
        ("now() - lite > interval '1 hour'", "true"),
        ("now() - created = interval '30 minutes'", "true"),
        ("lite + interval '1 hour' = created", "true"),
        ("lite = '2026-11-23 08:00:00'", "true"),
        ("name < now()", "error: the text cannot be read as a timestamp"),
        ("created + interval '1 month' = '2026-12-23 09:00'", "true"),
        ("date + interval '1 month' = '2026-02-28'", "true"),
        ("date > '2026-01-01'", "true"),
        ("due + 3 = current_date", "true"),
        ("current_date - 3 = due", "true"),
        ("due - interval '1 day'", "2026-11-19"),
        ("due + interval '1 hour'", "2026-11-20 01:00:00"),
        ("current_date - due > interval '2 days'", "true"),
        ("current_date - due", "P3D"),
        ("current_date - due > 2", "error: cannot compare an interval with a number"),
        ("lag > interval '1 hour 59 minutes'", "true"),
        ("lag = '02:00:00'", "true"),
        ("lag = '120 minutes'", "true"),
        ("lag * 2", "PT4H"),
        ("lag / 2 = interval '1' hour", "true"),
        ("-lag = interval '-2 hours'", "true"),
        ("lag + lag - lag = lag", "true"),
        ("interval '1 month' = interval '30 days'", "true"),
        ("interval '1 day' = interval '24 hours'", "true"),
        ("interval '1.5 hours'", "PT1H30M"),
        ("interval '1 week 1 day'", "P8D"),
        ("interval '90 min' > interval '1 hour'", "true"),
        ("at > '09:00'", "true"),
        ("at + interval '15 hours' = time '00:30'", "true"),
        ("at < now()", "error: cannot compare a time with a timestamp"),
        ("due > 5", "error: cannot compare a date with a number"),
        ("timestamp '2026-11-23 09:00:00' = created", "true"),
        ("timestamptz '2026-11-23 09:00:00' = seen", "true"),
        ("timestamp '2026-11-23 09:00:00' = seen", "true"),
        ("due + interval '300000 years'", "error: the time is out of range"),
        ("due + 1e300", "error: the time is out of range"),
        ("lag * 1e300", "error: the time is out of range"),
    ]);
}

#[test]
fn casts_convert_what_they_are_asked_to() {
    table(&[
        ("cast('1.50' as numeric)", "1.50"),
        ("cast(' 7 ' as integer)", "7"),
        ("cast('7.5' as int)", "8"),
        ("cast(2.345 as decimal(10, 2))", "2.35"),
        ("cast(name as numeric) > 0", "error: the text cannot be read as a number"),
        ("'12'::int > 9", "true"),
        ("stock::text", "'5'"),
        ("cast(price as varchar(10))", "'1.50'"),
        ("cast('2026-11-23' as date) = current_date", "true"),
        ("cast(now() as date) = current_date", "true"),
        ("cast(lite as timestamp) < now()", "true"),
        ("lite::timestamptz = '2026-11-23 08:00:00+08'", "true"),
        ("cast(seen as time) = '09:00'", "true"),
        ("cast('yes' as boolean)", "true"),
        ("cast(flag as boolean)", "true"),
        ("cast(active as int)", "1"),
        ("cast('2 hours' as interval) = lag", "true"),
        ("cast(gone as numeric)", "null"),
        ("cast('0.1' as double precision) = 0.1", "true"),
        ("cast(1e999999999 as text)", "error: the number has too many digits"),
        ("cast(1e20 as text)", "'100000000000000000000'"),
        ("cast(due as numeric)", "error: cannot convert a date to a number"),
        ("cast(lag as text)", "'PT2H'"),
        ("cast(seen as text)", "'2026-11-23 01:00:00Z'"),
        ("cast(nan as numeric)", "error: the number has too many digits"),
    ]);
}

#[test]
fn previous_key_and_severity_are_names() {
    table(&[
        ("price > previous.price", "true"),
        ("previous.price", "1.20"),
        ("price > 1.2 * previous.price", "true"),
        ("previous.\"Mixed Case\" = 7", "true"),
        ("key.sku = 'A-1'", "true"),
        ("severity = 'warning'", "true"),
        ("severity >= 'warning'", "true"),
        ("severity > 'info'", "true"),
        ("severity < 'critical'", "true"),
        ("'critical' > severity", "true"),
        ("severity in ('warning', 'critical')", "true"),
        ("severity between 'info' and 'warning'", "true"),
        ("severity is distinct from 'critical'", "true"),
        ("case severity when 'warning' then 1 else 2 end", "1"),
        ("severity = 'bad'", "error: severity compares with a severity"),
        ("severity > 3", "error: severity compares with a severity"),
        ("previous.nothing", "error: unknown column `nothing`"),
        ("nothing > 1", "error: unknown column `nothing`"),
    ]);
}

#[test]
fn a_column_called_severity_hides_the_alerts() {
    let row = row(&[("severity", Kind::Number, Some("3"))]);
    let scope = Scope { row: &row, previous: None, severity: Some(Severity::Info), now: now(), zone: ZONE };
    let expression = Expression::parse("severity > 2").unwrap();
    assert!(expression.holds(&scope).unwrap());
    assert_eq!(expression.check(&[("severity".into(), Some(Kind::Number))]), []);
    assert_eq!(expression.check(&[]).len(), 1);
}

#[test]
fn without_a_row_before_previous_is_null() {
    let row = row(&[("price", Kind::Number, Some("3"))]);
    let scope = Scope { row: &row, previous: None, severity: None, now: now(), zone: ZONE };
    let expression = Expression::parse("price <> previous.price").unwrap();
    assert_eq!(expression.evaluate(&scope), Ok(Value::Null));
    assert!(!expression.holds(&scope).unwrap());
}
