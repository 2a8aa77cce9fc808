//! `wasi:http`: requests to the addresses that policy grants.

pub(in crate::sandbox) mod destination;
mod send;
mod wasi_0_3;

use std::sync::Arc;

use http::{Method, Request, Response};
use wasmtime_wasi_http::{Error, RequestOptions, Result, WasiBody, WasiHttpHooks};

use self::destination::Refusal;
use self::send::Sent;
use super::package::Package;
use super::{Capability, Grant, Without};
use crate::policy::{Ambiguous, HttpGrant, HttpTarget, ModulePolicy, Reach, caution};
use crate::sandbox::component::remedy::Remedies;
use crate::sandbox::limits::budget::Share;
use crate::sandbox::run::cancel::CancelSignal;
use crate::sandbox::run::dry_run::{DryRun, Recorder, RunMode};
use crate::sandbox::run::events::{Denial, JobEvents};

/// What the sandbox has to know of it.
pub(super) const CAPABILITY: Capability = Capability {
    name: "http",
    packages: &[
        Package::wasi("wasi:http", &["outgoing-handler", "types"]),
        Package::later("wasi:http", &["client", "types"]),
    ],
    grant: Some(Grant {
        without: Without::Powerless,
        line: r#"http = ["https://…/*"]"#,
        is_given: |grants| !grants.http.is_empty(),
        cautions: caution::of_addresses,
    }),
    dry_run: DryRun::Recorded,
    link: wasmtime_wasi_http::p2::add_only_http_to_linker_async,
    link_later: Some(wasi_0_3::link),
};

/// Headers by which some servers let a client ask for another address than that of the request.
const REDIRECTING: [&str; 7] = [
    "x-original-url",
    "x-rewrite-url",
    "x-original-uri",
    "x-forwarded-host",
    "x-forwarded-uri",
    "x-forwarded-prefix",
    "forwarded",
];
/// Headers by which some servers let a client ask for another method than that of the request.
const OVERRIDING: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// Lets granted requests out and no others. Redirects are requests of the guest's own, so each is checked.
pub(in crate::sandbox) struct Egress {
    /// The policy whose grants count.
    pub(in crate::sandbox) policy: Arc<ModulePolicy>,
    /// What would mend what the grants do not cover.
    pub(in crate::sandbox) remedies: Remedies,
    /// Who hears of attempts that the grants do not cover.
    pub(in crate::sandbox) events: Arc<dyn JobEvents>,
    /// Whether requests that do more than read are only recorded.
    pub(in crate::sandbox) mode: RunMode,
    /// The list in which they are recorded then.
    pub(in crate::sandbox) recorder: Recorder,
    /// The descriptors of the job, of which every connection takes some.
    pub(in crate::sandbox) descriptors: Share,
    /// The memory that the host keeps for the job, of which every connection takes some.
    pub(in crate::sandbox) memory: Share,
    /// How the job is told to stop, which ends a request that is under way.
    pub(in crate::sandbox) cancel: CancelSignal,
}

/// How many descriptors a connection takes: its own, and one by which its name is looked up.
const DESCRIPTORS: u64 = 2;
/// How many bytes a connection takes: its buffers, and what has arrived of a body that nobody has read yet.
const MEMORY: u64 = 128 << 10;
/// The most bytes of one write to the body of a request, which are kept until they are sent.
const MAX_CHUNK: usize = 64 << 10;

/// A request that may go out.
#[derive(Debug)]
struct Permit {
    /// Which addresses its host may have.
    reach: Reach,
    /// The line that would allow its host to have private addresses.
    private: String,
    /// What the request asks for.
    asked: Asked,
}

/// What a request asks for.
#[derive(Debug)]
struct Asked {
    target: HttpTarget,
    /// The method; `None` where it cannot be told for certain.
    method: Option<String>,
}

impl Asked {
    fn is_allowed_by(&self, grant: &HttpGrant) -> bool {
        grant.allows(&self.target) && grant.allows_method(self.method.as_deref())
    }
}

