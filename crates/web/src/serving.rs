//! Serves shells and their files.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ETag, EntityTag, HeaderValue};
use actix_web::web::{Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use http_service::openapi::{IfNoneMatch, NotModified};
use http_service::resource::readable;
use http_service::{conditional, problem};
use sha2::{Digest as _, Sha256};

use crate::encoding::Encoding;
use crate::files::{self, Body, Page};
use crate::{Settings, language, policy};

/// A name that changes with the content may be kept for ever (a year, as RFC 9111 knows it).
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A page is asked for again each time, and is mostly unchanged.
const ASK_AGAIN: &str = "no-cache";

/// The files of all pages, below `/assets`, and `/docs`.
pub fn asset_routes(app: &mut ServiceConfig, settings: Settings) {
    app.app_data(Data::new(settings))
        .service(readable("/docs", docs))
        .service(readable("/assets/settings.js", settings_module))
        .service(readable("/assets/{name}", asset));
}

/// The description of the interface, for people
#[utoipa::path(
    get, path = "/docs", tag = "Description", operation_id = "docs_page",
    params(IfNoneMatch),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        NotModified,
    ),
)]
pub async fn docs(request: HttpRequest) -> HttpResponse {
    show(Page::Docs, &request)
}

/// A page in place of one that the request may not see, with this status.
pub(crate) fn show_instead(page: Page, status: StatusCode, request: &HttpRequest) -> HttpResponse {
    let mut response = show(page, request);
    // Nobody may keep it for the address: after a sign-in it shows another page.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().remove(header::ETAG);
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110, section 15.5.2. Browsers show no dialog for it.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A page, in the language of the request.
pub fn show(page: Page, request: &HttpRequest) -> HttpResponse {
    let Some(shell) = files::shell(page, language::of(request)) else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let origins = request.app_data::<Data<Settings>>().map(|settings| settings.origins(host));
    policy::of_page(&mut response, &origins.unwrap_or_default());
    response
        .insert_header((header::VARY, "Accept, Accept-Encoding, Accept-Language"))
        .insert_header((header::CONTENT_LANGUAGE, shell.language))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"));
    encoded(request, response, shell.body, ASK_AGAIN)
}

async fn asset(request: HttpRequest, name: Path<String>) -> HttpResponse {
    let Some(asset) = files::asset(&name) else { return problem::not_found(request).await };
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_TYPE, asset.media_type));
    encoded(&request, response, asset.body, FOR_EVER)
}

/// The module that tells pages where the services are.
async fn settings_module(request: HttpRequest, settings: Data<Settings>) -> HttpResponse {
    let module = settings.module();
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_TYPE, "text/javascript; charset=utf-8"));
    finished(&request, response, module.into(), ASK_AGAIN)
}

fn encoded(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    body: Body,
    cache: &'static str,
) -> HttpResponse {
    let encoding = Encoding::of(request);
    if let Some(name) = encoding.name() {
        response.insert_header((header::CONTENT_ENCODING, name));
    }
    finished(request, response, Bytes::from_static(encoding.take(body)), cache)
}

/// The response, or 304 if the client has these very bytes.
fn finished(
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    body: Bytes,
    cache: &'static str,
) -> HttpResponse {
    let tag = EntityTag::new_strong(tag_of(&body));
    let is_known = conditional::is_known(request, &tag);
    response.insert_header((header::CACHE_CONTROL, cache)).insert_header(ETag(tag));
    if is_known {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.body(body)
}

/// Of the bytes as they are sent, so that encodings have tags of their own (RFC 9110, section
/// 8.8.3).
fn tag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    format!("{:032x}", u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default()))
}
