use super::*;
use Dialect::{Mysql, Postgres, Sqlite};

fn words(sql: &str, dialect: Dialect) -> Vec<String> {
    tokens(sql, dialect).into_iter().map(|token| token.text).collect()
}

fn parameters(sql: &str, dialect: Dialect) -> Vec<String> {
    tokens(sql, dialect).into_iter().filter(|token| token.sort == TokenSort::Parameter).map(|token| token.text).collect()
}

#[test]
fn parameters_are_found_outside_of_strings_names_and_comments() {
    let cases: &[(Dialect, &str, &[&str])] = &[
        (Postgres, "select :a", &[":a"]),
        (Postgres, "id>=:cursor", &[":cursor"]),
        (Postgres, ":a,:b_2 ,(:_c)", &[":a", ":b_2", ":_c"]),
        (Postgres, "x = :天数，", &[":天数"]),
        (Postgres, "x = :Cursor", &[":Cursor"]),
        (Postgres, "':a' 'it''s :b' :c", &[":c"]),
        (Postgres, "\":a\" \"q\"\":b\" :c", &[":c"]),
        (Postgres, "-- :a\n:b", &[":b"]),
        (Postgres, "-- :a\r:b", &[":b"]),
        (Postgres, "/* :a /* :b */ :c */ :d", &[":d"]),
        (Postgres, "/* :a", &[]),
        (Postgres, "'\\' :a '", &[":a"]),
        (Postgres, "E'\\' :a ' :b", &[":b"]),
        (Postgres, "e'it''s \\\\' :a", &[":a"]),
        (Postgres, "E'a'\n '\\' :b' :c", &[":c"]),
        (Postgres, "E'a' -- it's\n'\\' :b' :c", &[":c"]),
        (Postgres, "E'a' '\\' :b, '", &[":b"]),
        (Postgres, "'a'\n'\\' :b", &[":b"]),
        (Postgres, "type'\\' :b", &[":b"]),
        (Postgres, "U&'\\0041' :a", &[":a"]),
        (Postgres, "$$ :a $$ :b", &[":b"]),
        (Postgres, "$q$ :a $$ :b $q$ :c", &[":c"]),
        (Postgres, "$数$ :a $数$ :b", &[":b"]),
        (Postgres, "$q$ :a", &[]),
        (Postgres, "a$b$ :c a$b$", &[":c"]),
        (Postgres, "$1 :a $2", &[":a"]),
        (Postgres, "x::date + :a::int", &[":a"]),
        (Postgres, "f(a := :b, c:=:d)", &[":b", ":d"]),
        (Postgres, "a[1:2] a[lo:hi] a[f(:x):hi]", &[":x"]),
        (Postgres, "a[:n] a[(:n)] a[1:(:n)]", &[":n", ":n", ":n"]),
        (Postgres, "a[b[1]:c] and (x[1]) = :n", &[":n"]),
        (Postgres, "j->>'a:b' #>> :path ? '%' ?| :keys", &[":path", ":keys"]),
        (Postgres, ":'psql' :\"psql\" 1 : 2 :1", &[]),
        (Postgres, "` :a `", &[":a"]),
        (Postgres, "# :a", &[":a"]),
        (Mysql, "'\\' :a ' \"\\\" :b\" `:c` :d", &[":d"]),
        (Mysql, "`\\` :a", &[":a"]),
        (Mysql, "# it's :a\n:b", &[":b"]),
        (Mysql, "-- :a\n5--:b --", &[":b"]),
        (Mysql, "/* /* */ :a /* */", &[":a"]),
        (Mysql, "/*! :a */", &[":a"]),
        (Mysql, "/*+ max_execution_time(:a) */ :b", &[":b"]),
        (Mysql, "@x:=:a, @y := 1", &[":a"]),
        (Mysql, "$$ :a $$", &[":a"]),
        (Mysql, "_utf8mb4'\\':a' N':b' x'00' :c", &[":c"]),
        (Sqlite, "'\\' :a", &[":a"]),
        (Sqlite, "[:a] `:b` \":c\" :d", &[":d"]),
        (Sqlite, "--:a\n:b", &[":b"]),
        (Sqlite, "/* /* */ :a /* :b", &[":a"]),
        (Sqlite, "date(:now, '-1 day') @x $y ?1", &[":now"]),
    ];
    for (dialect, sql, expected) in cases {
        assert_eq!(parameters(sql, *dialect), *expected, "{dialect:?}: {sql}");
    }
}

#[test]
fn spans_point_at_the_bytes_of_a_token() {
    let sql = "select '选' , :天 -- x";
    let parts: Vec<&str> = tokens(sql, Postgres).iter().map(|token| &sql[token.span.clone()]).collect();
    assert_eq!(parts, ["select", "'选'", ",", ":天"]);
}

#[test]
fn comments_strings_and_quoted_names_are_skipped() {
    let sql = "-- for update\nselect 'into outfile', \"a\\\"for update\", `b;` # x\n /* for update */ from t";
    assert_eq!(words(sql, Mysql), ["select", "'", ",", "\"", ",", "`", "from", "t"]);
}

#[test]
fn a_comment_that_runs_is_seen() {
    assert!(words("select /*!50000 1 */ 1", Mysql).contains(&"/*!".to_owned()));
    assert!(words("select /*M!100000 1 */ 1", Mysql).contains(&"/*M".to_owned()));
}

#[test]
fn the_first_word_stands_behind_comments_and_parentheses() {
    assert_eq!(first_word("/* a /* b */ */ ((SELECT 1))", Postgres).as_deref(), Some("select"));
    assert_eq!(first_word(" -- nothing", Postgres), None);
}

#[test]
fn only_the_end_of_a_statement_is_cut() {
    for (sql, kept) in [
        ("select 1; -- done", "select 1"),
        ("select 1 ;;\n", "select 1"),
        ("select 1 -- done", "select 1"),
        ("select 1; -- that's it", "select 1"),
        ("select 1 /* a */; # b", "select 1"),
        ("select 1; select 'a'", "select 1; select 'a'"),
        ("select ';' -- no", "select ';'"),
        ("-- nothing", ""),
        (";", ""),
    ] {
        assert_eq!(&sql[..statement_end(sql, Mysql)], kept);
    }
}

#[test]
fn unfinished_text_does_not_hang_or_panic() {
    for sql in [
        "'", "/*", "\"\\", "`", "--", "/*!", "选'", "E'", "E'\\", "E'a'\n", "$", "$选", "$选$", "[", "]", ":", "::", "a[1:", "'\\选",
        ":选", "/",
    ] {
        for dialect in [Postgres, Mysql, Sqlite] {
            tokens(sql, dialect);
            tokens(&format!("{sql}{sql}"), dialect);
        }
    }
}
