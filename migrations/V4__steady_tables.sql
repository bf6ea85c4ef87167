-- Rows of these tables come and go with every order. What they leave behind is cleared away often, in small pieces, so that
-- a look at them costs the same after a million orders as after ten.
alter table order_outbox  set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
alter table status_outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
alter table order_claims  set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- One row that every order changes: its versions stay on its page.
alter table order_counters set (fillfactor = 10);
