//! The changes of a zone's clock, found by bisection: chrono-tz knows them and does not tell.

use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// Since 1970 no zone has changed its clock twice within three days.
const LOOK: TimeDelta = TimeDelta::hours(24);

/// How far a zone's wall clock is before UTC.
pub(super) fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    TimeDelta::seconds(i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()))
}

/// The instants in `(from, until]` at which a zone's clock is moved, in order.
pub(super) fn changes(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let mut found = Vec::new();
    let mut low = from;
    while low < until {
        let high = low.checked_add_signed(LOOK).map_or(until, |high| high.min(until));
        let before = offset(zone, low);
        if offset(zone, high) != before {
            let change = first_second(low, high, |at| offset(zone, at) != before);
            found.extend((change <= until).then_some(change));
        }
        low = high;
    }
    found
}

/// The first whole second after `low`, up to `high`, for which `holds`; it must hold for `high`.
pub(super) fn first_second(low: DateTime<Utc>, high: DateTime<Utc>, holds: impl Fn(DateTime<Utc>) -> bool) -> DateTime<Utc> {
    let (mut low, mut high) = (low.timestamp(), high.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if DateTime::from_timestamp(middle, 0).is_some_and(&holds) {
            high = middle;
        } else {
            low = middle;
        }
    }
    DateTime::from_timestamp(high, 0).unwrap_or(DateTime::UNIX_EPOCH)
}
