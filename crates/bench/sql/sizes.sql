-- Bytes of each table with its indexes and overflow, and how many rows it has.
select relname, pg_total_relation_size(relid), n_live_tup from pg_stat_user_tables order by relname;
