-- The event log in PostgreSQL (15 or later). Run by log_schema.create_log, again and again, as the log's administrator.
--
-- Nobody but the administrator touches a table. Services call the functions below, which run with the administrator's
-- rights and ask first what the caller (session_user, which no SET ROLE changes) was granted: the counterpart of
-- Kafka's ACLs. A service that is not named in a topic's grants can neither write nor read it.

create schema if not exists event_log;
revoke all on schema event_log from public;
grant usage on schema event_log to public;

create table if not exists event_log.topic (
    topic_id smallint generated always as identity primary key,
    name text not null unique,
    partitions smallint not null check (partitions > 0),
    retention_days int not null check (retention_days > 0)
);

create table if not exists event_log.topic_grant (
    topic_id smallint not null references event_log.topic,
    principal text not null,
    may_write boolean not null,
    may_read boolean not null,
    primary key (topic_id, principal)
);

-- One row a partition: where its next record goes. Its row lock is what makes positions dense and in order of commit.
-- Updated at every append, so half of each page is left free for the new versions.
create table if not exists event_log.head (
    topic_id smallint not null references event_log.topic,
    part smallint not null,
    next_position bigint not null default 0,
    primary key (topic_id, part)
) with (fillfactor = 50);

create table if not exists event_log.record (
    topic_id smallint not null,
    part smallint not null,
    position bigint not null,
    key text not null,
    value bytea not null,
    headers json not null,
    appended_at timestamptz not null default clock_timestamp(),
    primary key (topic_id, part, position)
);

-- A group belongs to the principal after which it is named, as in Kafka's ACLs: `<principal>.<purpose>`.
create table if not exists event_log.consumer_group (
    group_id int generated always as identity primary key,
    name text not null unique,
    principal text not null
);

-- Members live no longer than their sessions, hence no longer than the server: nothing of this need survive a crash.
create unlogged table if not exists event_log.group_member (
    group_id int not null references event_log.consumer_group,
    member_id uuid not null,
    topic_ids smallint[] not null,
    backend_pid int not null,
    seen_at timestamptz not null,
    primary key (group_id, member_id)
);

create table if not exists event_log.group_position (
    group_id int not null references event_log.consumer_group,
    topic_id smallint not null,
    part smallint not null,
    next_position bigint not null,
    primary key (group_id, topic_id, part)
) with (fillfactor = 50);

-- Two kinds of advisory lock, both held by the member's session, so that they are free the moment it is gone:
-- the seat says that a member lives, the claim that it owns a partition.
create or replace function event_log.seat_key(member_id uuid) returns bigint
language sql immutable as $$
    select hashtextextended('seat ' || member_id::text, 0)
$$;

create or replace function event_log.claim_key(group_id int, topic_id smallint, part smallint) returns bigint
language sql immutable as $$
    select hashtextextended(format('claim %s %s %s', group_id, topic_id, part), 0)
$$;

create or replace function event_log.topics()
returns table (topic_id smallint, name text, partitions smallint)
language sql stable security definer set search_path = event_log, pg_temp as $$
    select t.topic_id, t.name, t.partitions from topic t
$$;

-- Appends a batch in the order of its arrays; all of it or nothing. The heads are locked in one order everywhere, so
-- two batches never wait for each other in a circle. One NOTIFY a topic and batch: NOTIFY serialises commits.
create or replace function event_log.append(
    topic_ids smallint[], parts smallint[], keys text[], vals bytea[], header_sets json[]
) returns void
language plpgsql security definer set search_path = event_log, pg_temp set work_mem = '32MB' as $$
declare
    appended bigint;
begin
    if exists (
        select from (select distinct unnest(topic_ids) as topic_id) wanted
        left join topic_grant g
            on g.topic_id = wanted.topic_id and g.principal = session_user and g.may_write
        where g.topic_id is null
    ) then
        raise insufficient_privilege using message = format('%s may not write to this topic', session_user);
    end if;

    perform from head h
    join (select distinct u.topic_id, u.part from unnest(topic_ids, parts) as u(topic_id, part)) touched
        on touched.topic_id = h.topic_id and touched.part = h.part
    order by h.topic_id, h.part
    for update of h;

    with incoming as materialized (
        select * from unnest(topic_ids, parts, keys, vals, header_sets)
            with ordinality as i(topic_id, part, key, value, headers, turn)
    ), amounts as (
        select i.topic_id, i.part, count(*) as amount from incoming i group by 1, 2
    ), advanced as (
        update head h set next_position = h.next_position + a.amount
        from amounts a where a.topic_id = h.topic_id and a.part = h.part
        returning h.topic_id, h.part, h.next_position - a.amount as base
    )
    insert into record (topic_id, part, position, key, value, headers)
    select i.topic_id, i.part,
        a.base + row_number() over (partition by i.topic_id, i.part order by i.turn) - 1,
        i.key, i.value, i.headers
    from incoming i join advanced a on a.topic_id = i.topic_id and a.part = i.part;

    get diagnostics appended = row_count;
    if appended <> cardinality(keys) then
        raise undefined_object using message = 'a record names a partition that does not exist';
    end if;

    perform pg_notify('event_log_topic_' || touched.topic_id, '')
    from (select distinct unnest(topic_ids) as topic_id) touched;
