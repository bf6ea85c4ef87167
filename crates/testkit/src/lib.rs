//! For tests only: a database and a vhost per test, real service processes, log readers.
