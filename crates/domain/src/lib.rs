//! What an order is, and every rule about it: pure functions and types, no I/O and no clock.
//!
//! The services, `db` and `bus` all use these types. This crate depends on none of them; it only
//! names the services.

pub mod basket;
pub mod cancel_request;
pub mod estimate;
pub mod idempotency;
pub mod inventory;
pub mod json_body;
pub mod label;
pub mod menu;
pub mod money;
#[cfg(feature = "openapi")]
mod openapi;
pub mod order;
pub mod order_identity;
pub mod order_message;
pub mod order_number;
pub mod order_pointer;
pub mod order_request;
pub mod order_status;
pub mod order_token;
pub mod order_type;
pub mod order_types;
pub mod pause_request;
pub mod place_order;
pub mod price;
pub mod pricing;
pub mod priority;
pub mod quote_request;
pub mod record;
pub mod request_id;
pub mod server_user;
pub mod service_name;
pub mod status_update;
pub mod stock_edit;
pub mod text_rules;
pub mod time_zone;
pub mod timestamp;
pub mod trace_parent;
pub mod worker;

pub use idempotency::{Fingerprint, IdempotencyKey, IdempotentRequest};
pub use inventory::StockLeft;
pub use label::Label;
pub use menu::{Category, Menu, MenuItem, MenuItemId};
pub use money::Money;
pub use order::{Fulfilment, NewOrder, OrderItem};
pub use order_identity::OrderIdentity;
pub use order_message::OrderMessage;
pub use order_number::OrderNumber;
pub use order_pointer::OrderPointer;
pub use order_request::{OrderRequest, OrderRequestId, RequestStatus};
pub use order_status::OrderStatus;
pub use order_token::OrderTokenKey;
pub use order_type::OrderType;
pub use order_types::OrderTypes;
pub use price::Price;
pub use priority::Priority;
pub use request_id::RequestId;
pub use server_user::ServerUser;
pub use service_name::ServiceName;
pub use status_update::StatusUpdate;
pub use time_zone::TimeZone;
pub use trace_parent::TraceParent;
pub use worker::{Specialisation, WorkerName};
