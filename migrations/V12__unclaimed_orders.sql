-- Orders whose messages a worker holds without cooking them, by number: they are in no queue, and
-- not lost. Null: it holds nothing that it does not cook.
alter table worker_sessions add column unclaimed text[];