end $$;

-- Makes this session a member of the group; the others hear of it and give up what is too much.
create or replace function event_log.join_group(group_name text, member uuid, topic_names text[]) returns int
language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
    joined consumer_group;
    readable smallint[];
begin
    select array_agg(t.topic_id) into readable
    from topic t join topic_grant g on g.topic_id = t.topic_id and g.principal = session_user and g.may_read
    where t.name = any (topic_names);
    if cardinality(readable) is distinct from cardinality(topic_names) then
        raise insufficient_privilege using message = format('%s may not read all of these topics', session_user);
    end if;

    if not starts_with(group_name, session_user || '.') then
        raise insufficient_privilege using message = format('%s may only join groups named %1$s.…', session_user);
    end if;
    insert into consumer_group (name, principal) values (group_name, session_user) on conflict do nothing;
    select * into strict joined from consumer_group where name = group_name;

    perform pg_advisory_lock(seat_key(member));
    insert into group_member (group_id, member_id, topic_ids, backend_pid, seen_at)
    values (joined.group_id, member, readable, pg_backend_pid(), clock_timestamp());
    perform pg_notify('event_log_group_' || joined.group_id, '');
    return joined.group_id;
end $$;

-- Removes the members of a group whose session is gone, and ends the session of one that has been silent for too long:
-- with the session go its claims, and with them the right to commit.
create or replace function event_log.remove_dead_members(of_group int, me uuid, silence interval) returns void
language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
    other group_member;
begin
    for other in select * from group_member m where m.group_id = of_group and m.member_id <> me
    loop
        if pg_try_advisory_xact_lock_shared(seat_key(other.member_id)) then
            delete from group_member m where m.member_id = other.member_id and m.group_id = of_group;
        elsif other.seen_at < clock_timestamp() - silence then
            -- The seat is held, so the process id is still that of the member's own session.
            begin
                perform pg_terminate_backend(other.backend_pid);
                delete from group_member m where m.member_id = other.member_id and m.group_id = of_group;
            exception when insufficient_privilege then
                null; -- An administrator without pg_signal_backend cannot end it; its claims stay until it goes.
            end;
        end if;
    end loop;
end $$;
revoke execute on function event_log.remove_dead_members(int, uuid, interval) from public;

-- A member's sign of life. Shares each topic's partitions evenly among the members that read it: gives up what is more
-- than this member's part (never a partition in `busy`: its records are being handled), claims what is free, and
-- answers all it owns now, with the group's positions. `surplus` marks what it should give up when it can.
create or replace function event_log.share_out(
    of_group int, member uuid, busy_topics smallint[], busy_parts smallint[], silence interval
) returns table (topic_id smallint, part smallint, committed bigint, next_position bigint, surplus boolean)
language plpgsql security definer set search_path = event_log, pg_temp as $$
#variable_conflict use_column
declare
    me group_member;
    shared record;
    candidate record;
    fair int;
    held int;
    given_up boolean := false;
    mine bigint[];
    owned_topics smallint[] := '{}';
    owned_parts smallint[] := '{}';
    surplus_flags boolean[] := '{}';
begin
    update group_member m set seen_at = clock_timestamp()
    where m.group_id = of_group and m.member_id = member and m.backend_pid = pg_backend_pid()
    returning * into me;
    if not found then
        raise object_not_in_prerequisite_state using message = 'this session is no member of the group';
    end if;
    if exists (
        select from unnest(me.topic_ids) as wanted(topic_id)
        left join topic_grant g on g.topic_id = wanted.topic_id and g.principal = session_user and g.may_read
        where g.topic_id is null
    ) then
        raise insufficient_privilege using message = format('%s may no longer read all of these topics', session_user);
    end if;
    perform remove_dead_members(of_group, member, silence);
    select coalesce(array_agg(l.classid::bigint << 32 | l.objid::bigint), '{}') into mine
    from pg_locks l
    where l.locktype = 'advisory' and l.pid = pg_backend_pid() and l.granted and l.objsubid = 1;

    for shared in
        select t.topic_id, t.partitions, count(*)::int as members,
            count(*) filter (where m.member_id < member)::int as rank
        from topic t
        join group_member m on m.group_id = of_group and t.topic_id = any (m.topic_ids)
        where t.topic_id = any (me.topic_ids)
        group by t.topic_id, t.partitions
    loop
        -- Who gets one more when it does not divide: another member for each topic.
        fair := shared.partitions / shared.members
            + case when (shared.rank + shared.topic_id) % shared.members < shared.partitions % shared.members
                then 1 else 0 end;
        held := 0;
        for candidate in
            select p.part::smallint as part, k.lock_key,
                k.lock_key = any (mine) as is_mine,
                exists (
                    select from unnest(busy_topics, busy_parts) as b(topic_id, part)
                    where b.topic_id = shared.topic_id and b.part = p.part
                ) as is_busy
            from generate_series(0, shared.partitions - 1) as p(part)
            cross join lateral (select claim_key(of_group, shared.topic_id, p.part::smallint) as lock_key) k
            order by is_mine desc, is_busy desc, (p.part + shared.rank * fair) % shared.partitions
        loop
            if candidate.is_mine then
                if held >= fair and not candidate.is_busy then
                    perform pg_advisory_unlock(candidate.lock_key);
                    given_up := true;
                    continue;
                end if;
            elsif held >= fair or not pg_try_advisory_lock(candidate.lock_key) then
                continue;
            end if;
            held := held + 1;
            owned_topics := owned_topics || shared.topic_id;
            owned_parts := owned_parts || candidate.part;
            surplus_flags := surplus_flags || (held > fair);
        end loop;
    end loop;
    if given_up then
        perform pg_notify('event_log_group_' || of_group, '');
    end if;

    return query
    select o.topic_id, o.part, coalesce(p.next_position, 0), h.next_position, o.surplus
    from unnest(owned_topics, owned_parts, surplus_flags) as o(topic_id, part, surplus)
    join head h on h.topic_id = o.topic_id and h.part = o.part
    left join group_position p on p.group_id = of_group and p.topic_id = o.topic_id and p.part = o.part;
