-- What the order's message must say: SHA-256 of the total and the lines as they were placed. A worker compares it with what a
-- message says; where they differ, or an older version placed the order, it compares the rows.
alter table order_identities add column contents bytea;
