-- A request's row changes once, when it is decided. With room on its page the new version needs no
-- entry in an index.
alter table order_requests set (fillfactor = 60);
