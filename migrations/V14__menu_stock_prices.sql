-- The menu, its stock and its prices. The checks repeat the rules of the programs, so that an edit
-- by hand cannot leave a row that no program can read.

-- What the restaurant sells. `sold_out` is the mark by hand; with a null `sold_out_until` it has no
-- end. An item that ran out has no mark: the "left" of its stock says so, and a restock is enough
-- to bring it back. Names are compared when a statement ends, so two items may swap theirs.
create table menu_items (
    id              text          primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    name            text          not null unique deferrable initially immediate
                                  check (char_length(name) between 1 and 50),
    description     text          not null default '' check (char_length(description) <= 500),
    category        text          not null check (char_length(category) between 1 and 50),
    price           decimal(8,2)  not null check (price between 0.01 and 999.99),
    order_types     text[]        not null default '{dine_in,takeout,delivery}'
                                  check (cardinality(order_types) > 0 and order_types <@ '{dine_in,takeout,delivery}'
                                         and array_position(order_types, null) is null),
    position        integer       not null default 0 check (position between 0 and 10000),
    available       boolean       not null default true,
    sold_out        boolean       not null default false,
    sold_out_until  timestamptz   check (isfinite(sold_out_until)),
    updated_at      timestamptz   not null default now(),
    check (sold_out or sold_out_until is null)
);

-- Discounts, fees and taxes, applied in the order of (priority, id).
create table price_rules (
    id           text           primary key check (id ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    kind         text           not null check (kind in ('discount', 'fee', 'tax')),
    label        text           not null check (char_length(label) between 1 and 50),
    priority     integer        not null default 0 check (priority between 0 and 10000),
    percent      decimal(7,4)   check (percent > 0 and percent <= 100),    -- of a discount
    rate         decimal(7,4)   check (rate between 0 and 100),            -- of a tax, in per cent
    amount       decimal(8,2)   check (amount between 0.01 and 999.99),    -- of a discount or fee
    item         text           check (item ~ '^[a-z0-9][a-z0-9-]{0,63}$'),
    category     text           check (char_length(category) between 1 and 50),
    min_total    decimal(10,2)  check (min_total > 0),
    below        decimal(10,2)  check (below > 0),
    order_types  text[]         not null default '{dine_in,takeout,delivery}'
                                check (cardinality(order_types) > 0 and order_types <@ '{dine_in,takeout,delivery}'
                                       and array_position(order_types, null) is null),
    weekdays     text[]         not null default '{mon,tue,wed,thu,fri,sat,sun}'
                                check (cardinality(weekdays) > 0 and weekdays <@ '{mon,tue,wed,thu,fri,sat,sun}'
                                       and array_position(weekdays, null) is null),
    hours_from   time           check (hours_from < '24:00' and extract(second from hours_from) = 0),
    hours_until  time           check (extract(second from hours_until) = 0),
    valid_from   date           check (valid_from between '0001-01-01' and '9999-12-31'),
    valid_until  date           check (valid_until between '0001-01-01' and '9999-12-31'),
    included     boolean        not null default false,
    updated_at   timestamptz    not null default now(),
    check (valid_from <= valid_until),
    check (num_nonnulls(item, category) <= 1),
    check (num_nonnulls(hours_from, hours_until) in (0, 2) and hours_from <> hours_until),
    check (case kind
        when 'discount' then num_nonnulls(percent, amount) = 1 and num_nonnulls(rate, below) = 0 and not included
        when 'fee' then amount is not null and num_nonnulls(percent, rate, item, category) = 0 and not included
        when 'tax' then rate is not null and num_nonnulls(percent, amount, below) = 0
    end)
);

-- How often the menu or the rules were edited, by whomever. Each order service keeps both in memory
-- and asks for this number to see whether they are still the same.
create table menu_version (
    single   boolean  primary key default true check (single),
    version  bigint   not null
);
insert into menu_version (version) values (1);

-- One transaction is one edit: its first row leaves its id on the version, and the others find it.
create function count_menu_edit() returns trigger language plpgsql set search_path from current as $$
begin
    update menu_version set version = version + 1 where xmin <> pg_current_xact_id()::xid;
    return null;
end $$;
create trigger count_menu_edit after insert or update or delete on menu_items
    for each row execute function count_menu_edit();
create trigger count_menu_end after truncate on menu_items
    for each statement execute function count_menu_edit();
create trigger count_menu_edit after insert or update or delete on price_rules
    for each row execute function count_menu_edit();
create trigger count_menu_end after truncate on price_rules
    for each statement execute function count_menu_edit();

-- How many portions are left. An item without a row is unlimited. Orders change a row many times a
-- second, so its versions stay on its page.
create table inventory_items (
    item_id     text         primary key references menu_items(id) on delete cascade,
    "left"      integer      not null check ("left" >= 0),
    updated_at  timestamptz  not null default now()
) with (fillfactor = 10);

-- Every change of that number: "left", or 0 without a row, is the sum of an item's deltas. `order`
-- is a sale, `cancel` gives it back, and `waste` was cooked before it was cancelled. The history
-- outlives its item. No row refers to a movement, so its id has no key that could refuse an order.
create table inventory_movements (
    id          bigint       not null generated always as identity,
    created_at  timestamptz  not null default now(),
    item_id     text         not null,
    order_id    integer,    -- null: staff did it, or the order is gone
    delta       integer      not null,
    left_after  integer      check (left_after >= 0),    -- null: unlimited, or off the menu
    quantity    integer      not null check (quantity >= 0),
    reason      text         not null
                             check (reason in ('set', 'restock', 'order', 'cancel', 'waste', 'unlimited', 'removed')),
    changed_by  text         not null
);
create index inventory_movements_by_item on inventory_movements (item_id, id);
-- Nothing is given back twice.
create unique index inventory_movements_by_order on inventory_movements (order_id, item_id, reason);

-- What the rules changed about an order. The sum of its items and of these amounts is its total.
create table order_adjustments (
    order_id  integer        not null,
    place     integer        not null check (place > 0),    -- the order of application
    kind      text           not null check (kind in ('discount', 'fee', 'tax')),
    rule      text           not null,
    label     text           not null,
    line      integer        check (line >= 0),    -- of a discount: the order's line, from 0
    base      decimal(10,2)  not null,
    amount    decimal(10,2)  not null,
    included  decimal(10,2),    -- the tax that the base includes; null if it is added, or no tax
    primary key (order_id, place)
);

-- What goes with an order that is removed, by hand only. Foreign keys would see to that as well, and
-- would look up the order of each row that is stored: as much as it costs to store the row.
create function forget_adjustments() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'TRUNCATE' then
        delete from order_adjustments;
        update inventory_movements set order_id = null where order_id is not null;
    else
        delete from order_adjustments using removed where order_id = removed.id;
        update inventory_movements set order_id = null from removed where order_id = removed.id;
    end if;
    return null;
end $$;
create trigger forget_adjustments after delete on orders referencing old table as removed
    for each statement execute function forget_adjustments();
create trigger forget_all_adjustments after truncate on orders
    for each statement execute function forget_adjustments();