impl Egress {
    /// Whether the request may go out, and which addresses its host may have.
    fn check(&self, request: &Request<WasiBody>) -> Result<Permit> {
        let uri = request.uri();
        let named =
            |names: &[&'static str]| names.iter().copied().find(|name| request.headers().contains_key(*name));
        // With such a header it cannot be told what a server takes for the method.
        let method = named(&OVERRIDING).is_none().then(|| request.method().to_string());
        let asked = match target(request) {
            Ok(target) => Asked { target, method },
            Err(reason) => return Err(self.deny(format!("{} {uri} ({reason})", request.method()))),
        };
        // Grants add up: where one of them grants private addresses, they are granted.
        let covering = self.policy.grants.http.iter().filter(|grant| asked.is_allowed_by(grant));
        let Some(grant) = covering.max_by_key(|grant| grant.reach()) else {
            self.remedies.denied(|grants| grants.http.iter().any(|grant| asked.is_allowed_by(grant)));
            return Err(self.deny(format!("{} {uri}", request.method())));
        };
        if let Some(header) = named(&REDIRECTING) {
            return Err(self.deny(format!("{} {uri} with {header}", request.method())));
        }
        let reads = matches!(asked.method.as_deref(), Some("GET" | "HEAD"));
        if !reads {
            let effect = || format!("{} {uri}", request.method());
            let recorded = self.recorder.unless_dry(self.mode, CAPABILITY.dry_run, effect);
            recorded.map_err(|told| Error::InternalError(Some(format!("dry run: would send {told}"))))?;
        }
        Ok(Permit { reach: grant.reach(), private: grant.with_private(), asked })
    }

    /// Tells the audit log of a request that no grant covers, and returns what the guest is told.
    fn deny(&self, attempt: String) -> Error {
        self.events.denied(Denial { capability: CAPABILITY.name, attempt });
        Error::HttpRequestDenied
    }
}

/// The target of a request, where it can be told for certain.
fn target(request: &Request<WasiBody>) -> Result<HttpTarget, Ambiguous> {
    let uri = request.uri();
    // A tunnel leads to another address than the request's own.
    let host = if request.method() == Method::CONNECT { "" } else { uri.host().unwrap_or_default() };
    let alone = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let host = if alone { host } else { "" };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    HttpTarget::of(uri.scheme_str().unwrap_or_default(), host, uri.port_u16(), path)
}

/// How many bytes a request has without its body, which is counted as the guest's until it is sent.
fn size(request: &Request<WasiBody>) -> u64 {
    let uri = request.uri();
    let host = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    (request.method().as_str().len() + host + path + headers.sum::<usize>()) as u64
}

impl WasiHttpHooks for Egress {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_CHUNK
    }

    fn p3_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_CHUNK
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Sent<(Response<WasiBody>, Sent<()>)> {
        let (permit, cancel, events) = (self.check(&request), self.cancel.clone(), self.events.clone());
        let remedies = self.remedies.clone();
        let held = (self.descriptors.take(DESCRIPTORS), self.memory.take(MEMORY + size(&request)));
        // This ends with the job: WASI runs it in a task that is aborted when its handle is dropped.
        Box::new(async move {
            let Permit { reach, private, asked } = permit?;
            let (Ok(descriptors), Ok(memory)) = held else { return Err(Error::ConnectionLimitReached) };
            let answered = async {
                // The body cannot be shared with another thread, so nothing of the request is borrowed here.
                let (method, uri) = (request.method().clone(), request.uri().clone());
                let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
                let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
                let addresses = match destination::addresses(host, port, reach).await {
                    Ok(addresses) => addresses,
                    Err(Refusal::Failed(error)) => return Err(error),
                    Err(Refusal::Prohibited(address)) => {
                        let reaches = |grant: &HttpGrant| {
                            asked.is_allowed_by(grant) && destination::is_within(address, grant.reach())
                        };
                        remedies.denied(|grants| grants.http.iter().any(reaches));
                        let remedy = destination::remedy(address, private);
                        let attempt = format!("{method} {uri} at {address}, which takes {remedy}");
                        events.denied(Denial { capability: CAPABILITY.name, attempt });
                        return Err(Error::DestinationIpProhibited);
                    }
                };
                let (response, connection) = send::send(request, &addresses, options, memory).await?;
                // The connection is kept for as long as its body may still arrive.
                let connection = async move {
                    let ended = Box::into_pin(connection).await;
                    drop(descriptors);
                    ended
                };
                Ok((response, Box::new(connection) as Sent<()>))
            };
            tokio::select! {
                answered = answered => answered,
                () = cancel.cancelled() => Err(Error::InternalError(Some("the job is being cancelled".into()))),
            }
        })
    }
}

