-- What is no longer open stays in the index of open orders until a vacuum, and the sweeper goes over it. By default that may be a
-- fifth of all orders there ever were.
alter table orders set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
