//! How an executor is, over HTTP: `/healthz` says that it runs, `/readyz` that its scheduler has heard of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use ballista_core::error::BallistaError;
use ballista_executor::health::ExecutorHealth;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Answers from now on.
///
/// # Errors
/// An address that cannot be bound.
pub(super) async fn serve(
    address: SocketAddr,
    health: ExecutorHealth,
) -> Result<(), BallistaError> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(BallistaError::IoError)?;
    tokio::spawn(async move {
        loop {
            let Ok((connection, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_secs(1)).await; // it has no more descriptors
                continue;
            };
            let health = health.clone();
            tokio::spawn(async move {
                let answer = service_fn(|request: Request<Incoming>| {
                    let answer = answer(request.uri().path(), health.is_ready());
                    async move { Ok::<_, Infallible>(answer) }
                });
                let served =
                    http1::Builder::new().serve_connection(TokioIo::new(connection), answer);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a look at the executor's health was cut off");
                }
            });
        }
    });
    Ok(())
}

fn answer(path: &str, is_ready: bool) -> Response<Full<Bytes>> {
    let (status, text) = match (path, is_ready) {
        ("/healthz", _) => (StatusCode::OK, "ok\n"),
        ("/readyz", true) => (StatusCode::OK, "ready\n"),
        ("/readyz", false) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the scheduler has not heard of this executor\n",
        ),
        _ => (StatusCode::NOT_FOUND, "/healthz or /readyz\n"),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}
