-- DingTalk as far as it goes: budgets and pools of robots, digests, people, cards, a conversation, pictures.

-- Budgets, pools, digests, fallbacks.
alter table delivery add column severity text not null default 'warning' check (severity in ('info', 'warning', 'critical')); -- the worst of its events; an end counts at most as a warning
alter table delivery add column robot text;                                                      -- the robot, or app, that tried it last
alter table delivery add column merged_into integer references delivery (id) on delete set null; -- the digest that tells its events instead
alter table delivery add column moved_from text;                                                 -- the receiver it was made for, before that one's fallback took it over
alter table delivery add column original text check (json_valid(original));                      -- the message before it was cut down for the receiver
create index delivery_merged on delivery (merged_into) where merged_into is not null;
alter table delivery_attempt add column robot text;                                              -- whose budget it uses
create index delivery_attempt_of_robot on delivery_attempt (robot, started_at);

-- What is known of a robot or an app besides its settings. Its name is a hash of its token or client id.
create table robot_state (
    robot      text primary key,                                     -- which
    held_until text,                                                 -- nothing is sent before
    reason     text,                                                 -- why
    throttled  integer not null default 0 check (throttled in (0, 1)), -- 1: it was told too much; trying earlier only makes that last longer
    gone       integer not null default 0 check (gone in (0, 1)),    -- 1: it refuses for good (removed, token unknown, group dissolved)
    failures   integer not null default 0 check (failures >= 0)      -- failures in a row
) strict, without rowid;

-- Which robots are behind a receiver, by the settings of whoever sent last: for those who only look into the store.
create table receiver_robot (
    receiver text not null,                                          -- its name
    robot    text not null,                                          -- one of its robots
    primary key (receiver, robot)
) strict, without rowid;
create index receiver_robot_by_robot on receiver_robot (robot);

-- A receiver is held while all of its robots are: until the first of them is free again.
create view receiver_hold as
    select receiver, held_until, reason from (
        select b.receiver, min(s.held_until) as held_until, s.reason, count(*) as robots, count(s.held_until) as held
        from receiver_robot b left join robot_state s on s.robot = b.robot group by b.receiver)
    where held = robots;

-- What was known of receivers is known of their robots from now on: budgets and holds go on where they were.
insert into receiver_robot (receiver, robot) select receiver, coalesce(robot, receiver) from receiver_state;
insert or ignore into robot_state (robot, held_until, reason, throttled, failures)
    select coalesce(robot, receiver), held_until, reason, throttled, failures from receiver_state order by throttled desc, held_until desc;
update delivery_attempt set robot = coalesce((select b.robot from receiver_robot b where b.receiver = delivery_attempt.receiver), receiver);
update delivery set robot = coalesce((select b.robot from receiver_robot b where b.receiver = delivery.receiver), receiver) where attempts > 0;
update delivery set severity = coalesce((
    select case max(case when h.severity = 'critical' and h.event not in ('resolved', 'watcher_recovered') then 2 when h.severity = 'info' then 0 else 1 end)
        when 2 then 'critical' when 1 then 'warning' when 0 then 'info' end
    from delivery_event e join alert_history h on h.id = e.event_id where e.delivery_id = delivery.id), 'warning')
    where state in ('pending', 'sending');
drop table receiver_state;
drop index delivery_attempt_budget;

-- What has been used of an organisation's or robot's month.
create table month_use (
    owner   text not null,                                           -- organisation, or robot with a cap
    kind    text not null check (kind in ('webhook', 'api', 'cap')), -- which quota
    month   text not null,                                           -- 2026-11, of China's calendar
    used    integer not null default 0 check (used >= 0),            -- messages or calls
    last_at text,                                                    -- when the last one was
    told    integer not null default 0 check (told in (0, 80, 100)), -- the percentage that was told last
    primary key (owner, kind, month)
) strict, without rowid;

-- Whom a delivery of an app reaches, one row each, and what became of it.
create table delivery_target (
    delivery_id integer not null references delivery (id) on delete cascade, -- which
    kind        text not null check (kind in ('user', 'conversation')), -- what the target is
    target      text not null,                                       -- user id or conversation id
    state       text not null check (state in ('delivered', 'refused')), -- a target without a row is still to be reached
    form        text not null check (form in ('message', 'card', 'ding', 'work_notification')), -- as what it was sent
    handle      text,                                                -- DingTalk's name for it: processQueryKey, outTrackId, openDingId, task id
    carrier     text,                                                -- of a card: the processQueryKey that tells who has read it
    at          text not null,                                       -- when
    answer      text,                                                -- why it was refused
    read_at     text,                                                -- when we learned that it had been read
    read_by     text not null default '[]' check (json_valid(read_by)), -- of a conversation: the user ids who have read it
    asked_at    text,                                                -- when it was last asked who has read it
    asked       integer not null default 0 check (asked >= 0),       -- how often
    recalled_at text,                                                -- when it was taken back
    kept        text,                                                -- why it could not be taken back
    shown       text,                                                -- of a card: hash of what it shows
    primary key (delivery_id, kind, target)
) strict, without rowid;
create index delivery_target_by_handle on delivery_target (handle);

-- User ids of mobile numbers, per app.
create table person (
    app     text not null,                                           -- hash of the app
    mobile  text not null,                                           -- the number
    user_id text not null,                                           -- who
    at      text not null,                                           -- when it was looked up
    primary key (app, mobile)
) strict, without rowid;

-- Who leads where only one node may act: the Stream connection of an app.
create table lease (
    name       text primary key,                                     -- of what
    owner      text not null,                                        -- the process
    until      text not null                                         -- after this another may take it
) strict, without rowid;

-- What has come through Stream already: a second copy is acknowledged and does nothing.
create table stream_message (
    id          text primary key,                                    -- DingTalk's message id
    at          text not null,                                       -- when it came
    answered_at text                                                 -- when the answer in the chat was taken
) strict, without rowid;
create index stream_message_by_age on stream_message (at);

-- Names of people who have written to an app's robot: a press on a card has only their user id.
create table member (
    app     text not null,                                           -- hash of the app
    user_id text not null,                                           -- who
    name    text not null,                                           -- the name that the chat showed
    at      text not null,                                           -- when it did last
    primary key (app, user_id)
) strict, without rowid;

-- Escalation steps of `[[notify]]` blocks with `after` that have been told of this firing: ["15m duty"].
alter table alert_state add column steps text not null default '[]' check (json_valid(steps));

-- The charted value of keys, poll by poll, for watchers with a `[chart]`. Bounded per key.
create table sample (
    fingerprint text not null,                                       -- which key
    at          text not null,                                       -- when the poll began
    value       text,                                                -- exact number; null: the row had none
    primary key (fingerprint, at)
) strict, without rowid;

-- Pictures that robots' messages link to, by an address nobody can guess.
create table picture (
    token      text primary key check (length(token) >= 32),         -- the unguessable part of the address
    delivery   integer references delivery (id) on delete cascade,   -- whose
    png        blob not null,                                        -- the picture
    expires_at text not null                                         -- after this it is gone
) strict, without rowid;
create index picture_by_age on picture (expires_at);
