-- The place of the order's request in a distributed trace (W3C Trace Context), if it is in one. It
-- has no default and no check: the table is locked for a moment only, a row without it is as large
-- as before, and programs of the version before leave it out.
alter table order_outbox add column traceparent text;