#[allow(clippy::unwrap_used)]
#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Empty};

    use super::*;
    use crate::policy::Grants;
    use crate::sandbox::limits::budget::Budget;
    use crate::sandbox::run::events::testing::Recorded;

    fn request(method: Method, uri: &str) -> Request<WasiBody> {
        let body = Empty::new().map_err(|never: std::convert::Infallible| match never {}).boxed_unsync();
        Request::builder().method(method).uri(uri).body(body).unwrap()
    }

    fn egress(granted: &[&str], mode: RunMode) -> (Egress, Arc<Recorded>) {
        let http = granted.iter().map(|url| url.parse().unwrap()).collect();
        let policy = ModulePolicy { grants: Grants { http, ..Grants::default() }, ..ModulePolicy::default() };
        let events = Arc::new(Recorded::default());
        let (recorder, cancel) = (Recorder::default(), CancelSignal::new());
        let (policy, descriptors) = (Arc::new(policy), Budget::new(100, 0, 1).share(100));
        let memory = Budget::new(1 << 30, 0, 1).share(1 << 30);
        let remedies = Remedies::new("a".parse().unwrap(), None);
        (
            Egress { policy, remedies, events: events.clone(), mode, recorder, descriptors, memory, cancel },
            events,
        )
    }

    #[test]
    fn a_request_beyond_the_grants_is_denied_and_audited() {
        let (egress, events) = egress(&["https://a.example/*"], RunMode::Real);
        assert!(egress.check(&request(Method::GET, "https://a.example/x")).is_ok());
        let refused = egress.check(&request(Method::GET, "https://b.example/x"));
        assert!(matches!(refused, Err(Error::HttpRequestDenied)));
        assert_eq!(events.denied.lock().unwrap()[0].attempt, "GET https://b.example/x");
    }

    #[test]
    fn a_dry_run_reads_and_records_what_it_would_send() {
        let (egress, _) = egress(&["https://a.example"], RunMode::Dry);
        assert!(egress.check(&request(Method::GET, "https://a.example/x")).is_ok());
        assert!(egress.check(&request(Method::POST, "https://a.example/x")).is_err());
        assert_eq!(egress.recorder.take(), ["POST https://a.example/x"]);
    }

    #[test]
    fn a_header_or_a_tunnel_that_leads_elsewhere_is_denied() {
        let (egress, events) = egress(&["https://a.example/v1/*"], RunMode::Real);
        let mut led = request(Method::GET, "https://a.example/v1/x");
        led.headers_mut().insert("x-original-url", "/admin".parse().unwrap());
        for refused in [
            led,
            request(Method::CONNECT, "https://a.example/v1/x"),
            request(Method::GET, "https://b@a.example/v1/x"),
            request(Method::GET, "https://a.example/v1/..%2fadmin"),
            request(Method::GET, "https://a.example/v1/..;/admin"),
            request(Method::GET, "https://a.example/v1?/x"),
        ] {
            assert!(matches!(egress.check(&refused), Err(Error::HttpRequestDenied)), "{refused:?}");
        }
        let denied = events.denied.lock().unwrap();
        assert!(
            denied[3].attempt.ends_with(
                "(it has an escaped separator, which can be taken for another address \
                 than the granted one)"
            ),
            "{denied:?}"
        );
    }

    #[test]
    fn a_dry_run_does_not_take_a_method_that_a_header_replaces_for_reading() {
        let (egress, _) = egress(&["https://a.example"], RunMode::Dry);
        let mut deleting = request(Method::GET, "https://a.example/x");
        deleting.headers_mut().insert("x-http-method-override", "DELETE".parse().unwrap());
        assert!(egress.check(&deleting).is_err());
    }

    #[test]
    fn a_grant_for_some_methods_lets_no_other_out_in_whatever_clothes() {
        let table = toml::from_str::<crate::policy::Policy>(
            "[a]\nhttp = [{ url = 'http://*/*', methods = ['GET'] }, 'http://a.example/*']",
        );
        let policy = table.unwrap().of(&"a".parse().unwrap());
        let (egress, events) = egress(&[], RunMode::Real);
        let egress = Egress { policy: Arc::new(policy), ..egress };
        let mut deleting = request(Method::GET, "http://b.example/x");
        deleting.headers_mut().insert("x-http-method-override", "DELETE".parse().unwrap());
        for refused in [
            request(Method::POST, "http://b.example/x"),
            request(Method::HEAD, "http://b.example/x"),
            request(Method::from_bytes(b"get").unwrap(), "http://b.example/x"),
            deleting,
        ] {
            assert!(matches!(egress.check(&refused), Err(Error::HttpRequestDenied)), "{refused:?}");
        }
        assert_eq!(events.denied.lock().unwrap()[0].attempt, "POST http://b.example/x");
        assert!(egress.check(&request(Method::GET, "http://b.example/x")).is_ok());
        assert!(egress.check(&request(Method::POST, "http://a.example/x")).is_ok());
    }

    #[test]
    fn the_grant_that_says_most_of_addresses_counts() {
        let table = toml::from_str::<crate::policy::Policy>(
            "[a]\nhttp = ['http://a.example/*', { url = 'http://a.example/x/*', private = true }]",
        );
        let policy = table.unwrap().of(&"a".parse().unwrap());
        let (egress, _) = egress(&[], RunMode::Real);
        let egress = Egress { policy: Arc::new(policy), ..egress };
        let reach = |uri: &str| egress.check(&request(Method::GET, uri)).unwrap().reach;
        assert_eq!(reach("http://a.example/y"), Reach::Public);
        assert_eq!(reach("http://a.example/x/y"), Reach::Private);
    }
}
