//! When the bound moves, and when it must not.

use super::*;

const OVERLAP: Duration = Duration::from_secs(600);

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time") + TimeDelta::minutes(minute)
}

fn id(n: i64) -> CursorValue {
    CursorValue { kind: 'n', text: n.to_string() }
}

fn seen(values: &[i64]) -> CursorSeen {
    let mut seen = CursorSeen::default();
    values.iter().for_each(|n| seen.see(id(*n), at(0), Tz::UTC));
    seen
}

fn bound(state: &CursorState) -> Option<&str> {
    state.bound.as_ref().map(|value| value.text.as_str())
}

fn read(open: OpenTransactions, minute: i64) -> ReadAt {
    ReadAt { began: at(minute), ended: at(minute), open }
}

fn advance(state: CursorState, values: &[i64], open: OpenTransactions, minute: i64) -> CursorState {
    state.advance(&seen(values), read(open, minute), OVERLAP, true)
}

#[test]
fn the_bound_is_the_value_that_had_been_reached_an_overlap_ago() {
    let mut state = CursorState::begin("id", &seen(&[1, 5]), Some(2), read(OpenTransactions::Unknown, 0));
    assert_eq!(bound(&state), Some("1"));
    for minute in 1..=9 {
        state = advance(state, &[5 + minute], OpenTransactions::Unknown, minute);
        assert_eq!(bound(&state), Some("1"), "minute {minute}");
    }
    state = advance(state, &[15], OpenTransactions::Unknown, 10);
    assert_eq!(bound(&state), Some("5"));
    state = advance(state, &[20], OpenTransactions::Unknown, 13);
    assert_eq!(bound(&state), Some("8"));
}

#[test]
fn a_first_poll_that_read_everything_has_no_bound_yet() {
    let state = CursorState::begin("id", &seen(&[7, 9]), Some(10), read(OpenTransactions::Unknown, 0));
    assert_eq!(bound(&state), None);
    assert_eq!(bound(&advance(state, &[9], OpenTransactions::Unknown, 10)), Some("9"));
}

#[test]
fn an_open_transaction_of_postgresql_holds_the_bound_back() {
    let open = |xmin, xmax| OpenTransactions::Snapshot { xmin, xmax };
    let state = CursorState::begin("id", &seen(&[5]), None, read(open(90, 100), 0));
    let state = advance(state, &[6], open(99, 200), 20);
    assert_eq!(bound(&state), None, "99 was open when 5 was seen");
    assert_eq!(state.held_back(read(open(99, 200), 20), OVERLAP), Some(TimeDelta::minutes(20)));
    let state = advance(state, &[6], open(100, 300), 21);
    assert_eq!(bound(&state), Some("5"));
}

#[test]
fn an_open_transaction_of_innodb_holds_the_bound_back() {
    let open = |minutes: u64| OpenTransactions::Oldest(Some(Duration::from_secs(60 * minutes)));
    let state = CursorState::begin("id", &seen(&[5]), None, read(open(0), 0));
    let state = advance(state, &[6], open(20), 15);
    assert_eq!(bound(&state), None);
    let state = advance(state, &[6], OpenTransactions::Oldest(None), 16);
    assert_eq!(bound(&state), Some("5"));
}

#[test]
fn a_quiet_table_is_read_from_its_last_value() {
    let mut state = CursorState::begin("id", &seen(&[5]), None, read(OpenTransactions::Unknown, 0));
    for minute in [10, 20, 30] {
        state = advance(state, &[5], OpenTransactions::Unknown, minute);
        assert_eq!((bound(&state), state.marks.len()), (Some("5"), 0));
    }
    assert_eq!(bound(&advance(state, &[], OpenTransactions::Unknown, 40)), Some("5"));
}

#[test]
fn marks_are_few_however_often_is_polled() {
    let mut state = CursorState::begin("id", &seen(&[0]), None, read(OpenTransactions::Unknown, 0));
    for second in 1..3_000 {
        let now = at(0) + TimeDelta::seconds(second);
        state = state.advance(&seen(&[second]), ReadAt { began: now, ended: now, open: OpenTransactions::Unknown }, OVERLAP, true);
        assert!(state.marks.len() <= MARKS_IN_OVERLAP as usize + 2, "{}", state.marks.len());
    }
    let reached: i64 = bound(&state).and_then(|text| text.parse().ok()).expect("a bound");
    assert!((2_360..=2_400).contains(&reached), "{reached}");
}

#[test]
fn values_are_ordered_by_their_kind() {
    let value = |kind, text: &str| CursorValue { kind, text: text.to_owned() };
    for (kind, low, high) in [
        ('n', "9", "10"),
        ('n', "18446744073709551614", "18446744073709551615"),
        ('n', "1.5", "1.50001"),
        ('z', "2026-11-25 09:00:00+08", "2026-11-25 02:00:00+00"),
        ('w', "2026-11-25 09:00:00", "2026-11-25 09:00:00.5"),
        ('d', "2026-09-30", "2026-10-01"),
        ('t', "01HZ", "01J0"),
    ] {
        assert_eq!(value(kind, low).order(&value(kind, high)), Some(Ordering::Less), "{low} {high}");
        assert_eq!(value(kind, high).order(&value(kind, low)), Some(Ordering::Greater), "{low} {high}");
    }
    assert_eq!(value('n', "1.50").order(&value('n', "1.5")), Some(Ordering::Equal));
    assert_eq!(value('n', "1").order(&value('t', "1")), None);
    assert_eq!(value('z', "infinity").order(&value('z', "2026-11-25 09:00:00+08")), None);
}

#[test]
fn a_time_that_lies_ahead_moves_nothing() {
    let mut seen = CursorSeen::default();
    for (kind, text) in [
        ('w', "2099-01-01 00:00:00"),
        ('w', "2027-01-15 08:00:00"),
        ('w', "infinity"),
        ('d', "2027-01-14"),
        ('z', "2099-01-01 00:00:00+00"),
    ] {
        seen.see(CursorValue { kind, text: text.to_owned() }, at(0), Tz::UTC);
    }
    assert_eq!((seen.highest.map(|value| value.text).as_deref(), seen.rows), (Some("2027-01-15 08:00:00"), 5));
}

#[test]
fn a_value_counts_from_the_end_of_the_read_that_saw_it() {
    let waited = ReadAt { began: at(0), ended: at(5), open: OpenTransactions::Unknown };
    let state = CursorState::begin("id", &seen(&[7]), None, waited);
    assert_eq!(bound(&advance(state.clone(), &[8], OpenTransactions::Unknown, 14)), None);
    assert_eq!(bound(&advance(state, &[8], OpenTransactions::Unknown, 15)), Some("7"));
}

#[test]
fn a_database_that_does_not_tell_clearly_holds_the_bound_back_but_not_for_ever() {
    let state = CursorState::begin("id", &seen(&[5]), None, read(OpenTransactions::Unclear, 0));
    let state = advance(state, &[6], OpenTransactions::Unclear, 99);
    assert_eq!(bound(&state), None);
    assert_eq!(bound(&advance(state.clone(), &[6], OpenTransactions::Oldest(None), 99)), Some("5"));
    assert_eq!(bound(&advance(state, &[6], OpenTransactions::Unclear, 100)), Some("5"));
}
