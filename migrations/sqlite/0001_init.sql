-- rowbell's store. Times are UTC with milliseconds: 2026-11-23T01:30:00.000Z. Rows are JSON objects whose exact numbers are
-- strings; `kinds` beside them holds one letter per column, from which the types come back.

-- What deduplication knows: one row per key of a watcher on a source.
create table alert_state (
    fingerprint  text primary key check (length(fingerprint) = 32),  -- hash of watcher, source and key
    watcher      text not null,                                      -- whose
    source       text not null,                                      -- where it was read
    status       text not null check (status in ('pending', 'firing', 'seen')), -- seen: a row of a `new` watcher
    severity     text not null check (severity in ('info', 'warning', 'critical')), -- last evaluated
    key          text not null check (json_valid(key)),              -- {"row": the key columns, "kinds": their types}
    rows         text not null check (json_valid(rows)),             -- the rows last seen, the speaker first, at most 20; as key
    row_count    integer not null check (row_count >= 0),            -- how many rows the key had
    digest       text not null check (length(digest) = 32),          -- hash of the content of all of them
    since        text not null,                                      -- when it fired, or was first seen
    told_at      text,                                               -- when its last message was made; reminders count from here
    receivers    text not null check (json_valid(receivers))         -- who was told; they are told that it is over
) strict, without rowid;
create index alert_state_by_watcher on alert_state (watcher, source);
create index alert_state_firing on alert_state (since) where status = 'firing';

-- Each reading of a source.
create table poll (
    id            integer primary key,                               -- number
    watcher       text not null,                                     -- whose
    source        text not null,                                     -- what was read
    scheduled_at  text not null,                                     -- the slot it was due in
    started_at    text not null,                                     -- when it began
    ended_at      text not null,                                     -- when it was recorded
    duration_ms   integer not null check (duration_ms >= 0),         -- how long reading and evaluating took
    outcome       text not null check (outcome in ('ok', 'partial', 'failed', 'skipped')), -- partial: some rows could not be judged
    rows          integer not null check (rows >= 0),                -- how many rows were read
    missed        integer not null default 0 check (missed >= 0),    -- slots that passed before it, and are not made up for
    error_kind    text,                                              -- timeout, sql, connect …
    error_message text,                                              -- what was wrong, in words
    epoch         integer not null,                                  -- the claim under which it was made
    check ((outcome in ('partial', 'failed')) = (error_message is not null)),
    unique (watcher, source, epoch)
) strict;
create index poll_by_watcher on poll (watcher, id);

-- What happened. Lines are added and, when their time is over, removed; they are never changed.
create table alert_history (
    id          integer primary key autoincrement,                   -- number, rising
    at          text not null,                                       -- when it was found
    watcher     text not null,                                       -- whose
    source      text not null,                                       -- where it was read
    event       text not null check (event in ('fired', 'repeated', 'changed', 'escalated', 'resolved', 'acknowledged', 'report',
                                               'watcher_failed', 'watcher_recovered')), -- what
    severity    text not null check (severity in ('info', 'warning', 'critical')), -- how bad
    fingerprint text,                                                -- which key; null for the watcher's own events
    key         text check (json_valid(key)),                        -- the key columns
    "row"       text check (json_valid("row")),                      -- the row that speaks for the key
    rows        text check (json_valid(rows)),                       -- all rows kept, where there were several
    row_count   integer not null default 0,                          -- how many rows the key had
    previous    text check (json_valid(previous)),                   -- the whole row before, for `changed`
    since       text,                                                -- when the alert fired
    reason      text not null,                                       -- why, in words
    silenced    integer not null default 0 check (silenced in (0, 1)), -- 1: recorded, and no message was made
    poll_id     integer references poll (id) on delete set null      -- the poll that found it
) strict;
create unique index alert_history_once on alert_history (poll_id, fingerprint, event);
create index alert_history_by_watcher on alert_history (watcher, id);
create index alert_history_by_fingerprint on alert_history (fingerprint, id);
create trigger alert_history_append_only
    before update of id, at, watcher, source, event, severity, fingerprint, key, "row", rows, row_count, previous, since, reason, silenced on alert_history
begin
    select raise(abort, 'alert_history is append-only');