end $$;

-- The next records of these partitions: an equal number of each that has any, at most max_records in all, and no more
-- than fit into max_bytes beyond the first.
create or replace function event_log.read(
    topic_ids smallint[], parts smallint[], starts bigint[], max_records int, max_bytes bigint
) returns table (topic_id smallint, part smallint, "position" bigint, key text, value bytea, headers json)
language plpgsql stable security definer set search_path = event_log, pg_temp as $$
#variable_conflict use_column
begin
    return query
    with waiting as materialized (
        select w.topic_id, w.part, w.start, w.turn, count(*) over () as amount
        from unnest(topic_ids, parts, starts) with ordinality as w(topic_id, part, start, turn)
        join head h on h.topic_id = w.topic_id and h.part = w.part and h.next_position > w.start
        join topic_grant g on g.topic_id = w.topic_id and g.principal = session_user and g.may_read
    ), found as (
        select w.turn, r.*,
            sum(octet_length(r.value)) over (order by w.turn, r.position) - octet_length(r.value) as bytes_before
        from waiting w
        cross join lateral (
            select r.topic_id, r.part, r.position, r.key, r.value, r.headers
            from record r
            where r.topic_id = w.topic_id and r.part = w.part and r.position >= w.start
            order by r.position
            limit ceil(max_records::numeric / w.amount)
        ) r
    )
    select f.topic_id, f.part, f.position, f.key, f.value, f.headers
    from found f
    where f.bytes_before < max_bytes
    order by f.turn, f.position
    limit max_records;
end $$;

create or replace function event_log.commit_positions(
    of_group int, topic_ids smallint[], parts smallint[], positions bigint[]
) returns void
language plpgsql security definer set search_path = event_log, pg_temp as $$
begin
    if not exists (select from consumer_group g where g.group_id = of_group and g.principal = session_user) then
        raise insufficient_privilege using message = 'this consumer group belongs to another principal';
    end if;
    -- Nobody waits for the disk: a position that a crash takes back only brings records again, and the inbox drops them.
    perform set_config('synchronous_commit', 'off', true);
    insert into group_position as p (group_id, topic_id, part, next_position)
    select of_group, n.topic_id, n.part, n.next_position
    from unnest(topic_ids, parts, positions) as n(topic_id, part, next_position)
    on conflict (group_id, topic_id, part) do update set next_position = excluded.next_position;
end $$;

create or replace function event_log.leave_group(of_group int, member uuid) returns void
language plpgsql security definer set search_path = event_log, pg_temp as $$
begin
    delete from group_member m
    where m.group_id = of_group and m.member_id = member and m.backend_pid = pg_backend_pid();
    perform pg_advisory_unlock_all();
    perform pg_notify('event_log_group_' || of_group, '');
end $$;

-- Deletes what is older than its topic's retention, whoever has or has not read it, a portion at a time from the old
-- end of each partition. Answers how many records went; the caller repeats until there are none.
create or replace function event_log.prune(as_of timestamptz, portion int) returns bigint
language plpgsql set search_path = event_log, pg_temp as $$
declare
    oldest record;
    gone bigint;
    total bigint := 0;
begin
    for oldest in
        select h.topic_id, h.part, as_of - make_interval(days => t.retention_days) as kept_since
        from head h join topic t using (topic_id)
    loop
        delete from record r
        using (
            select o.position from record o
            where o.topic_id = oldest.topic_id and o.part = oldest.part
            order by o.position limit portion
        ) o
        where r.topic_id = oldest.topic_id and r.part = oldest.part and r.position = o.position
            and r.appended_at < oldest.kept_since;
        get diagnostics gone = row_count;
        total := total + gone;
    end loop;
    return total;
end $$;
revoke execute on function event_log.prune(timestamptz, int) from public;

-- The same for anybody, by the database's own clock: what is past its retention may go, whoever says so.
create or replace function event_log.prune_expired(portion int) returns bigint
language sql security definer set search_path = event_log, pg_temp as $$
    select prune(clock_timestamp(), portion)
$$;
