-- What the whole language of watchers needs to know: pending and gone alerts, acknowledgements, silences, messages that
-- are put off, cursors, the shape of watched results, dead sources, and the trace behind `rowbell explain`.

-- An alert's way to firing and back.
alter table alert_state add column polls integer not null default 0 check (polls >= 0);          -- pending: polls in a row that found it; firing: that did not, while it is kept firing
alter table alert_state add column gone_since text;                                              -- firing: since when it is gone, while it is kept firing
alter table alert_state add column repeats integer not null default 0 check (repeats >= 0);      -- reminders since it fired or last escalated
-- Written by `rowbell ack`, taken back by a poll when the alert escalates or is over.
alter table alert_state add column acknowledged_at text;                                         -- when a person took it
alter table alert_state add column acknowledged_by text check ((acknowledged_by is null) = (acknowledged_at is null)); -- who
alter table alert_state add column acknowledged_note text;                                       -- what they had to say

alter table watcher_state add column identity text;                                              -- the name its keys are hashed with: the one it was first polled under; null: its own
alter table watcher_state add column key_columns text check (json_valid(key_columns));           -- the key of the last completed poll: ["sku"]
alter table watcher_state add column alert_on text;                                              -- what a row meant to it: match, new, change, missing, report
alter table watcher_state add column cursor text check (json_valid(cursor));                     -- how far an incremental watcher has read: where the next read begins, and what it may move up to
alter table watcher_state add column shape text check (json_valid(shape));                       -- the watched columns of a `change` watcher and the kinds of their values
alter table watcher_state add column last_report text check (json_valid(last_report));           -- rows and sums of the last report
alter table watcher_state add column held_polls integer not null default 0 check (held_polls >= 0); -- polls in a row whose result the guard has held
alter table watcher_state add column held_reason text;                                           -- why
alter table watcher_state add column released_at text;                                           -- a person wants the next result taken, whatever it moves
alter table watcher_state add column last_ok_at text;                                            -- when its last good poll began
alter table watcher_state add column last_poll_at text;                                          -- when its last completed poll began: `:last_poll`
alter table watcher_state add column told_by_source integer not null default 0 check (told_by_source in (0, 1)); -- 1: that its polls fail was told once for its source

alter table poll add column matched integer not null default 0 check (matched >= 0);             -- how many of the rows count
alter table poll add column warnings text check (json_valid(warnings));                          -- what went wrong without losing anything: ["…"]

-- What is known of a source besides its settings. One that is dead is told once, not once for each of its watchers.
create table source_state (
    source        text primary key,                                  -- its name
    failing_since text,                                              -- since when it cannot be reached
    told_at       text,                                              -- when that was told; null: it was not
    receivers     text not null default '[]' check (json_valid(receivers)), -- who was told; they are told that it works again
    polls         integer not null default 0 check (polls >= 0),     -- polls that failed
    version       integer not null default 0                         -- rises with each change; two polls that tell at once must not both
) strict, without rowid;

-- Events that a silence covers are recorded, and no message is made of them. Null covers everything.
create table silence (
    id         integer primary key autoincrement,                    -- number
    created_at text not null,                                        -- when it was made
    author     text not null,                                        -- by whom
    reason     text not null,                                        -- why
    watcher    text,                                                 -- watchers, by a pattern with * and ?
    key        text check (json_valid(key)),                         -- columns of the key, each with a pattern: {"sku": "A-*"}
    severity   text check (severity in ('info', 'warning', 'critical')), -- only these
    receiver   text,                                                 -- only what this receiver is told
    starts_at  text not null,                                        -- from when
    ends_at    text not null,                                        -- until when; `silence expire` sets it
    told_at    text,                                                 -- when it was told, after the end, what still fires
    check (starts_at <= ends_at)
) strict;
create index silence_open on silence (ends_at) where told_at is null;

-- Whom a silence kept from being told of which event.
create table silenced_event (
    event_id   integer not null references alert_history (id) on delete cascade, -- which
    receiver   text not null,                                        -- whom
    silence_id integer not null references silence (id) on delete cascade, -- because of which silence
    primary key (event_id, receiver)
) strict, without rowid;
create index silenced_event_by_silence on silenced_event (silence_id);

-- Events that are told later, in a digest: what happened outside a watcher's hours.
create table deferred_event (
    event_id integer not null references alert_history (id) on delete cascade, -- which
    receiver text not null,                                          -- to whom
    due_at   text not null,                                          -- not before
    primary key (event_id, receiver)
) strict, without rowid;
create index deferred_event_due on deferred_event (due_at);

-- What polls thought of keys without telling anyone, for `rowbell explain`. Bounded in number and age.
create table trace (
    id          integer primary key autoincrement,                   -- number
    at          text not null,                                       -- when
    until       text,                                                -- when it no longer was; null: it lasts, and is not written again
    watcher     text not null,                                       -- whose
    source      text not null,                                       -- what was read
    poll_id     integer,                                             -- in which poll
    fingerprint text not null,                                       -- which key
    key         text check (json_valid(key)),                        -- its columns, where they were at hand
    word        text not null,                                       -- pending, dropped, gone, back, held, calmed, not_repeated, unmatched, absent
    text        text not null                                        -- why, in words
) strict;
create index trace_by_key on trace (fingerprint, id);
create index trace_by_watcher on trace (watcher, id);
create index trace_lasting on trace (watcher, source) where until is null;
