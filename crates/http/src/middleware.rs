//! The one middleware of every request and response. Each further one would cost every request an
//! allocation and a layer of futures.

use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError as _};
use domain::RequestId;

use crate::cross_site::{self, Page};
use crate::problem::logged;
use crate::{Problem, base_path, breaker, doubled, exchange, measured, rate_limit, request_id, traced};

/// Records the request's progress on its connection, assigns its id, refuses forbidden requests,
/// and reserves memory for large responses. It refuses what is too much: of one client, or while
/// the database does not answer. It closes the connection after a response that was sent
/// before the end of the body, or to a request for another protocol: the bytes that follow cannot
/// be parsed. It measures how long the request took, and traces it.
///
/// # Errors
/// Those of the wrapped service.
pub(crate) async fn handle<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let began = Instant::now();
    let connection = exchange::begin(&request);
    let (id, span) = traced::begin(&request, request_id::given(&request));
    request_id::assign(&request, &id);
    let answered = match admit(&mut request, &id) {
        Ok(Admitted::Answered(response)) => Ok(request.into_response(response).map_into_right_body()),
        Ok(Admitted::From(page)) => answer(request, &id, page, next).await,
        Err(problem) => {
            // It is counted by its route, which knows no base path.
            drop(base_path::strip(&mut request));
            Ok(refuse(request, &problem))
        }
    };
    let closes = connection.is_some_and(|connection| connection.answers());
    let mut response = answered?;
    request_id::put_into(response.headers_mut(), &id);
    if closes {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    measured::count(&response, began, span);
    Ok(response)
}

/// A request that is allowed.
enum Admitted {
    /// It is answered already.
    Answered(HttpResponse),
    /// Perhaps a page of another origin sent it, which may read the answer.
    From(Option<Page>),
}

/// Whether the request is allowed. It loses the base path.
fn admit(request: &mut ServiceRequest, id: &RequestId) -> Result<Admitted, Problem> {
    doubled::check(request, id)?;
    let page = cross_site::check(request, id)?;
    Ok(base_path::strip(request).map_or(Admitted::From(page), Admitted::Answered))
}

/// Whether the request is within what its client and the service can take.
fn bound(request: &ServiceRequest, id: &RequestId) -> Result<(), Problem> {
    rate_limit::check(request, id)?;
    breaker::check(request, id)
}

async fn answer<B: MessageBody + 'static>(
    request: ServiceRequest,
    id: &RequestId,
    page: Option<Page>,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let preflight = page.as_ref().and_then(|page| page.preflight(&request));
    let mut response = if let Some(response) = preflight {
        request.into_response(response).map_into_right_body()
    } else if let Err(problem) = bound(&request, id) {
        let refusal = logged(request.request(), &problem);
        request.into_response(refusal).map_into_right_body()
    } else {
        let response = next.call(request).await?;
        match exchange::reserve(response.request(), response.response().body(), id) {
            Ok(()) => response.map_into_left_body(),
            Err(problem) => response.into_response(problem.error_response()).map_into_right_body(),
        }
    };
    if let Some(page) = page {
        page.open(response.headers_mut());
    }
    Ok(response)
}

fn refuse<B>(request: ServiceRequest, problem: &Problem) -> ServiceResponse<EitherBody<B>> {
    request.into_response(problem.error_response()).map_into_right_body()
}