end;
create trigger alert_history_keeps_its_poll
    before update of poll_id on alert_history when new.poll_id is not null -- null: the poll was removed for its age
begin
    select raise(abort, 'alert_history is append-only');
end;

-- The outbox: one message for one receiver.
create table delivery (
    id            integer primary key autoincrement,                 -- number; a receiver's messages leave in this order
    created_at    text not null,                                     -- when it was made, in the transaction of its events
    receiver      text not null,                                     -- to whom
    watcher       text not null,                                     -- whose
    poll_id       integer references poll (id) on delete set null,   -- the poll whose events it tells
    title         text not null,                                     -- what a phone's notification shows
    message       text not null check (json_valid(message)),         -- the rendered message
    msg_uuid      text not null unique,                              -- DingTalk's idempotency key; the same for all attempts
    state         text not null check (state in ('pending', 'sending', 'delivered', 'discarded')), -- where it stands
    attempts      integer not null default 0 check (attempts >= 0),  -- tries so far
    change        text not null default 'none' check (change in ('none', 'shortened', 'reduced')), -- how the message was cut down for the receiver
    not_before    text not null,                                     -- not tried before
    owner         text,                                              -- the process that is sending it
    claimed_until text,                                              -- after this another may take it over
    epoch         integer not null default 0,                        -- rises with each claim
    answer        text,                                              -- the receiver's last answer
    delivered_at  text,                                              -- when the receiver took it
    reason        text,                                              -- why it was given up
    check ((state = 'sending') = (owner is not null)),
    check ((state = 'delivered') = (delivered_at is not null)),
    check (state <> 'discarded' or reason is not null)
) strict;
create unique index delivery_one_in_flight on delivery (receiver) where state = 'sending';
create index delivery_waiting on delivery (receiver, id) where state in ('pending', 'sending');
create index delivery_by_poll on delivery (poll_id);

-- Which events a delivery tells.
create table delivery_event (
    delivery_id integer not null references delivery (id) on delete cascade,
    event_id    integer not null references alert_history (id) on delete cascade,
    primary key (delivery_id, event_id)
) strict, without rowid;
create index delivery_event_by_event on delivery_event (event_id);

-- Each try of a delivery, and each test message. The budget of a receiver is counted here.
create table delivery_attempt (
    id          integer primary key autoincrement,                   -- number
    delivery_id integer references delivery (id) on delete cascade,  -- null for a test message
    attempt     integer not null,                                    -- 1 for the first
    receiver    text not null,                                       -- to whom
    started_at  text not null,                                       -- written before the request leaves
    ended_at    text,                                                -- null: the process died, or it is under way
    outcome     text,                                                -- delivered, transient, uncertain, throttled, refused, too_long, content_refused, unknown
    http_status integer,                                             -- of the answer
    errcode     integer,                                             -- DingTalk's
    answer      text,                                                -- in words, without secrets
    unique (delivery_id, attempt)
) strict;
create index delivery_attempt_budget on delivery_attempt (receiver, started_at);

-- What is known of a receiver besides its settings.
create table receiver_state (
    receiver   text primary key,                                     -- its name
    robot      text,                                                 -- hash of the robot behind it: receivers of one robot share its budget
    held_until text,                                                 -- nothing is sent before
    reason     text,                                                 -- why
    throttled  integer not null default 0 check (throttled in (0, 1)), -- 1: it was told too much; trying earlier only makes that last longer
    failures   integer not null default 0                            -- failures in a row
) strict, without rowid;

-- Where each watcher stands.
create table watcher_state (
    watcher        text not null,                                    -- its name
    source         text not null,                                    -- what it reads
    next_poll_at   text,                                             -- its next slot
    revision       text,                                             -- hash of query and conditions of the last completed poll
    baseline_at    text,                                             -- when its first poll was completed
    failures       integer not null default 0,                       -- failed or faulty polls in a row
    failing_since  text,                                             -- the first of them
    failing_told   integer not null default 0 check (failing_told in (0, 1)), -- whether `watcher_failed` was told
    version        integer not null default 0,                       -- rises with each change of its alerts
    owner          text,                                             -- the process that is polling
    claimed_until  text,                                             -- after this another may poll
    epoch          integer not null default 0,                       -- rises with each claim; a commit under an older one is refused
    primary key (watcher, source)
) strict, without rowid;
