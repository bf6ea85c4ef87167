//! The cluster on this machine: both servers and every service, under one supervisor.

pub mod accounts;
pub mod choice;
pub mod closing;
pub mod composed;
pub mod defaults;
pub mod docker;
pub mod environment;
pub mod folder;
pub mod limits;
pub mod lock;
pub mod menu;
pub mod observation;
pub mod opening;
pub mod plan;
pub mod production;
pub mod reachable;
pub mod record;
pub mod servers;
pub mod service;
pub mod signals;
pub mod state;
pub mod supervisor;
