-- From here on who stores an order gives it its identity. An order service of the version before,
-- if it still runs, stores orders without: they are cooked, but their guests cannot cancel.
drop trigger give_identities on orders;
drop function give_identities();
