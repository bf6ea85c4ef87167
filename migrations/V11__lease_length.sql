-- How long a lease is at most. One that ends later than so much from now was given before the
-- database's clock was set back. Null: a worker of the version before gave it, and only it knows
-- how long its leases are. That lease ends when it says so.
alter table order_claims add column lease_seconds double precision;
